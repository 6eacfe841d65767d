"""Rows as text, for servers whose protocol has no output formats. Pure."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidings.errors import ConfigError


def render(names: Sequence[str], rows: Sequence[tuple[Any, ...]], output_format: str) -> str:
    """The rows in one of a few ClickHouse formats; ConfigError names those there are."""
    makers = {
        "PrettyCompact": _pretty,
        "CSV": lambda names, rows: _separated([], rows, ","),
        "CSVWithNames": lambda names, rows: _separated(names, rows, ","),
        "TSV": lambda names, rows: _separated([], rows, "\t"),
        "TSVWithNames": lambda names, rows: _separated(names, rows, "\t"),
        "JSONEachRow": _json_lines,
    }
    if output_format not in makers:
        raise ConfigError(
            f"--format {output_format}: with a server the formats are {', '.join(makers)};"
            " for others ask its HTTP interface (docs/sql.md)"
        )
    return makers[output_format](names, rows)


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}" + (
            f".{value.microsecond // 1000:03}" if value.microsecond else ""
        )
    if isinstance(value, list | tuple):
        return "[" + ",".join(f"'{part}'" if isinstance(part, str) else _cell(part) for part in value) + "]"
    return "" if value is None else str(value)


def _pretty(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> str:
    table = Table(*names, box=box.SQUARE, header_style="")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    console = Console(width=250, file=io.StringIO(), force_terminal=False)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def _separated(names: Sequence[str], rows: Sequence[tuple[Any, ...]], delimiter: str) -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerows([names] if names else [])
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def _json_lines(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> str:
    lines = (
        json.dumps(dict(zip(names, row, strict=True)), default=_cell, ensure_ascii=False) for row in rows
    )
    return "".join(f"{line}\n" for line in lines)
