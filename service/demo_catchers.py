"""A real SMTP server and a real HTTP server on loopback that keep what they are sent."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from tidings.errors import ConfigError


@dataclass(frozen=True)
class Request:
    """One HTTP request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Mailbox:
    """Where the SMTP server listens, and the messages so far."""

    host: str = "127.0.0.1"
    port: int = 0
    received: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.received.append(message)
        return "250 kept"


@dataclass
class Hook:
    """Where the HTTP server listens, and the requests so far."""

    url: str
    received: list[Request] = field(default_factory=list)


@contextmanager
def catch_mail() -> Iterator[Mailbox]:
    """An SMTP server on a free loopback port."""
    try:
        from aiosmtpd.controller import Controller
    except ImportError:
        raise ConfigError("the demo needs aiosmtpd: pip install 'tidings[embedded]'") from None
    box = Mailbox()
    with socket.socket() as probe:  # aiosmtpd has to know its port beforehand
        probe.bind((box.host, 0))
        box.port = probe.getsockname()[1]
    controller = Controller(box, hostname=box.host, port=box.port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


@contextmanager
def catch_webhooks() -> Iterator[Hook]:
    """An HTTP server on a free loopback port."""
    received: list[Request] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            received.append(Request(self.path, dict(self.headers.items()), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing: the demo shows what came."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Hook(f"http://127.0.0.1:{server.server_address[1]}/alerts", received)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
