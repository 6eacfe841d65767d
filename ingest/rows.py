"""Rows of a CSV or JSONL file (also .gz), one at a time, as the JSON objects that messages carry."""

import csv
import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO

from ingest.message import MAX_TEXT_CHARACTERS, parse_time
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
    kind = [suffix for suffix in path.suffixes if suffix != ".gz"][-1:]
    if kind not in ([".csv"], [".jsonl"], [".ndjson"]):
        raise ConfigError(f"{path}: not a .csv or .jsonl file (.gz may follow); rename it or convert it")
    line = 0
    try:
        with open_text(path) as file:
            for line, values in _csv_rows(path, file) if kind == [".csv"] else _json_rows(path, file):
                known = {name: values[name] for name in COLUMNS if values.get(name) not in (None, "")}
                known.setdefault("source", source or path.name.split(".")[0])
                yield Row(line, _time(path, line, known), known)
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 after line {line}; convert it to UTF-8") from None
    except (EOFError, OSError) as error:  # a damaged .gz is an OSError without strerror
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{path}: cannot be read ({reason}); check the path") from None


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """The file as UTF-8 text, unpacked when its name ends in .gz."""
    with path.open("rb") as raw:
        unpacked: Any = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
        with TextIOWrapper(unpacked, encoding="utf-8-sig", newline="") as file:
            yield file


def _csv_rows(path: Path, file: TextIO) -> Iterator[tuple[int, dict[str, Any]]]:
    # A setting of the whole process; its default would refuse texts that Tidings takes.
    csv.field_size_limit(max(csv.field_size_limit(), 2 * MAX_TEXT_CHARACTERS))
    reader = csv.reader(file)
    try:
        header = [name.strip() for name in next(reader, [])]
        if "published_at" not in header or not {"title", "text"} & set(header):
            missing = "published_at" if "published_at" not in header else "title or text"
            raise ConfigError(
                f"{path}: line 1: no column {missing} (there are: {', '.join(header) or 'none'}); rename one"
            )
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                raise ConfigError(
                    f"{path}: line {reader.line_num}: {len(cells)} columns, the header has {len(header)}; "
                    "quote values that hold commas"
                )
            yield reader.line_num, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise ConfigError(f"{path}: line {reader.line_num}: {error}; check the quotes") from None


def _json_rows(path: Path, file: TextIO) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, text in enumerate(file, 1):
        if not text.strip():
            continue
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, dict):
            raise ConfigError(f"{path}: line {line}: not a JSON object; write one object a line")
        yield line, values


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
