"""A server's answer as a file, without a server: what is asked of it, and what is written."""

import sys
from collections.abc import Iterator
from io import BytesIO

import pytest

from store.client import Row
from store.export import write_answer
from tidings.errors import ConfigError, TidingsError


class Server:
    """Answers DESCRIBE with two columns, and everything else with the blocks it was given."""

    def __init__(self, *blocks: list[Row]) -> None:
        self.blocks = blocks
        self.asked: list[str] = []

    def ask(self, sql: str) -> Iterator[list[Row]]:
        self.asked.append(sql)
        yield from (
            [[("n\t1", "UInt8", ""), ('"s"', "String", "")]] if sql.startswith("DESCRIBE") else self.blocks
        )


@pytest.mark.parametrize(
    ("output_format", "head"),
    [("CSVWithNames", b'"n\t1","""s"""\n'), ("TSVWithNames", b'n\\t1\t"s"\n'), ("CSV", b"")],
)
def test_rows_are_written_as_the_server_formats_them(output_format: str, head: bytes) -> None:
    server, file = Server([("1,a\n",), ("2,é\n",)], [(b"3,\xff\n",)]), BytesIO()
    assert list(write_answer(server.ask, "SELECT 1 -- one", output_format, file)) == [2, 3]
    assert file.getvalue() == head + "1,a\n2,é\n".encode() + b"3,\xff\n"
    assert server.asked[-1].endswith("FROM (\nSELECT 1 -- one\n)"), "a comment does not hide what follows"


@pytest.mark.parametrize(
    ("sql", "output_format", "said"),
    [
        ("SELECT 1", "ORC", "the formats are PrettyCompact, CSV"),
        ("SHOW TABLES", "CSV", "only SELECT"),
        ("SELECT 1", "Parquet", "pip install 'tidings[parquet]'"),
    ],
)
def test_what_cannot_be_written_is_said(
    monkeypatch: pytest.MonkeyPatch, sql: str, output_format: str, said: str
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError) as caught:
        list(write_answer(Server().ask, sql, output_format, BytesIO()))
    assert said in str(caught.value)


def test_a_text_that_parquet_cannot_hold_is_said() -> None:
    with pytest.raises(TidingsError, match="a value cannot be written"):
        list(write_answer(Server([(1, b"\xff")]).ask, "SELECT 1", "Parquet", BytesIO()))
