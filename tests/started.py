"""Processes that end with their test, also when it fails while waiting for them; and ports for them."""

import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO


@contextmanager
def started(
    command: Sequence[str], stderr: int | IO[str] = subprocess.PIPE
) -> "Iterator[subprocess.Popen[str]]":
    """The running command; killed at the end if the block left it running."""
    with subprocess.Popen(command, stderr=stderr, text=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
