"""Stands before a plain broker as a secured one would: TLS, and a SASL/PLAIN login, then the broker's own bytes."""

import contextlib
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

SASL_HANDSHAKE, SASL_AUTHENTICATE = 17, 36
FLEXIBLE_FROM = 2  # versions of SaslAuthenticate from here on have compact lengths and tags
UNSUPPORTED_MECHANISM, FAILED = 33, 58


def certificate(folder: Path, name: str = "broker") -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    command += ["-keyout", str(key), "-out", str(cert), "-days", "2", "-subj", f"/CN={name}"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


@contextlib.contextmanager
def proxy(
    listener: socket.socket,
    broker: str,
    *,
    tls: tuple[Path, Path] | None = None,
    users: dict[str, str] | None = None,
) -> Iterator[None]:
    """Serves what `listener` accepts until the end of the block; `users` (name to password) must log in."""
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
    open_sockets: list[socket.socket] = [listener]

    def serve(client: socket.socket) -> None:
        with contextlib.suppress(OSError, struct.error):
            if context:
                client = context.wrap_socket(client, server_side=True)
            host, port = broker.split(":")
            upstream = socket.create_connection((host, int(port)))
            open_sockets.extend([client, upstream])
            try:
                if users is None or _logged_in(client, upstream, users):
                    back = threading.Thread(target=_pump, args=(upstream, client), daemon=True)
                    back.start()
                    _pump(client, upstream)
                else:
                    time.sleep(0.2)  # as Kafka does (connection.failed.authentication.delay.ms)
            finally:
                _close(client)
                _close(upstream)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield
    finally:
        for one in open_sockets:
            _close(one)
        thread.join(5)


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


def _frame(connection: socket.socket) -> bytes:
    (size,) = struct.unpack(">i", _exactly(connection, 4))
    return _exactly(connection, size)


def _exactly(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        data = connection.recv(size - len(found))
        if not data:
            raise OSError("closed")
        found += data
    return found


def _send(connection: socket.socket, frame: bytes) -> None:
    connection.sendall(struct.pack(">i", len(frame)) + frame)


def _logged_in(client: socket.socket, upstream: socket.socket, users: dict[str, str]) -> bool:
    """Answers the login; the frames before it (which versions does the broker speak?) are the broker's to answer."""
    while True:
        frame = _frame(client)
        key, version, correlation, name = struct.unpack(">hhih", frame[:10])
        body = frame[10 + max(0, name) :]
        if key == SASL_HANDSHAKE:
            (size,) = struct.unpack(">h", body[:2])
            known = body[2 : 2 + size] == b"PLAIN"
            error = 0 if known else UNSUPPORTED_MECHANISM
            _send(client, struct.pack(">ihih", correlation, error, 1, 5) + b"PLAIN")
            if not known:
                return False
        elif key == SASL_AUTHENTICATE:
            flexible = version >= FLEXIBLE_FROM
            # One byte of tags ends the header, one the body; a compact length of this size is one byte too.
            token = body[2:-1] if flexible else body[4:]
            _, user, password = token.decode().split("\0")
            allowed = users.get(user) == password
            error = 0 if allowed else FAILED
            if flexible:
                answer = struct.pack(">ibhbbqb", correlation, 0, error, 0, 1, 0, 0)
            else:
                answer = struct.pack(">ihhi", correlation, error, -1, 0) + (
                    b"\0" * 8 if version == 1 else b""
                )
            _send(client, answer)
            return allowed
        else:
            _send(upstream, frame)
            _send(client, _frame(upstream))
