"""Only statements that read pass; text inside quotes and comments is not SQL."""

import pytest

from store.render import render
from store.statement import require_read_only
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


def test_formats_of_a_server() -> None:
    rows = [("a\tb", 1), (None, 2)]
    assert render(["x", "y"], rows, "CSVWithNames") == "x,y\na\tb,1\n,2\n"
    assert render(["x", "y"], rows, "JSONEachRow").splitlines()[1] == '{"x": null, "y": 2}'
    assert "│" in render(["x", "y"], rows, "PrettyCompact")
    with pytest.raises(ConfigError, match="PrettyCompact"):
        render([], [], "Parquet")
