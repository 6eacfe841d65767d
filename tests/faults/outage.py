"""Ways to take a broker or a store away for a while, or at a chosen moment."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import requests

from ingest.embedded import broker_binary
from tests.started import free_port


@contextlib.contextmanager
def frozen(address: str) -> Iterator[None]:
    """The broker that listens at `address` does not answer. (It keeps all in memory: a restart would lose it.)"""
    pid = next(
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if f"tcp://{address}".encode() in path.read_bytes()
    )
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@dataclass
class StoreServer:
    """tests/native_server.py over a folder; it comes back on the port that it had."""

    folder: Path
    fault: Path
    port: int = 0
    process: "subprocess.Popen[str]" = field(init=False)

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.native_server", str(self.folder)]
        command += ["--port", str(self.port), "--fault", str(self.fault)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        with self.process.stdout as said:
            self.port = int(said.readline().split()[3])

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()


class LastingBroker:
    """The embedded broker over S3 (moto's server on loopback): it can be killed and comes back with its topics."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "broker.log"
        bucket_port, port = free_port(), free_port()
        self.address = f"127.0.0.1:{port}"
        endpoint = f"http://127.0.0.1:{bucket_port}"
        self._environment = os.environ | {
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "any",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT": endpoint,
            "AWS_ALLOW_HTTP": "true",
        }
        self._bucket = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-p", str(bucket_port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._broker: subprocess.Popen[bytes] | None = None
        _soon(lambda: requests.put(f"{endpoint}/tansu", timeout=5).raise_for_status())
        self.start()

    def start(self) -> None:
        url = f"tcp://{self.address}"
        command = [broker_binary(), "--listener-url", url, "--advertised-listener-url", url]
        with self._log.open("ab") as log:
            self._broker = subprocess.Popen(
                [*command, "--storage-engine", "s3://tansu/"], env=self._environment, stdout=log, stderr=log
            )
        host, port = self.address.split(":")
        _soon(lambda: socket.create_connection((host, int(port)), timeout=1).close())

    def kill(self) -> None:
        """kill -9."""
        if self._broker:
            self._broker.kill()
            self._broker.wait()

    def close(self) -> None:
        self.kill()
        self._bucket.kill()
        self._bucket.wait()


def _soon(ask: Callable[[], object], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            ask()
            return
        except OSError:  # requests' errors too
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


class Gate:
    """A TCP port before another one; closed, it cuts what is open and refuses what comes."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._sockets: list[socket.socket] = []
        self._before: tuple[bytes, Callable[[], None]] | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._serve()

    def close(self) -> None:
        for one in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._sockets.clear()

    def open(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._serve()

    def before(self, words: bytes, act: Callable[[], None]) -> None:
        """Once, when these words come, `act` runs before they are passed on."""
        self._before = (words, act)

    def _serve(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                inner, _ = listener.accept()
                try:
                    outer = socket.create_connection(self._target)
                except OSError:  # what is behind is away
                    inner.close()
                    continue
                self._sockets += [inner, outer]
                for source, sink, look in ((inner, outer, True), (outer, inner, False)):
                    threading.Thread(target=self._copy, args=(source, sink, look), daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket, look: bool) -> None:
        last = b""  # the words may come in two pieces
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if look and self._before and self._before[0] in last + data:
                    _, act = self._before
                    self._before = None
                    act()
                last = data[-100:]
                sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
