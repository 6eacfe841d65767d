"""Rows as Parquet, a block at a time, with the types that ClickHouse itself would write."""

import re
from collections.abc import Iterable, Iterator, Sequence
from io import BufferedIOBase
from typing import Any

from store.client import Row
from tidings.errors import ConfigError, TidingsError

_INTEGER = re.compile(r"(U?)Int(8|16|32|64)")


def write_parquet(
    columns: Sequence[tuple[str, str]], blocks: Iterable[Sequence[Row]], file: BufferedIOBase
) -> Iterator[int]:
    """Writes a row group for each block, and yields its rows; `columns` are names and ClickHouse's types.

    Raises ConfigError where pyarrow is not installed, and for a column whose type is not written here.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise ConfigError(
            "--format Parquet: with a server it needs pyarrow: pip install 'tidings[parquet]'"
        ) from None
    schema = pa.schema([_field(name, kind, name) for name, kind in columns])
    with parquet.ParquetWriter(file, schema) as writer:
        for block in blocks:
            values = zip(*block, strict=True)
            try:
                arrays = [pa.array(column, field.type) for column, field in zip(values, schema, strict=True)]
            except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
                raise TidingsError(f"--format Parquet: a value cannot be written ({error})") from None
            writer.write_batch(pa.record_batch(arrays, schema=schema))
            yield len(block)


def _field(name: str, kind: str, column: str) -> Any:
    """Of `column`, or of what is inside its type; a value may be missing where ClickHouse says Nullable."""
    import pyarrow as pa

    inside, nullable = kind, False
    while found := re.fullmatch(r"(LowCardinality|Nullable)\((.*)\)", inside):
        nullable = nullable or found[1] == "Nullable"
        inside = found[2]
    return pa.field(name, _type(inside, column), nullable)


def _type(kind: str, column: str) -> Any:
    import pyarrow as pa

    plain = {
        "String": pa.string(), "Bool": pa.bool_(), "Float32": pa.float32(), "Float64": pa.float64(),
        "Date": pa.date32(), "Date32": pa.date32(),
    }  # fmt: skip
    name, _, inside = kind.removesuffix(")").partition("(")
    if kind in plain:
        return plain[kind]
    if found := _INTEGER.fullmatch(kind):
        return getattr(pa, f"{found[1].lower()}int{found[2]}")()
    if name == "DateTime" or (name == "DateTime64" and int(inside[0]) <= 6):
        fine = name == "DateTime64" and int(inside[0]) > 3
        return pa.timestamp("us" if fine else "ms", "UTC")
    if name == "Array":
        return pa.list_(_field("element", inside, column))
    if name == "Decimal" and int(inside.split(",")[0]) <= 38:
        return pa.decimal128(*map(int, inside.split(",")))
    if name in ("Enum8", "Enum16"):
        return pa.binary()
    raise ConfigError(
        f"column {column} is of type {kind}, which is not written with a server: write toString({column}), or ask the"
        " server's HTTP interface (docs/sql.md)"
    )
