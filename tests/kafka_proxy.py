"""A secured broker, in front of a plain one: TLS, client certificates, a login, then the broker's own bytes."""

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator, Mapping

from tests.kafka_login import logged_in


@contextlib.contextmanager
def proxy(
    listener: socket.socket,
    broker: str,
    *,
    tls: ssl.SSLContext | None = None,
    users: Mapping[str, str] | None = None,
) -> Iterator[None]:
    """Serves what `listener` accepts until the end of the block; `users` (name to password) must log in."""
    open_sockets: list[socket.socket] = [listener]

    def serve(client: socket.socket) -> None:
        with contextlib.suppress(OSError, struct.error):
            open_sockets.append(client)
            if tls:
                client = tls.wrap_socket(client, server_side=True)
            host, port = broker.split(":")
            upstream = socket.create_connection((host, int(port)))
            open_sockets.extend([client, upstream])
            try:
                if users is None or logged_in(client, upstream, users):
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
