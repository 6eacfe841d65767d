"""ClickHouse's HTTP interface over the embedded store: asked by clickhouse-connect, requests and curl."""

import json
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import clickhouse_connect
import pyarrow.parquet as parquet
import pytest
import requests
from clickhouse_connect.driver.exceptions import DatabaseError
from clickhouse_driver import Client
from clickhouse_driver.bufferedreader import BufferedSocketReader
from clickhouse_driver.connection import ServerInfo
from clickhouse_driver.streams.native import BlockInputStream

from service.sql_http import serving_sql, sql_app
from store.client_frames import compressed
from store.store import Store, open_store
from tests.items import scored
from tests.native_server import Bytes
from tidings.errors import ConfigError
from tidings.settings import SqlSettings, StoreSettings

PASSWORD = "it's a secret"  # no secret of anything
SETTINGS = SqlSettings(password=PASSWORD, seconds=2, rows=5000, memory_bytes=200_000_000)
AUTH = ("default", PASSWORD)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(StoreSettings(folder=tmp_path_factory.mktemp("sql") / "store"))
    opened.insert([scored(f"i{n}", n, title=f"headline {n}\tof \"é\" 'x'") for n in range(50)])
    opened.roll()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def folder(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return next(tmp_path_factory.getbasetemp().glob("sql*")) / "store"


@pytest.fixture(scope="module")
def port(store: Store, folder: Path) -> Iterator[int]:
    with serving_sql(SETTINGS, StoreSettings(folder=folder)) as found:
        yield found


@pytest.fixture(scope="module")
def url(port: int) -> str:
    return f"http://127.0.0.1:{port}/"


def ask(url: str, sql: str, **arguments: str) -> requests.Response:
    return requests.post(url, sql.encode(), params=arguments, auth=AUTH, timeout=20)


def test_clickhouse_connect_reads(port: int) -> None:
    client = clickhouse_connect.get_client(
        host="127.0.0.1", port=port, username="default", password=PASSWORD, database="tidings"
    )
    rows = client.query(
        "SELECT item_id, published_at, title FROM items WHERE item_id = {id:String}", parameters={"id": "i3"}
    ).result_rows
    assert [tuple(row) for row in rows] == [
        ("i3", datetime(2026, 3, 2, 9, 3, tzinfo=rows[0][1].tzinfo), "headline 3\tof \"é\" 'x'")
    ]
    text = "tab\t, \\ and 'quote' 消息"
    moment = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    given = {"x": text, "n": [1, 2], "at": moment}
    (row,) = client.query(
        "SELECT {x:String}, {n:Array(Int32)}, {at:DateTime('UTC')}", parameters=given
    ).result_rows
    assert (row[0], list(row[1]), row[2].replace(tzinfo=UTC)) == (text, [1, 2], moment)
    assert client.query_df("SELECT * FROM sentiment_1m WHERE scope = 'all'").shape[0] == 50
    assert client.query_arrow("SELECT item_id, sentiment FROM items").num_rows == 50
    with client.query_row_block_stream("SELECT number FROM numbers(1000)") as stream:
        assert sum(len(block) for block in stream) == 1000
    assert client.command("SELECT count() FROM items") == 50
    assert parquet.read_table(BytesIO(client.raw_query("SELECT * FROM items", fmt="Parquet"))).num_rows == 50
    assert client.ping()


def test_clickhouse_connect_is_told_what_is_wrong(port: int) -> None:
    with pytest.raises(DatabaseError, match="Code: 516"):
        clickhouse_connect.get_client(host="127.0.0.1", port=port, username="default", password="wrong")
    client = clickhouse_connect.get_client(host="127.0.0.1", port=port, username="default", password=PASSWORD)
    with pytest.raises(DatabaseError, match="UNKNOWN_IDENTIFIER"):
        client.query("SELECT nosuch FROM items")
    with pytest.raises(DatabaseError, match="nothing is inserted"):
        client.insert("items", [["x"]], column_names=["item_id"])
    client.write_compression = None
    with pytest.raises(DatabaseError, match="READONLY"):
        client.insert("items", [["x"]], column_names=["item_id"])


@pytest.mark.parametrize(
    "sql",
    ["SELECT * FROM items", "SELECT * FROM sentiment_1h", "SELECT * FROM alerts", "SELECT 1 WHERE 0", "SELECT ''",
     "SELECT toString(number), [number], (1, 'x'), nullIf(number, 3) FROM numbers(5000)"],
)  # fmt: skip
def test_native_blocks_of_a_protocol_revision(url: str, sql: str) -> None:
    """As clickhouse-go asks, and so Grafana's data source; here clickhouse-driver reads them."""
    plain = ask(url, sql, default_format="Native")
    told = ask(url, sql, default_format="Native", client_protocol_version="54483")
    assert told.status_code == 200
    assert (told.content != plain.content) or not plain.content
    assert native_rows(told.content, 54459) == native_rows(plain.content, 0)


def native_rows(data: bytes, revision: int) -> list[Any]:
    context = Client("nowhere").connection.context
    context.server_info = ServerInfo("x", 0, 0, 0, revision, "UTC", "x", revision)
    stream = BlockInputStream(BufferedSocketReader(Bytes(data), 1 << 20), context)
    rows: list[Any] = []
    while True:
        try:
            block = stream.read()
        except EOFError:
            return rows
        rows += [block.columns_with_types, *block.get_rows()]


def test_clickhouses_own_frames(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """compress=1, as JDBC asks: clickhouse-driver takes the frames apart. Ours are read with decompress=1."""
    pytest.importorskip("clickhouse_cityhash")
    from clickhouse_driver.streams.compressed import CompressedBlockInputStream

    context = Client("nowhere").connection.context
    context.server_info = ServerInfo("x", 0, 0, 0, 0, "UTC", "x", 0)
    sql = "SELECT number, randomString(900) FROM numbers(3000)"
    answer = ask(url, sql, default_format="Native", max_block_size="900", compress="1")
    assert "Content-Encoding" not in answer.headers
    stream = CompressedBlockInputStream(BufferedSocketReader(Bytes(answer.content), 1 << 20), context)
    numbers: list[int] = []
    while len(numbers) < 3000:
        numbers += [row[0] for row in stream.read().get_rows()]
    assert numbers == list(range(3000))
    frames = compressed(b"SELECT 41 + 1")
    assert requests.post(url, frames, params={"decompress": "1"}, auth=AUTH, timeout=9).text == "42\n"
    for wrong in (frames[:-1], frames[:20], b"x" + frames[1:]):
        refused = requests.post(url, wrong, params={"decompress": "1"}, auth=AUTH, timeout=9)
        assert (refused.status_code, refused.headers["X-ClickHouse-Exception-Code"]) == (400, "36")
    big = compressed(b" " * 5_000_000)
    assert "too large" in requests.post(url, big, params={"decompress": "1"}, auth=AUTH, timeout=9).text
    monkeypatch.setitem(sys.modules, "clickhouse_cityhash.cityhash", None)
    assert "tidings[compression]" in ask(url, "SELECT 1", compress="1").text


def test_answer_headers(url: str) -> None:
    answer = requests.get(
        url, {"query": "SELECT item_id FROM items ORDER BY item_id LIMIT 2", "query_id": "q1"}, auth=AUTH
    )
    assert answer.text == "i0\ni1\n"
    assert answer.headers["X-ClickHouse-Format"] == "TabSeparated"
    assert answer.headers["X-ClickHouse-Query-Id"] == "q1"
    assert answer.headers["X-ClickHouse-Server-Display-Name"] == "tidings"
    assert answer.headers["Content-Encoding"] == "gzip"
    summary = json.loads(answer.headers["X-ClickHouse-Summary"])
    assert (summary["read_rows"], summary["result_rows"]) == ("50", "2")


@pytest.mark.parametrize(
    ("arguments", "sql", "text", "kind"),
    [
        ({"default_format": "CSV"}, "SELECT 1, 'a'", '1,"a"\n', "text/csv"),
        ({"default_format": "CSV"}, "SELECT 1 AS x FORMAT JSONEachRow", '{"x":1}\n', "application/x-ndjson"),
        ({"query": "SELECT {x:UInt8} + {y:UInt8}", "param_x": "1", "param_y": "2"}, "", "3\n", "text/tab"),
        ({"query": "SELECT 1"}, "+ 1", "2\n", "text/tab"),
        ({"database": "system"}, "SELECT currentDatabase()", "system\n", "text/tab"),
        ({"date_time_output_format": "iso"}, "SELECT toDateTime(0, 'UTC')", "1970-01-01T00:00:00Z\n", "text/tab"),
        ({"session_timezone": "Asia/Tokyo"}, "SELECT timezone()", "Asia/Tokyo\n", "text/tab"),
        ({"session_id": "a", "wait_end_of_query": "1", "compress": "0"}, "SELECT 1;", "1\n", "text/tab"),
        ({}, "-- what\nSELECT 1 /* b */", "1\n", "text/tab"),
        ({}, "SHOW TABLES LIKE 'items'", "items\n", "text/tab"),
        ({"default_format": "RowBinary"}, "SELECT 255::UInt8", "\xff", "application/octet-stream"),
    ],
)  # fmt: skip
def test_what_is_asked_is_answered(
    url: str, arguments: dict[str, str], sql: str, text: str, kind: str
) -> None:
    answer = ask(url, sql, **arguments)
    assert (answer.status_code, answer.content) == (200, text.encode("latin-1"))
    assert answer.headers["Content-Type"].startswith(kind)


@pytest.mark.parametrize(
    ("sql", "status", "code"),
    [
        ("SELEC 1", 400, 62),
        ("SELECT 1; SELECT 2", 400, 62),
        ("SELECT * FROM nosuch", 404, 60),
        ("SELECT nosuch FROM items", 404, 47),
        ("SELECT 1 FORMAT Nosuch", 404, 73),
        ("SELECT {x:String}", 500, 456),
        ("SELECT number FROM numbers(5001)", 500, 396),
        ("SELECT groupArray(number) FROM numbers(100000000)", 500, 241),
        ("SELECT sleep(3)", 408, 159),
        ("INSERT INTO items (item_id) VALUES ('x')", 500, 164),
        ("DROP VIEW items", 500, 164),
        ("CREATE TEMPORARY TABLE x (a Int8) ENGINE = Memory", 500, 164),
        ("SET max_memory_usage = 0", 500, 164),
        ("KILL QUERY WHERE 1", 500, 164),
        ("SELECT 1 SETTINGS max_memory_usage = 0", 500, 164),
        ("SELECT file('/etc/hostname')", 500, 164),
        ("SELECT $$ ' $$, `fi\\x6ce`('/etc/hostname'), $$ ' $$", 500, 164),
        ("SELECT 1 # '\n, file('/etc/hostname') # '", 500, 164),
        ("SELECT * APPLY(file) FROM (SELECT '/etc/hostname')", 500, 164),
        ("SELECT 1 INTO OUTFILE '/tmp/x'", 500, 164),
        ("SELECT * FROM file('/etc/hostname', 'CSV', 'a String')", 500, 164),
        ("SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')", 500, 164),
        ("SELECT * FROM remote('127.0.0.1', 'system.one')", 500, 164),
        ("WITH x AS (SELECT 1) INSERT INTO FUNCTION file('/tmp/x') SELECT * FROM x", 500, 164),
    ],
)  # fmt: skip
def test_errors_are_clickhouses(url: str, sql: str, status: int, code: int) -> None:
    answer = ask(url, sql)
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (status, str(code)), (
        answer.text
    )
    assert answer.text.startswith(f"Code: {code}. DB::")
    assert re.search(r"\. \([A-Z_]+\)( \(version [\d.]+\))?\n$", answer.text), answer.text
    assert ("have sql." in answer.text) == (code in (396, 241, 159)), "what to do about a limit"
    assert "formatQuery" not in answer.text


def test_a_setting_that_may_not_be_changed_is_refused(url: str) -> None:
    assert ask(url, "SELECT 1", max_threads="64").headers["X-ClickHouse-Exception-Code"] == "164"
    assert (
        ask(url, "SELECT number FROM numbers(9)", max_result_rows="5").headers["X-ClickHouse-Exception-Code"]
        == "396"
    )


def test_login(url: str) -> None:
    query = {"query": "SELECT 1"}
    headers = {"X-ClickHouse-User": "default", "X-ClickHouse-Key": PASSWORD}
    assert requests.get(url, query, headers=headers, timeout=9).text == "1\n"
    assert requests.get(url, query | {"user": "default", "password": PASSWORD}, timeout=9).text == "1\n"
    missing = requests.get(url, query, timeout=9)
    assert (missing.status_code, missing.headers["X-ClickHouse-Exception-Code"]) == (401, "194")
    assert missing.headers["WWW-Authenticate"].startswith("Basic ")
    for auth in (("default", "wrong"), ("other", PASSWORD), ("default", "")):
        wrong = requests.get(url, query, auth=auth, timeout=9)
        assert (wrong.status_code, wrong.headers["X-ClickHouse-Exception-Code"]) == (403, "516")
        assert PASSWORD not in wrong.text
    assert requests.get(f"{url}ping", timeout=9).text == "Ok.\n"
    assert requests.get(f"{url}nosuch", timeout=9).status_code == 404
    assert requests.get(url, auth=AUTH, timeout=9).text == "Ok.\n"


def test_the_store_is_written_while_it_is_read(url: str, store: Store) -> None:
    """A slow query of an analyst holds nobody up, and a few at once are answered side by side."""
    began = time.monotonic()
    slow = [threading.Thread(target=ask, args=(url, "SELECT sleep(1.5)")) for _ in range(3)]
    for thread in slow:
        thread.start()
    time.sleep(0.2)
    store.insert([scored("late", 60)])
    assert ask(url, "SELECT count() FROM items WHERE item_id = 'late'").text == "1\n"
    assert time.monotonic() - began < 1.4
    for thread in slow:
        thread.join()
    assert time.monotonic() - began < 3.5


def test_more_queries_than_may_run_at_once_wait(store: Store, folder: Path) -> None:
    with serving_sql(SqlSettings(queries=1), StoreSettings(folder=folder)) as port:
        answers: list[str] = []

        def query() -> None:
            answers.append(requests.post(f"http://127.0.0.1:{port}/", b"SELECT sleep(0.3)", timeout=20).text)

        began = time.monotonic()
        threads = [threading.Thread(target=query) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == ["0\n"] * 3
        assert time.monotonic() - began > 0.9


def test_a_small_query_does_not_wait_for_the_network(url: str) -> None:
    """Without TCP_NODELAY every answer on a kept connection takes 40 ms."""
    took = []
    with requests.Session() as session:
        for _ in range(20):
            began = time.monotonic()
            session.post(url, b"SELECT 1", auth=AUTH, timeout=9).raise_for_status()
            took.append(time.monotonic() - began)
    assert min(took[1:]) < 0.03


def test_without_a_password_only_this_machine_is_served(store: Store, folder: Path) -> None:
    with serving_sql(SqlSettings(), StoreSettings(folder=folder)) as port:
        url = f"http://127.0.0.1:{port}/?query=SELECT+1"
        assert requests.get(url, timeout=9).text == "1\n"
        other = requests.get(url, headers={"Host": "rebound.example"}, timeout=9)
        assert (other.status_code, other.headers["X-ClickHouse-Exception-Code"]) == (403, "516")
    with pytest.raises(ConfigError, match=r"set sql\.password_file"):
        sql_app(SqlSettings(host="0.0.0.0"), StoreSettings(folder=folder))


def test_settings_that_cannot_be_served(folder: Path) -> None:
    with (
        pytest.raises(ConfigError, match=r"sql\.port"),
        serving_sql(SqlSettings(), StoreSettings(backend="server")),
    ):
        pass
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ConfigError, match="cannot listen"),
            serving_sql(SqlSettings(port=port), StoreSettings(folder=folder)),
        ):
            pass


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_curl(url: str, tmp_path: Path) -> None:
    def curl(*arguments: str) -> bytes:
        command = ["curl", "--silent", "--show-error", "-u", f"default:{PASSWORD}", *arguments]
        return subprocess.run(command, capture_output=True, check=True, timeout=30).stdout

    assert curl(url, "-d", "SELECT count() > 40 FROM items FORMAT CSV") == b"1\n"
    assert curl("--compressed", f"{url}?query=SELECT+'%E6%B6%88'") == "消\n".encode()
    file = tmp_path / "items.parquet"
    curl(url, "-d", "SELECT * FROM items LIMIT 7 FORMAT Parquet", "--output", str(file))
    assert parquet.read_table(file).num_rows == 7
