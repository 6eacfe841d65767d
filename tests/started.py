"""A process that ends with its test, also when the test fails while waiting for it."""

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
