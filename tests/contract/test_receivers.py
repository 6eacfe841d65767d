"""The receivers against real servers on loopback: aiosmtpd for SMTP, http.server for HTTP."""

import json
import logging
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from threading import Thread
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from alerts.notify import Notifier
from alerts.receivers.email import EmailReceiver
from alerts.receivers.webhook import WebhookReceiver, sign, verify
from tests.unit.alerts_memory import MemoryHistory
from tidings.errors import ConfigError, TidingsError, Unavailable
from tidings.settings import EmailSettings, WebhookSettings
from tidings.types import Alert, Evidence, Window, Word

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
    unsent=("email", "webhook"),
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


class Fixed:
    def __init__(self, at: datetime = AT) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


# --- e-mail ----------------------------------------------------------------------------------------------


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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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


def parts(message: EmailMessage) -> tuple[str, str]:
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert isinstance(text, EmailMessage)
    assert isinstance(html, EmailMessage)
    return text.get_content(), html.get_content()


def test_an_alert_arrives_as_text_and_html() -> None:
    mailbox = Mailbox()
    with smtp_server(mailbox) as port:
        email_to(port).send(ALERT)
    (message,) = mailbox.messages
    assert message["Subject"] == (
        "[Tidings] critical: negative stories on Northgate Bank: 23 in 10 minutes (expected 0.8)"
    )
    assert message["From"] == "Tidings <alerts@bank.example>"
    assert message["To"] == "a@x.example, b@x.example"
    assert message["Message-ID"] == "<00c0ffee00c0ffee-20240506T123000Z.firing@bank.example>"
    assert message.get_content_type() == "multipart/alternative"
    text, html = parts(message)
    for part in (text, html):
        assert "23 negative stories" in part
        assert "in 10 minutes, where 0.8 would be usual" in part
        assert "about 1 in 42,000" in part
        assert "Firing since 6 May 2024, 12:30 UTC." in part
        assert "carried 12 times" in part
        assert "sentiment -0.91" in part
        assert "moved by queue \N{MINUS SIGN}0.61 · Depositors \N{MINUS SIGN}0.20" in part
        assert "https://n.example/1" in part
        assert "team desk" in part
        assert "javascript" not in part
        assert "\x00" not in part
    assert "Depositors queue at <Northgate>" in text
    assert "Nothing to see Bcc: evil@x.example" in text
    assert "█" in text
    assert "Depositors</span> <span" in html
    assert ">queue</span> at &lt;Northgate&gt;</a>" in html
    assert "rgba(229,57,53,0.36)" in html
    assert "Wire &amp; Co" in html
    assert html.count('valign="bottom"') == 48
    assert html.count('bgcolor="#b3261e" title') == 10  # ten of the 48 minutes are the alert's window
    assert "<svg" not in html
    assert message["Bcc"] is None


def test_the_end_of_an_alert_answers_its_beginning() -> None:
    mailbox = Mailbox()
    with smtp_server(mailbox) as port:
        email_to(port).send(RESOLVED)
        email_to(port).send(RESOLVED)
    first, second = mailbox.messages
    assert first["Subject"].startswith("[Tidings] resolved: negative stories on Northgate Bank")
    assert first["References"] == "<00c0ffee00c0ffee-20240506T123000Z.firing@bank.example>"
    assert first["Message-ID"] == second["Message-ID"] != first["References"]
    for part in parts(first):
        assert "It is over: fired 6 May 2024, 12:30 UTC, resolved 6 May 2024, 13:30 UTC." in part
        assert "queue" in part


def test_hostile_keys_cannot_write_headers_or_markup() -> None:
    mailbox = Mailbox()
    key = "Bank\r\nBcc: evil@x.example\x00\ud800 <script>alert(1)</script> " + "€" * 200
    with smtp_server(mailbox) as port:
        email_to(port).send(replace(ALERT, key=key, severity="critical\r\nX: y", labels={"a\n": "<b>\ud800"}))
    (message,) = mailbox.messages
    assert message["Bcc"] is None
    assert message["X"] is None
    assert "Bank Bcc: evil@x.example <script>" in message["Subject"]
    assert "<script>" not in parts(message)[1]
    assert "<b>" not in parts(message)[1]


def test_an_alert_without_chart_evidence_or_times_is_still_a_message() -> None:
    mailbox = Mailbox()
    bare = replace(ALERT, evidence=(), series=(), labels={}, fired_at=None, scope="all", key="")
    with smtp_server(mailbox) as port:
        email_to(port, sender=f"t@{'long.' * 30}example").send(bare)
        email_to(port, sender=f"t@{'long.' * 30}example").send(replace(bare, state="resolved"))
    text, html = parts(mailbox.messages[0])
    assert "stories behind" not in text + html
    assert "the whole stream" in text
    assert mailbox.messages[1]["References"].strip() == mailbox.messages[0]["Message-ID"].strip()
    assert (
        b"?utf-8?" not in mailbox.wire[1].partition(b"\r\n\r\n")[0]
    )  # mail clients thread by the plain text


@pytest.mark.parametrize(
    ("mailbox", "error", "words"),
    [
        (Mailbox("451 later"), Unavailable, "for now (code 451)"),
        (Mailbox("554 never"), TidingsError, "code 554"),
        (
            Mailbox(refuse={"a@x.example": "550 no", "b@x.example": "550 no"}),
            TidingsError,
            "every recipient (code 550)",
        ),
        (Mailbox(refuse={"a@x.example": "550 no", "b@x.example": "450 full"}), Unavailable, "(code 450)"),
    ],
)
def test_the_servers_answer_decides_whether_to_try_again(
    mailbox: Mailbox, error: type[TidingsError], words: str
) -> None:
    with smtp_server(mailbox) as port, pytest.raises(TidingsError) as caught:
        email_to(port).send(ALERT)
    assert type(caught.value) is error
    assert words in str(caught.value)
    assert f"127.0.0.1:{port}" in str(caught.value)


def test_one_refused_recipient_does_not_keep_it_from_the_other(caplog: pytest.LogCaptureFixture) -> None:
    mailbox = Mailbox(refuse={"a@x.example": "550 no"})
    with smtp_server(mailbox) as port:
        email_to(port).send(ALERT)
    assert len(mailbox.messages) == 1
    assert "refused 1 of 2 recipients" in caplog.text


def test_a_server_that_is_not_there_is_unavailable() -> None:
    port = free_port()
    with pytest.raises(Unavailable, match=f"SMTP server 127.0.0.1:{port}: cannot be reached"):
        email_to(port).send(ALERT)
    with pytest.raises(Unavailable, match="cannot be reached"):
        email_to(port, host="no-such-host.invalid").send(ALERT)


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # the test's server, on loopback
def test_login_and_its_refusal() -> None:
    mailbox = Mailbox()
    options = {"authenticator": mailbox.authenticate, "auth_require_tls": False, "auth_required": True}
    with smtp_server(mailbox, **options) as port:
        email_to(port, user="me", password="right").send(ALERT)
        with pytest.raises(Unavailable, match=r"login refused \(code 535\); check email.user") as caught:
            email_to(port, user="me", password="wrong-secret").send(ALERT)
    assert "wrong-secret" not in str(caught.value)
    assert mailbox.logins[0] == (b"me", b"right")
    assert len(mailbox.messages) == 1
    with smtp_server(Mailbox()) as port, pytest.raises(Unavailable, match="does not offer what is asked for"):
        email_to(port, user="me", password="right").send(ALERT)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    try:
        subprocess.run(
            [
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=127.0.0.1",
                "-addext",
                "subjectAltName=IP:127.0.0.1",
                "-keyout",
                folder / "key.pem",
                "-out",
                folder / "cert.pem",
            ],
            check=True,
            capture_output=True,
        )
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    return folder


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_tls_with_a_known_certificate_only(
    security: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    mailbox = Mailbox()
    options: dict[str, Any] = {"tls_context": context, "require_starttls": True}
    if security == "tls":
        options = {"ssl_context": context}
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    with smtp_server(mailbox, **options) as port:
        email_to(port, security=security).send(ALERT)
        assert len(mailbox.messages) == 1
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(Unavailable, match="certificate not accepted"):
            email_to(port, security=security).send(ALERT)
        if security == "starttls":
            with pytest.raises(TidingsError, match="code 530"):
                email_to(port).send(ALERT)


def test_wrong_email_settings_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"email\.host and email\.recipients"):
        email_to(25, host="")
    with pytest.raises(ConfigError, match=r"email\.sender: 'nobody' is not an e-mail address"):
        email_to(25, sender="nobody")
    with pytest.raises(ConfigError, match=r"email\.recipients: 'a@x\\r\\nBcc: b@x'"):
        email_to(25, recipients=("a@x\r\nBcc: b@x",))
    with pytest.raises(ConfigError, match="secret file cannot be read"):
        email_to(25, password_file=tmp_path / "absent")


# --- webhook ---------------------------------------------------------------------------------------------


@dataclass
class Hook:
    """What a small HTTP server got, and the answers it gives, the last one for ever."""

    answers: list[int]
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0


@contextmanager
def hook(*answers: int) -> Iterator[Hook]:
    state = Hook(list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.requests.append((self.path, dict(self.headers), body))
            self.send_response(state.answers.pop(0) if len(state.answers) > 1 else state.answers[0])
            self.send_header("Location", f"http://127.0.0.1:{state.port}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

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


def webhook_to(port: int, **changes: Any) -> WebhookReceiver:
    settings = WebhookSettings(url=f"http://127.0.0.1:{port}/T0KEN?k=T0KEN", secret="hush", timeout_seconds=5)
    return WebhookReceiver(replace(settings, **changes), Fixed())


def test_an_alert_is_posted_as_signed_json() -> None:
    with hook(204) as server:
        webhook_to(server.port).send(ALERT)
    ((path, headers, body),) = server.requests
    assert path == "/T0KEN?k=T0KEN"
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == f"{ALERT.alert_id}:firing"
    timestamp, signature = headers["X-Tidings-Timestamp"], headers["X-Tidings-Signature"]
    assert timestamp == str(int(AT.timestamp()))
    assert verify("hush", timestamp, body, signature, AT)
    document = json.loads(body)
    assert (document["version"], document["event"]) == (1, "firing")
    assert document["summary"] == "negative stories on Northgate Bank: 23 in 10 minutes (expected 0.8)"
    alert = document["alert"]
    assert (alert["key"], alert["value"], alert["fired_at"]) == (
        "Northgate Bank",
        23.2,
        "2024-05-06T12:30:00Z",
    )
    assert alert["labels"]["team"] == "desk"
    assert alert["evidence"][0]["title"] == "Depositors queue at <Northgate>"
    assert alert["evidence"][0]["reach"] == 12
    assert alert["evidence"][0]["words"][0] == {"word": "queue", "start": 11, "end": 16, "weight": -0.614}
    assert len(alert["series"]) == 48
    assert alert["resolved_at"] is None
    assert "unsent" not in alert


def test_a_signature_holds_for_one_body_one_secret_and_five_minutes() -> None:
    signature = sign("hush", "1000", b"{}")
    now = datetime.fromtimestamp(1000, UTC)
    assert verify("hush", "1000", b"{}", signature, now + timedelta(seconds=300))
    assert not verify("hush", "1000", b"{}", signature, now + timedelta(seconds=301))
    assert not verify("hush", "1000", b"{}", signature, now - timedelta(seconds=301))
    assert verify("hush", "1000", b"{}", signature, now + timedelta(seconds=301), tolerance_seconds=400)
    assert not verify("hush", "1000", b"{ }", signature, now)
    assert not verify("other", "1000", b"{}", signature, now)
    assert not verify("hush", "1001", b"{}", signature, now)
    assert not verify(
        "hush", "\uff11\uff10\uff10\uff10", b"{}", sign("hush", "\uff11\uff10\uff10\uff10", b"{}"), now
    )
    assert not verify("hush", "1000", b"{}", "é" + signature, now)
    assert not verify("", "1000", b"{}", sign("", "1000", b"{}"), now)


def test_without_a_secret_there_is_no_signature() -> None:
    with hook(200) as server:
        webhook_to(server.port, secret="").send(RESOLVED)
    assert "X-Tidings-Signature" not in server.requests[0][1]
    assert json.loads(server.requests[0][2])["event"] == "resolved"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_a_passing_trouble_is_unavailable(status: int) -> None:
    with hook(status) as server, pytest.raises(Unavailable, match=f"answered {status}"):
        webhook_to(server.port).send(ALERT)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 410])
def test_a_refusal_is_final_and_redirects_are_not_followed(status: int) -> None:
    with hook(status) as server, pytest.raises(TidingsError, match=f"answered {status}") as caught:
        webhook_to(server.port).send(ALERT)
    assert not isinstance(caught.value, Unavailable)
    assert len(server.requests) == 1


def test_errors_and_logs_name_the_host_only(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    with caplog.at_level(logging.DEBUG), hook(503) as server:
        for receiver in (webhook_to(port), webhook_to(server.port)):
            with pytest.raises(Unavailable, match=r"webhook at 127\.0\.0\.1:") as caught:
                receiver.send(ALERT)
            assert "T0KEN" not in str(caught.value)
            assert caught.value.__cause__ is None
            assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert "T0KEN" not in caplog.text


def test_a_server_that_never_answers_is_given_up_after_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(Unavailable, match=r"no answer within 0\.2 s"):
            webhook_to(port, timeout_seconds=0.2).send(ALERT)


@pytest.mark.parametrize("url", ["", "T0KEN", "ftp://h/T0KEN", "http://", "http://[T0KEN", "http://h:T0KEN/"])
def test_a_wrong_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigError, match=r"webhook\.url must be an http or https address") as caught:
        WebhookReceiver(WebhookSettings(url=url))
    assert "T0KEN" not in str(caught.value)


def test_a_timeout_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"webhook\.timeout_seconds"):
        webhook_to(80, timeout_seconds=0.0)


# --- both, through the notifier --------------------------------------------------------------------------


def test_an_outage_delays_one_receiver_and_not_the_other() -> None:
    history, mailbox, clock = MemoryHistory([ALERT]), Mailbox(), Fixed()
    with smtp_server(mailbox) as port, hook(500, 200) as server:
        notifier = Notifier(history, [email_to(port), webhook_to(server.port)], clock)
        assert notifier.flush() == 1
        assert history.latest()[ALERT.alert_id].unsent == ("webhook",)
        assert notifier.flush() == 0  # not due yet
        clock.at += timedelta(seconds=10)
        assert notifier.flush() == 1
    assert len(mailbox.messages) == 1
    first, second = (headers["Idempotency-Key"] for _, headers, _ in server.requests)
    assert first == second
    assert history.latest()[ALERT.alert_id].unsent == ()
