"""Only statements that read pass; text inside quotes and comments is not SQL."""

from datetime import UTC, datetime

import pytest

from store.render import render
from store.statement import require_read_only, split_format
from tidings.errors import ConfigError


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "select ';' ;",
        "WITH 1 AS x SELECT x -- ; DROP TABLE y",
        "/* DROP */ SHOW TABLES",
        "SELECT 'it''s; DROP TABLE x'",
        "SELECT 'a\\'; b'",
        "DESCRIBE items",
    ],
)
def test_reading_passes(sql: str) -> None:
    require_read_only(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "-- nothing",
        "DROP TABLE items",
        "SELECT 1; DROP TABLE items",
        "SELECT 1 INTO OUTFILE '/tmp/x'",
        "INSERT INTO items SELECT 1",
        "SET readonly = 0",
        "ALTER TABLE x DELETE WHERE 1",
        "SELECT '' /* ' */ ; DROP TABLE x",
    ],
)
def test_anything_else_is_refused(sql: str) -> None:
    with pytest.raises(ConfigError):
        require_read_only(sql)


@pytest.mark.parametrize(
    ("sql", "statement", "output_format"),
    [
        ("SELECT 1", "SELECT 1", ""),
        ("SELECT 1 ; -- done", "SELECT 1", ""),
        ("SELECT 1\nformat  CSV;\n", "SELECT 1", "CSV"),
        (
            "SELECT 'it''s' AS s /* FORMAT */ FORMAT TSV -- FORMAT CSV",
            "SELECT 'it''s' AS s /* FORMAT */",
            "TSV",
        ),
        ("SELECT '🚀 FORMAT CSV'", "SELECT '🚀 FORMAT CSV'", ""),
        ("SELECT `FORMAT x` FROM t", "SELECT `FORMAT x` FROM t", ""),
    ],
)
def test_a_statement_and_its_own_format(sql: str, statement: str, output_format: str) -> None:
    assert split_format(sql) == (statement, output_format)


def test_a_table_for_the_screen() -> None:
    shown = render(["x", "y"], [("a\tb", 1), (None, [datetime(2026, 1, 2, tzinfo=UTC), "z"])])
    assert "│ x " in shown
    assert "[2026-01-02 00:00:00,'z']" in shown
