"""`tidings sql`: one answer, to the screen or into a file."""

import os
import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from rich.console import Console
from rich.filesize import decimal
from rich.progress import Progress

from service.progress import counter
from store.store import Store, open_store
from tidings.errors import ConfigError, Unavailable
from tidings.settings import StoreSettings

_FORMATS = {
    ".csv": "CSVWithNames",
    ".tsv": "TSVWithNames",
    ".jsonl": "JSONEachRow",
    ".parquet": "Parquet",
    ".arrow": "Arrow",
}


def ask(settings: StoreSettings, query: str, output_format: str) -> bytes:
    """The answer for the screen, or for a pipe; empty where nothing was found."""
    with closing(_open(settings)) as store:
        data = store.sql_bytes(query, output_format or "PrettyCompact")
    if not data.strip():
        return b""
    return data.rstrip(b"\n") + b"\n" if _is_text(data) else data


def export(settings: StoreSettings, query: str, output_format: str, output: Path, console: Console) -> str:
    """Writes the answer into the file, which appears when it is complete; returns what is to be said of it.

    Memory is bounded however many rows there are. An error or Ctrl-C leaves a former file as it was.

    Raises ConfigError when neither format nor ending tells what to write, and when the file cannot be written.
    """
    chosen = output_format or _format_for(output)
    _require_place(output)
    part = output.with_name(f".{output.name}.{secrets.token_hex(8)}.part")
    try:
        with closing(_open(settings)) as store, _ended_by_sigterm(), _progress(console, part) as told:
            rows = store.export(query, chosen, part, output.suffix == ".gz", told)
        size = part.stat().st_size
        part.replace(output)
    except OSError as error:
        raise Unavailable(f"--output {output}: cannot be written ({error.strerror or error})") from None
    finally:
        part.unlink(missing_ok=True)
    return f"wrote {rows:,} row{'' if rows == 1 else 's'}, {decimal(size)}: {output}"


def _open(settings: StoreSettings) -> Store:
    if settings.backend == "embedded" and not settings.folder.is_dir():
        raise ConfigError(
            f"there is no store in {settings.folder}: name its folder with --config or TIDINGS_STORE_FOLDER"
        )
    return open_store(settings, asking=True)


@contextmanager
def _progress(console: Console, part: Path) -> Iterator["_Told"]:
    with counter(console, disable=not console.is_terminal) as line:
        yield _Told(line, part)


class _Told:
    """Shows the rows that it is called with, and the file's bytes."""

    def __init__(self, line: Progress, part: Path) -> None:
        self._line = line
        self._part = part
        self._task = line.add_task("asking")

    def __call__(self, rows: int) -> None:
        size = self._part.stat().st_size if self._part.exists() else 0
        self._line.update(self._task, description=f"{rows:,} rows, {decimal(size)}")


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Ends as Ctrl-C does: what was half written is removed."""
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _format_for(output: Path) -> str:
    ending = output.with_suffix("").suffix if output.suffix == ".gz" else output.suffix
    if ending not in _FORMATS:
        raise ConfigError(
            f"--output {output}: name a --format, or end the name in {', '.join(_FORMATS)} (also with .gz)"
        )
    return _FORMATS[ending]


def _require_place(output: Path) -> None:
    """Before the query is asked, which may take long."""
    if output.exists() and not output.is_file():
        raise ConfigError(f"--output {output}: is no file; without --output the answer goes to the screen")
    if not output.parent.is_dir():
        raise ConfigError(f"--output {output}: there is no folder {output.parent}")
    if not os.access(output.parent, os.W_OK):
        raise ConfigError(f"--output {output}: the folder {output.parent} may not be written to")


def _is_text(data: bytes) -> bool:
    try:
        return "\0" not in data.decode()
    except UnicodeDecodeError:
        return False
