"""Rows as a table for the screen, for servers, whose protocol has no output formats. Pure."""

import io
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text


def render(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> str:
    """The rows as PrettyCompact shows them, more or less."""
    table = Table(*names, box=box.SQUARE, header_style="")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    console = Console(width=250, file=io.StringIO(), force_terminal=False)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}" + (
            f".{value.microsecond // 1000:03}" if value.microsecond else ""
        )
    if isinstance(value, list | tuple):
        return "[" + ",".join(f"'{part}'" if isinstance(part, str) else _cell(part) for part in value) + "]"
    return "" if value is None else str(value)
