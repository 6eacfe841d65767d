"""An ASGI application served by uvicorn in a thread of this process."""

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import uvicorn
from starlette.types import ASGIApp

from tidings.errors import ConfigError

# Names of this machine: without a login no other may be asked for (DNS rebinding), nor listened on.
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@contextmanager
def serving(app: ASGIApp, host: str, port: int, section: str) -> Iterator[int]:
    """Serves until the block ends, and yields the port (a free one for 0).

    Raises ConfigError naming the settings' section when the address cannot be listened on.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family)
        # Connections inherit it: else the body waits 40 ms for the acknowledgement of the headers.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raise ConfigError(
            f"{section}.host, {section}.port: cannot listen on {host}:{port} ({error.strerror or error}):"
            f" stop what uses it, or set another {section}.port"
        ) from None
    logging.getLogger("uvicorn.error").setLevel(
        logging.WARNING
    )  # its start and stop; ours says where it listens
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, kwargs={"sockets": [listening]}, name=f"{section}-http", daemon=True)
    thread.start()
    try:
        yield int(listening.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
