"""A server's answer as a file, block by block: text as the server itself writes each row, Parquet by pyarrow.

The embedded store needs none of it: its engine writes files itself.
"""

from collections.abc import Callable, Iterator
from io import BufferedIOBase

from store.client import Row
from store.export_parquet import write_parquet
from tidings.errors import ConfigError

Ask = Callable[[str], Iterator[list[Row]]]  # the rows of a query, some at a time
# Format: the one that the server's formatRow is asked for, and whether names come first.
_TEXTS = {
    "CSV": ("CSV", False),
    "CSVWithNames": ("CSV", True),
    "TSV": ("TSV", False),
    "TSVWithNames": ("TSV", True),
    "JSONEachRow": ("JSONEachRow", False),
}


def write_answer(ask: Ask, sql: str, output_format: str, file: BufferedIOBase) -> Iterator[int]:
    """Writes the answer of a SELECT into the file; yields how many rows are written, after each block.

    Raises ConfigError for a format, a statement or a type of column that cannot be written so.
    """
    if output_format not in (*_TEXTS, "Parquet"):
        raise ConfigError(
            f"--format {output_format}: with a server the formats are PrettyCompact, {', '.join(_TEXTS)}, Parquet;"
            " for others ask its HTTP interface (docs/sql.md)"
        )
    if sql.split(maxsplit=1)[0].upper() not in ("SELECT", "WITH"):
        raise ConfigError(
            f"--format {output_format}: with a server only SELECT is written so; what SHOW and DESCRIBE tell is also in"
            " system.tables and system.columns"
        )
    rows = 0
    for block in _parts(ask, sql, output_format, file):
        rows += block
        yield rows


def _parts(ask: Ask, sql: str, output_format: str, file: BufferedIOBase) -> Iterator[int]:
    if output_format == "Parquet":
        yield from write_parquet(_columns(ask, sql), ask(sql), file)
        return
    row_format, named = _TEXTS[output_format]
    if named:
        file.write(_names([name for name, _ in _columns(ask, sql)], row_format).encode())
    for block in ask(f"SELECT formatRow('{row_format}', *) FROM (\n{sql}\n)"):
        # The driver gives bytes for what is not UTF-8.
        file.writelines(text if isinstance(text, bytes) else text.encode() for (text,) in block)
        yield len(block)


def _columns(ask: Ask, sql: str) -> list[tuple[str, str]]:
    """Name and ClickHouse's type of each column of a SELECT."""
    return [(row[0], row[1]) for block in ask(f"DESCRIBE TABLE (\n{sql}\n)") for row in block]


def _names(names: list[str], row_format: str) -> str:
    if row_format == "CSV":
        return ",".join('"' + name.replace('"', '""') + '"' for name in names) + "\n"
    escaped = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
    return "\t".join(name.translate(escaped) for name in names) + "\n"
