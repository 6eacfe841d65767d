"""The server of the tests is worth its trust: what clickhouse-driver sends comes back from the engine."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

from tests.native_server import native_server


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    with native_server(tmp_path_factory.mktemp("chdb"), "--user", "u", "--password", "p") as found:
        yield found


@pytest.fixture
def client(address: tuple[str, int]) -> Iterator[Client]:
    host, port = address
    opened = Client(host, port=port, user="u", password="p", settings={"server_side_params": True})
    yield opened
    opened.disconnect()


def test_types_and_texts_round_trip(client: Client) -> None:
    client.execute("DROP TABLE IF EXISTS kinds")
    client.execute(
        "CREATE TABLE kinds (s String, l LowCardinality(String), a Array(String), d DateTime64(3, 'UTC'),"
        " n Nullable(DateTime64(3, 'UTC')), u UInt64, f Float64) ENGINE = MergeTree ORDER BY u"
    )
    at = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    rows = [("nul \0 😀 \\ '", "x", ["it's", ""], at, None, 1, 0.5), ("", "y", [], at, at, 2, -1.0)]
    client.execute("INSERT INTO kinds (s, l, a, d, n, u, f) VALUES", rows)
    assert client.execute("SELECT * FROM kinds ORDER BY u") == rows


def test_parameters(client: Client) -> None:
    text = "it's \\ a\ttext\n😀"
    sql = "SELECT {s:String}, {a:Array(String)}, {n:UInt32}"
    assert client.execute(sql, {"s": text, "a": [text, "b"], "n": 7}) == [(text, [text, "b"], 7)]


def test_many_rows_and_none(client: Client) -> None:
    assert len(client.execute("SELECT number FROM numbers(100000)")) == 100_000
    rows, columns = client.execute("SELECT 1 AS x WHERE 0", with_column_types=True)
    assert (rows, columns) == ([], [("x", "UInt8")])


def test_an_error_is_told_and_the_connection_goes_on(client: Client) -> None:
    with pytest.raises(ServerException) as caught:
        client.execute("SELECT nothing_like_it")
    assert caught.value.code == 47
    assert client.execute("SELECT 1") == [(1,)]


def test_readonly_refuses(client: Client) -> None:
    with pytest.raises(ServerException) as caught:
        client.execute("DROP TABLE IF EXISTS kinds", settings={"readonly": 1})
    assert caught.value.code == 164


def test_wrong_password(address: tuple[str, int], tmp_path: Path) -> None:
    host, port = address
    with pytest.raises(ServerException) as caught:
        Client(host, port=port, user="u", password="wrong").execute("SELECT 1")
    assert caught.value.code == 516
