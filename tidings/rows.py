"""Rows of a CSV or JSONL file (also .gz), one at a time, each with its line. Errors name file, line, column and fix."""

import csv
import gzip
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO

from tidings.errors import ConfigError

_MOST_CHARACTERS = 2_000_000  # of a cell


def read_rows(path: Path, required: Sequence[Sequence[str]]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line (the first is 1) and values of each row, in order; empty lines are left out.

    Of each group in `required` a CSV file must have at least one column; a JSON object may lack any key. Raises
    ConfigError for another kind of file, one that cannot be read, is not UTF-8, lacks a column or is malformed.
    """
    kind = [suffix for suffix in path.suffixes if suffix != ".gz"][-1:]
    if kind not in ([".csv"], [".jsonl"], [".ndjson"]):
        raise ConfigError(f"{path}: not a .csv or .jsonl file (.gz may follow); rename it or convert it")
    line = 0
    try:
        with open_text(path) as file:
            for line, values in (
                _csv_rows(path, file, required) if kind == [".csv"] else json_rows(path, file)
            ):
                yield line, values
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


def _csv_rows(
    path: Path, file: TextIO, required: Sequence[Sequence[str]]
) -> Iterator[tuple[int, dict[str, Any]]]:
    # A setting of the whole process; its default would refuse texts that Tidings takes.
    csv.field_size_limit(max(csv.field_size_limit(), _MOST_CHARACTERS))
    reader = csv.reader(file)
    try:
        header = [name.strip() for name in next(reader, [])]
        for wanted in required:
            if not set(wanted) & set(header):
                raise ConfigError(
                    f"{path}: line 1: no column {' or '.join(wanted)}"
                    f" (there are: {', '.join(header) or 'none'}); rename one"
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


def json_rows(path: Path, file: TextIO) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line and object of each line of `file` that is not empty; `path` is for the error."""
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
