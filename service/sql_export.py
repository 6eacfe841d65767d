"""`tidings sql`: one answer, to the screen or into a file."""

import gzip
from contextlib import closing
from pathlib import Path

from store.store import open_store
from tidings.errors import ConfigError
from tidings.settings import StoreSettings

_FORMATS = {
    ".csv": "CSVWithNames",
    ".tsv": "TSVWithNames",
    ".jsonl": "JSONEachRow",
    ".parquet": "Parquet",
    ".arrow": "Arrow",
}


def ask(settings: StoreSettings, query: str, output_format: str, output: Path | None) -> bytes:
    """Writes the answer into the file, where one is named; else returns it for the screen.

    Raises ConfigError when the format is not given and the file's ending does not tell it, and when the file
    cannot be written.
    """
    chosen = output_format or _format_for(output)
    with closing(open_store(settings)) as store:
        data = store.sql_bytes(query, chosen)
    if output is None:
        return data.rstrip(b"\n") + b"\n" if _is_text(data) else data
    try:
        output.write_bytes(gzip.compress(data, 6) if output.suffix == ".gz" else data)
    except OSError as error:
        raise ConfigError(f"--output {output}: cannot be written ({error.strerror})") from None
    return b""


def _format_for(output: Path | None) -> str:
    if output is None:
        return "PrettyCompact"
    ending = output.with_suffix("").suffix if output.suffix == ".gz" else output.suffix
    if ending not in _FORMATS:
        raise ConfigError(
            f"--output {output}: name a --format, or end the name in {', '.join(_FORMATS)} (also with .gz)"
        )
    return _FORMATS[ending]


def _is_text(data: bytes) -> bool:
    try:
        return "\0" not in data.decode()
    except UnicodeDecodeError:
        return False
