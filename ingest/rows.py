"""Rows of a CSV or JSONL file (also .gz), one at a time, as the JSON objects that messages carry."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ingest.message import parse_time
from tidings import rows
from tidings.errors import ConfigError

COLUMNS = ("title", "text", "published_at", "source", "kind", "url", "id", "lang", "tickers")


@dataclass(frozen=True)
class Row:
    """One row: its line in the file (the first is 1), its time, and the columns that Tidings knows."""

    line: int
    published_at: datetime
    values: dict[str, Any]


def read_rows(path: Path, source: str = "") -> Iterator[Row]:
    """The rows of the file in their order; raises ConfigError naming file, line, column and fix.

    Rows without a source get `source`, or the file's name up to its first dot. Other columns are left out.
    """
    for line, values in rows.read_rows(path, (("published_at",), ("title", "text"))):
        known = {name: values[name] for name in COLUMNS if values.get(name) not in (None, "")}
        known.setdefault("source", source or path.name.split(".")[0])
        yield Row(line, _time(path, line, known), known)


def _time(path: Path, line: int, values: dict[str, Any]) -> datetime:
    value = values.get("published_at")
    fix = "write RFC 3339 (2008-03-14T12:00:00Z) or epoch seconds"
    if value is None:
        raise ConfigError(f"{path}: line {line}: published_at is empty; {fix}")
    try:
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return parse_time(value)
    except (ValueError, OverflowError, OSError):
        pass
    raise ConfigError(f"{path}: line {line}: published_at {str(value)[:40]!r} is not a time; {fix}")
