"""What the receivers' tests share: an alert, real SMTP and HTTP servers on loopback, and one way to build each."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from alerts.receivers.build import KINDS
from alerts.receivers.email import EmailReceiver
from alerts.receivers.receiver import HttpReceiver
from tests.started import free_port
from tidings.settings import EmailSettings, OutgoingSettings, ReceiverSettings
from tidings.types import Alert, Evidence, Notification, NotificationReason, Window, Word

AT = datetime(2024, 5, 6, 12, 30, tzinfo=UTC)
ALERT = Alert(
    alert_id="00c0ffee00c0ffee-20240506T123000Z",
    fingerprint="00c0ffee00c0ffee",
    rule="name-breaking",
    scope="entity",
    key="Northgate Bank",
    severity="critical",
    state="firing",
    value=23.2,
    expected=0.81,
    p_value=2.4e-5,
    window_seconds=600,
    started_at=AT,
    fired_at=AT,
    updated_at=AT,
    labels={"scope": "entity", "key": "Northgate Bank", "team": "desk"},
    evidence=(
        Evidence(
            "1",
            "Depositors queue at <Northgate>",
            AT,
            "Wire & Co",
            "https://n.example/1",
            -0.91,
            0.95,
            12,
            words=(Word("queue", 11, 16, -0.614), Word("Depositors", 0, 10, -0.2)),
        ),
        Evidence(
            "2",
            "Nothing to see\r\nBcc: evil@x.example\x00",
            AT,
            "posts",
            "javascript:alert(1)",
            -0.7,
            0.8,
            words=(Word("<b>\r\n", 0, 7, 0.1), Word("evil@x.example\x00", 21, 36, -0.3)),
        ),
    ),
    series=tuple(
        Window("entity", "Northgate Bank", AT + i * timedelta(minutes=1), 60, negative_story_sum=float(i % 7))
        for i in range(-48, 0)
    ),
)
RESOLVED = replace(ALERT, state="resolved", resolved_at=AT + timedelta(hours=1))
LOOPBACK = OutgoingSettings(allow_private=True)


class Fixed:
    def __init__(self, at: datetime = AT) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


def note(*alerts: Alert, reason: NotificationReason = "firing") -> Notification:
    """One notification of these alerts (of ALERT when none is given)."""
    return Notification("note-1/desk", "desk", "name-breaking", reason, alerts or (ALERT,), AT)


def many(count: int) -> Notification:
    """A notification of so many alerts about different names."""
    alerts = [replace(ALERT, alert_id=f"id-{n}", key=f"Bank {n}") for n in range(count)]
    return note(*alerts)


@dataclass
class Mailbox:
    """An aiosmtpd handler that keeps messages, or answers as it is told to."""

    answer: str = "250 OK"
    refuse: dict[str, str] = field(default_factory=dict)
    messages: list[EmailMessage] = field(default_factory=list)
    wire: list[bytes] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)

    async def handle_RCPT(self, _s: Any, _e: Any, envelope: Any, address: str, _o: Any) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.answer.startswith("250"):
            message = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(message, EmailMessage)
            self.messages.append(message)
            self.wire.append(envelope.content)
        return self.answer

    def authenticate(self, _s: Any, _session: Any, _e: Any, _mechanism: str, data: Any) -> AuthResult:
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"right", handled=data.password == b"right")


@contextmanager
def smtp_server(mailbox: Mailbox, **options: Any) -> Iterator[int]:
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def email_to(port: int, **changes: Any) -> EmailReceiver:
    settings = EmailSettings(
        host="127.0.0.1",
        port=port,
        sender="Tidings <alerts@bank.example>",
        recipients=("a@x.example", "b@x.example"),
    )
    return EmailReceiver(replace(settings, **changes), Fixed())


@dataclass(frozen=True)
class Reply:
    """What the HTTP server says."""

    status: int = 200
    body: object = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass
class Hook:
    """What a small HTTP server got, and the answers it gives, the last one for ever."""

    replies: list[Reply]
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0

    @property
    def documents(self) -> list[Any]:
        return [json.loads(body) for _, _, body in self.requests]


@contextmanager
def hook(*answers: int | Reply) -> Iterator[Hook]:
    state = Hook([Reply(answer) if isinstance(answer, int) else answer for answer in answers])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.requests.append((self.path, dict(self.headers), body))
            reply = state.replies.pop(0) if len(state.replies) > 1 else state.replies[0]
            said = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
            self.send_response(reply.status)
            for name, value in reply.headers:
                self.send_header(name, value)
            self.send_header("Location", f"http://127.0.0.1:{state.port}/elsewhere")
            self.send_header("Content-Length", str(len(said.encode())))
            self.end_headers()
            self.wfile.write(said.encode())

        do_GET = do_POST

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.port = server.server_port
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def receiver_to(kind: str, port: int, outgoing: OutgoingSettings = LOOPBACK, **changes: Any) -> HttpReceiver:
    """A receiver named after its kind, with secrets in its URL."""
    settings = ReceiverSettings(
        url=f"http://127.0.0.1:{port}/T0KEN?k=T0KEN", secret="hush", timeout_seconds=5
    )
    return HttpReceiver(kind, KINDS[kind], replace(settings, **changes), outgoing, Fixed())


# Each service's yes.
OK: dict[str, Reply] = {
    "slack": Reply(body="ok"),
    "teams": Reply(202),
    "wecom": Reply(body={"errcode": 0, "errmsg": "ok"}),
    "dingtalk": Reply(body={"errcode": 0, "errmsg": "ok"}),
    "feishu": Reply(body={"code": 0, "msg": "success", "data": {}, "StatusCode": 0}),
    "alertmanager": Reply(200),
    "pagerduty": Reply(202, {"status": "success", "message": "Event processed", "dedup_key": "x"}),
    "webhook": Reply(204),
}
