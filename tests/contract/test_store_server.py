"""A server that goes away, comes back, refuses, or speaks TLS: clickhouse-driver against tests/native_server.py."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest

from store.client import connect
from store.client_server import ServerClient
from store.failures import PASSING, ROWS, SETTINGS
from store.migrate import SCHEMA, migrate
from tests.native_server import native_server
from tidings.errors import ConfigError, Refused, TidingsError, Unavailable
from tidings.settings import StoreSettings

ROWS_IN = [(n, f"text {n} 😀") for n in range(50)]


IDLE_SECONDS = 6


@dataclass
class Running:
    """A server that a test may kill and start again on its port."""

    folder: Path
    port: int = 0

    def start(self) -> None:
        command = [
            sys.executable, "-m", "tests.native_server", str(self.folder / "data"), "--port", str(self.port),
            "--fault", str(self.folder / "fault"), "--idle-seconds", str(IDLE_SECONDS),
        ]  # fmt: skip
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        with self.process.stdout as said:  # type: ignore[union-attr]  # it is a pipe
            self.port = int(said.readline().split()[3])

    def do_wrong(self, how: str) -> None:
        """At the next insert."""
        (self.folder / "fault").write_text(how)

    @property
    def settings(self) -> StoreSettings:
        return StoreSettings(backend="server", port=self.port, database="faults")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("server"))
    running.start()
    yield running
    running.process.kill()
    running.process.wait(10)


@pytest.fixture
def client(server: Running) -> Iterator[ServerClient]:
    opened = connect(server.settings)
    assert isinstance(opened, ServerClient)
    opened.execute("DROP TABLE IF EXISTS rows")
    opened.execute("CREATE TABLE rows (n UInt8, s String) ENGINE = ReplacingMergeTree ORDER BY n")
    yield opened
    opened.close()


def counted(client: ServerClient) -> tuple[int, int]:
    """Rows, and rows that were stored more than once."""
    ((distinct, rows),) = client.query("SELECT uniqExact(n), count() FROM rows")
    return int(distinct), int(rows) - int(distinct)


@pytest.mark.parametrize(("when", "stored"), [("before", 0), ("after", 50)])
def test_a_connection_lost_in_an_insert_is_told_and_the_batch_counts_once_when_sent_again(
    client: ServerClient, server: Running, when: str, stored: int
) -> None:
    client.query("SELECT 1")
    server.do_wrong(f"close {when}")
    with pytest.raises(Unavailable, match="cannot be reached"):
        client.insert("rows", ("n", "s"), ROWS_IN)
    assert counted(client) == (stored, 0)
    client.insert("rows", ("n", "s"), ROWS_IN)
    assert client.query("SELECT n, s FROM rows FINAL ORDER BY n") == ROWS_IN


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_server_killed_in_an_insert_is_found_again_when_it_is_back(
    client: ServerClient, server: Running, when: str
) -> None:
    server.do_wrong(f"exit {when}")
    with pytest.raises(Unavailable):
        client.insert("rows", ("n", "s"), ROWS_IN)
    server.process.wait(10)
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:\d+ .*store\.port"):
        client.query("SELECT 1")
    server.start()
    client.insert("rows", ("n", "s"), ROWS_IN)
    assert client.query("SELECT n, s FROM rows FINAL ORDER BY n") == ROWS_IN


def test_the_next_host_answers_when_the_first_does_not(server: Running) -> None:
    away = replace(
        server.settings, port=1, alternative_hosts=("127.0.0.1:2", f"127.0.0.1:{server.settings.port}")
    )
    client = connect(away)
    assert client.query("SELECT 1") == [(1,)]
    client.close()


def test_an_idle_connection_that_the_server_has_closed_is_made_anew(client: ServerClient) -> None:
    client.query("SELECT 1")
    time.sleep(IDLE_SECONDS + 1)
    assert client.query("SELECT 2") == [(2,)]


def test_errors_of_the_server_come_as_what_to_do_about_them(client: ServerClient, server: Running) -> None:
    server.do_wrong("252 Too many parts (3000 with average size of 1 KiB)")
    with pytest.raises(Unavailable, match="merges are behind"):
        client.insert("rows", ("n", "s"), ROWS_IN)
    server.do_wrong("117 Incorrect data")
    with pytest.raises(Refused, match="Incorrect data"):
        client.insert("rows", ("n", "s"), ROWS_IN)
    for bad in ((256, "x"), (-1, "x"), ("one", "x"), (None, "x"), (1, None), (1, "\ud800"), (1.5, "x")):
        with pytest.raises(Refused):
            client.insert("rows", ("n", "s"), [(7, "good"), bad])
    with pytest.raises(ConfigError, match="SHOW TABLES lists"):
        client.query("SELECT * FROM nowhere")
    with pytest.raises(TidingsError, match="the store refused") as caught:
        client.query("SELEC 1")
    assert type(caught.value) is TidingsError
    assert counted(client) == (0, 0), "no good row of a refused batch was stored"


def test_the_codes_are_those_of_the_real_engine(client: ServerClient) -> None:
    names = {code: name for code, (name, _) in (PASSING | SETTINGS).items()} | ROWS
    rows = client.query(
        "SELECT arrayJoin({codes:Array(UInt32)}) AS code, errorCodeToName(code)", {"codes": list(names)}
    )
    assert dict(rows) == names


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_compressed_both_ways(client: ServerClient, server: Running, compression: str) -> None:
    pytest.importorskip("clickhouse_cityhash")
    packed = connect(replace(server.settings, compression=compression))
    packed.insert("rows", ("n", "s"), ROWS_IN)
    assert packed.query("SELECT n, s FROM rows ORDER BY n") == ROWS_IN
    assert packed.query("SELECT s FROM rows WHERE 0") == []
    with pytest.raises(ConfigError):
        packed.query("SELECT * FROM nowhere")
    assert len(packed.query("SELECT number, toString(number) FROM numbers(200000)")) == 200_000
    packed.close()


def test_settings_go_with_each_statement(server: Running) -> None:
    client = connect(replace(server.settings, server_settings=("max_result_rows = 3", "max_threads=2")))
    assert client.query("SELECT getSetting('max_threads')") == [(2,)]
    assert client.query("SELECT getSetting('max_partitions_per_insert_block')") == [(0,)]
    client.close()
    with pytest.raises(ConfigError, match="write NAME=VALUE"):
        connect(replace(server.settings, server_settings=("max_threads",)))


def test_two_that_start_together_end_in_one_schema(server: Running) -> None:
    settings = replace(server.settings, database="together")
    clients = [connect(settings) for _ in range(3)]
    failed: list[BaseException] = []

    def start(number: int) -> None:
        try:
            migrate(clients[number])
        except BaseException as error:
            failed.append(error)

    threads = [Thread(target=start, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    shown = (
        "SELECT name, create_table_query FROM system.tables WHERE database = currentDatabase() ORDER BY name"
    )
    together = clients[0].query(shown)
    alone = connect(replace(settings, database="alone"))
    migrate(alone)
    assert together == [(name, sql.replace("alone.", "together.")) for name, sql in alone.query(shown)]
    assert migrate(clients[1]) == []
    assert len(alone.query("SELECT number FROM schema_migrations FINAL")) == len(list(SCHEMA.glob("*.sql")))
    for client in (alone, *clients):
        client.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return folder / "cert.pem", folder / "key.pem"


def test_tls_with_a_certificate_of_ones_own(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    with native_server(tmp_path / "data", "--cert", str(cert), "--key", str(key)) as (host, port):
        settings = StoreSettings(backend="server", host=host, port=port, secure=True, ca_file=cert)
        client = connect(settings)
        client.execute("CREATE TABLE t (at DateTime64(3, 'UTC')) ENGINE = MergeTree ORDER BY at")
        at = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
        client.insert("t", ("at",), [(at,)])
        assert client.query("SELECT at FROM t") == [(at,)]
        client.close()
        trusting = connect(replace(settings, ca_file=None, verify=False))
        assert trusting.query("SELECT 1") == [(1,)]
        trusting.close()
        with pytest.raises(ConfigError, match=r"CERTIFICATE_VERIFY_FAILED.*check store\.ca_file"):
            connect(replace(settings, ca_file=None))
        with pytest.raises(ConfigError, match=r"store\.ca_file: there is no file /nowhere"):
            connect(replace(settings, ca_file=Path("/nowhere")))
        with pytest.raises(Unavailable):
            connect(
                replace(
                    settings, secure=False, ca_file=None, connect_timeout_seconds=2, answer_timeout_seconds=2
                )
            )


def test_a_wrong_login_names_the_setting(tmp_path: Path) -> None:
    with native_server(tmp_path / "data", "--user", "tidings", "--password", "right") as (host, port):
        settings = StoreSettings(backend="server", host=host, port=port, user="tidings", password="wrong")
        with pytest.raises(ConfigError, match=r"check store\.user, store\.password_file") as caught:
            connect(settings)
        assert "wrong" not in str(caught.value)
        connect(replace(settings, password="right")).close()
