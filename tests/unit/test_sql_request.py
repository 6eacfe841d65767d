"""What a request to the SQL endpoint asks, and what a query may do."""

import gzip

import pytest

from service.sql_request import BODY_BYTES, login_of, parse_request, wants_gzip
from store.reading import Limits, QueryError, format_of, require_harmless, session_settings

LIMITS = Limits(seconds=30, rows=1000, result_bytes=10_000, memory_bytes=1_000_000)


def test_arguments_headers_and_body_make_one_request() -> None:
    asked = parse_request(
        [
            ("query", "SELECT {x:String}"),
            ("param_x", "a"),
            ("max_result_rows", "5"),
            ("wait_end_of_query", "1"),
        ],
        {"x-clickhouse-format": "JSON", "x-clickhouse-database": "other"},
        b"FORMAT CSV",
    )
    assert asked.sql == "SELECT {x:String}\nFORMAT CSV"
    assert (asked.database, asked.output_format) == ("other", "JSON")
    assert (asked.parameters, asked.settings) == ({"x": "a"}, {"max_result_rows": "5"})


def test_a_zipped_body_is_read() -> None:
    assert parse_request([], {"content-encoding": "gzip"}, gzip.compress(b"SELECT 1")).sql == "SELECT 1"


@pytest.mark.parametrize(
    ("arguments", "headers", "body", "code"),
    [
        ([], {"content-type": "multipart/form-data; boundary=x"}, b"", 48),
        ([], {"content-encoding": "br"}, b"SELECT 1", 48),
        ([], {"content-encoding": "gzip"}, b"SELECT 1", 36),
        ([], {"content-encoding": "gzip"}, gzip.compress(b" " * (BODY_BYTES + 1)), 229),
        ([], {}, b"SELECT '\xff'", 36),
    ],
)
def test_what_is_not_understood_is_refused(
    arguments: list[tuple[str, str]], headers: dict[str, str], body: bytes, code: int
) -> None:
    with pytest.raises(QueryError) as caught:
        parse_request(arguments, headers, body)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("arguments", "headers", "login"),
    [
        ({}, {}, None),
        ({"user": "a", "password": "b"}, {}, ("a", "b")),
        ({"user": "x"}, {"x-clickhouse-user": "a", "x-clickhouse-key": "b"}, ("a", "b")),
        ({}, {"authorization": "Basic YTpiOmM="}, ("a", "b:c")),
        ({}, {"authorization": "Bearer abc"}, None),
    ],
)
def test_login(arguments: dict[str, str], headers: dict[str, str], login: tuple[str, str] | None) -> None:
    assert login_of(arguments, headers) == login


@pytest.mark.parametrize(
    ("accepted", "zipped"),
    [("gzip, deflate", True), ("br, gzip;q=0.5", True), ("gzip;q=0", False), ("zstd", False), ("", False)],
)
def test_gzip_only_where_it_is_accepted(accepted: str, zipped: bool) -> None:
    assert wants_gzip({"accept-encoding": accepted}) is zipped


def test_limits_can_be_lowered_and_not_raised() -> None:
    asked = {
        "max_execution_time": "5",
        "max_result_rows": "0",
        "max_memory_usage": "9000000000",
        "readonly": "2",
    }
    assert dict(session_settings(asked | {"output_format_json_quote_64bit_integers": "0"}, LIMITS)) == {
        "output_format_json_quote_64bit_integers": "0",
        "max_execution_time": "5",
        "max_result_rows": "1000",
        "max_result_bytes": "10000",
        "max_memory_usage": "1000000",
        "session_timezone": "UTC",
        "readonly": "1",
    }


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [("max_threads", "64", 164), ("format_schema", "/etc/passwd:x", 164), ("readonly", "0", 164),
     ("max_result_rows", "many", 36), ("max_execution_time", "inf", 36)],
)  # fmt: skip
def test_other_settings_are_refused(name: str, value: str, code: int) -> None:
    with pytest.raises(QueryError) as caught:
        dict(session_settings({name: value}, LIMITS))
    assert caught.value.code == code


def test_what_stands_in_a_literal_is_no_sql() -> None:
    require_harmless("SELECT 'file' AS x, 'INTO OUTFILE' FORMAT JSON")
    assert format_of("SELECT ' FORMAT CSV' AS x", "TSV") == "TSV"
    assert format_of("SELECT 1 FORMAT JSON SETTINGS a = 1", "TSV") == "JSON"


@pytest.mark.parametrize(
    "normal", ["SELECT file('x')", "SELECT `file`('x')", "SELECT * APPLY file FROM t", "DROP TABLE t",
               "SELECT 1 INTO OUTFILE 'x'", "SELECT * FROM Python(x)"],
)  # fmt: skip
def test_what_does_more_than_read_is_refused(normal: str) -> None:
    with pytest.raises(QueryError) as caught:
        require_harmless(normal)
    assert caught.value.code == 164
