"""`tidings sql --output`: the same from both backends in every format, whole or not at all, in bounded memory."""

import csv
import gzip
import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pyarrow.parquet as parquet
import pytest
from rich.console import Console

from service.sql_export import ask, export
from store.store import open_store
from tests.items import scored
from tests.native_server import native_server
from tests.started import started
from tidings.errors import ConfigError, TidingsError, Unavailable
from tidings.settings import StoreSettings

TIDINGS = str(Path(sys.executable).with_name("tidings"))
KINDS = """SELECT toUInt8(number) AS u8, toUInt64(18446744073709551615) AS u64, toInt32(-number) AS i32,
    toFloat32(0.1) AS f32, 0.1 AS f64, 'it''s, "é"\\t\\\\' AS s, toLowCardinality('x') AS lc,
    if(number = 1, NULL, 'n') AS maybe, CAST(NULL, 'LowCardinality(Nullable(String))') AS none,
    number = 1 AS flag, CAST(number = 1, 'Bool') AS yes, toDate('2026-01-02') AS d,
    toDateTime('2026-01-02 03:04:05', 'UTC') AS dt, toDateTime64('2026-01-02 03:04:05', 3, 'UTC') AS dt3,
    toDateTime64('2026-01-02 03:04:05.678912', 6, 'Europe/Zurich') AS dt6,
    [toNullable('a'), NULL] AS texts, [1, 2] AS numbers, toDecimal64(1.5, 3) AS dec,
    CAST('a', 'Enum8(\\'a\\' = 1)') AS e, 1 AS `a "b"`
FROM numbers(3) ORDER BY number DESC"""
ENDINGS = ("csv", "tsv", "jsonl", "parquet", "csv.gz")


@dataclass
class Backends:
    """One store each, with three items."""

    embedded: StoreSettings
    server: StoreSettings

    def config(self, name: str, folder: Path) -> Path:
        """A settings file."""
        one: StoreSettings = getattr(self, name)
        file = folder / f"{name}.toml"
        values = {"backend": name, "folder": str(one.folder), "host": one.host, "port": one.port}
        file.write_text("[store]\n" + "".join(f"{n} = {json.dumps(v)}\n" for n, v in values.items()))
        return file


@pytest.fixture(scope="module")
def backends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backends]:
    folder = tmp_path_factory.mktemp("export")
    with native_server(folder / "server") as (host, port):
        found = Backends(
            StoreSettings(folder=folder / "store"), StoreSettings(backend="server", host=host, port=port)
        )
        for settings in (found.embedded, found.server):
            store = open_store(settings)
            store.insert([scored(f"i{n}", n, title='über,\t"Öl" 株価 🚀') for n in range(3)])
            store.close()
        yield found


def written(settings: StoreSettings, query: str, output: Path, output_format: str = "") -> Path:
    said = export(settings, query, output_format, output, Console(file=StringIO()))
    assert said.endswith(f": {output}")
    assert [path.name for path in output.parent.glob(".*.part")] == []
    return output


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    "query",
    [
        KINDS,
        "SELECT * FROM items ORDER BY item_id",
        "SELECT 1 AS one WHERE 0",
        "SELECT * FROM alerts; -- none",
    ],
    ids=["kinds", "items", "empty", "no alerts"],
)
def test_both_backends_write_the_same(backends: Backends, tmp_path: Path, query: str, ending: str) -> None:
    one = written(backends.embedded, query, tmp_path / f"embedded.{ending}")
    other = written(backends.server, query, tmp_path / f"server.{ending}")
    if ending == "parquet":
        table = parquet.read_table(other)
        assert table.schema.equals(parquet.read_table(one).schema)
        assert table.to_pylist() == parquet.read_table(one).to_pylist()
    elif ending == "csv.gz":
        assert gzip.decompress(one.read_bytes()) == gzip.decompress(other.read_bytes())
    else:
        assert other.read_text(encoding="utf-8") == one.read_text(encoding="utf-8")


def test_what_is_written_can_be_read(backends: Backends, tmp_path: Path) -> None:
    query = "SELECT item_id, title, published_at FROM items ORDER BY item_id"
    rows = [f"i{n}" for n in range(3)]
    table = parquet.read_table(written(backends.server, query, tmp_path / "a.parquet"))
    assert table["item_id"].to_pylist() == rows
    assert isinstance(table["published_at"][0].as_py(), datetime)
    assert table["published_at"][0].as_py().astimezone(UTC).year == 2026
    with written(backends.server, query, tmp_path / "a.csv").open(encoding="utf-8", newline="") as lines:
        read = list(csv.reader(lines))
    assert read[0] == ["item_id", "title", "published_at"]
    assert [row[0] for row in read[1:]] == rows
    assert read[1][1] == 'über,\t"Öl" 株価 🚀'
    as_json = written(backends.server, f"{query} FORMAT JSONEachRow", tmp_path / "b.csv")
    assert json.loads(as_json.read_text(encoding="utf-8").split("\n")[2])["item_id"] == "i2"


def test_it_replaces_a_former_file_and_says_rows_and_bytes(backends: Backends, tmp_path: Path) -> None:
    config = backends.config("server", tmp_path)
    output = tmp_path / "a.csv"
    output.write_text("before")
    command = [TIDINGS, "sql", "--config", str(config), "SELECT number FROM numbers(1500)", "--output"]
    done = subprocess.run([*command, str(output)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"wrote 1,500 rows, 6.4 kB: {output}\n"
    assert output.read_text().startswith('"number"\n0\n1\n')


@pytest.mark.parametrize("name", ["embedded", "server"])
def test_an_error_leaves_the_former_file_and_nothing_else(
    backends: Backends, tmp_path: Path, name: str
) -> None:
    output = tmp_path / "a.parquet"
    output.write_text("before")
    settings = getattr(backends, name)
    for query in (
        "SELECT throwIf(number = 200000, 'it broke') FROM numbers(300000)",
        "SELECT * FROM no_such_table",
        "SELECT 1 +",
        "INSERT INTO items SELECT 1",
    ):
        with pytest.raises(TidingsError):
            written(settings, query, output)
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]
    assert output.read_text() == "before"
    assert written(settings, "SELECT 1 AS n", output).stat().st_size > 100


@pytest.fixture
def interruptible(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test starts hears Ctrl-C, also where the tests run in the background (a shell ignores it there).

    It is not measured: an interrupt while coverage holds its lock leaves it held, and the process waits for ever.
    """
    for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(
    ("name", "by"), [("embedded", signal.SIGINT), ("embedded", signal.SIGTERM), ("server", signal.SIGINT)]
)
def test_an_interrupted_export_leaves_nothing(backends: Backends, tmp_path: Path, name: str, by: int) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    endless = (
        "SELECT repeat('x', 99999), sleepEachRow(0.01) FROM numbers(99999999) SETTINGS max_block_size = 10"
    )
    if name == "server":  # that of the tests answers when it has all
        endless = "SELECT number, repeat('x', 500) FROM numbers(600000)"
    config = backends.config(name, tmp_path)
    command = [TIDINGS, "sql", "--config", str(config), endless, "--output", str(folder / "a.csv")]
    with started(command) as process:
        deadline = time.monotonic() + 60
        while not any(path.stat().st_size for path in folder.iterdir()):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(by)
        process.communicate(timeout=20)
    assert process.returncode not in (0, None)
    assert list(folder.iterdir()) == []


PEAK = """
import resource, sys
from pathlib import Path
from rich.console import Console
from service.sql_export import export
from tidings.settings import StoreSettings
backend, folder, port, query, output = sys.argv[1:]
settings = StoreSettings(backend=backend, folder=Path(folder), port=int(port))
export(settings, "SELECT 1 AS n, 'x' AS s", "", Path(output), Console())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(export(settings, query, "", Path(output), Console()))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize(
    ("name", "ending"), [("embedded", "csv"), ("embedded", "parquet"), ("server", "parquet")]
)
def test_memory_is_bounded(backends: Backends, tmp_path: Path, name: str, ending: str) -> None:
    settings: StoreSettings = getattr(backends, name)
    rows, long = (3_000_000, 6) if name == "embedded" else (1_000_000, 18)  # the tests' own server is slow
    query = f"SELECT number AS n, repeat(toString(cityHash64(number)), {long}) AS s FROM numbers({rows})"
    output = tmp_path / f"a.{ending}"
    arguments = [name, str(settings.folder), str(settings.port), query, str(output)]
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *arguments], capture_output=True, text=True, timeout=200, check=True
    )
    said, grown_kb = done.stdout.splitlines()
    assert said.startswith(f"wrote {rows:,} rows, ")
    assert int(grown_kb) / 1000 < 250, "MB; the answer has some 370"


def test_what_is_wrong_is_said_before_the_query_is_asked(backends: Backends, tmp_path: Path) -> None:
    long = "SELECT sleepEachRow(1) FROM numbers(100)"
    with pytest.raises(ConfigError, match="name a --format"):
        written(backends.embedded, long, tmp_path / "a.xlsx")
    with pytest.raises(ConfigError, match="there is no folder"):
        written(backends.embedded, long, tmp_path / "no" / "a.csv")
    with pytest.raises(ConfigError, match="is no file"):
        written(backends.embedded, long, Path("/dev/null"), "CSV")
    with pytest.raises(ConfigError, match="there is no such format"):
        written(backends.embedded, long, tmp_path / "a.csv", "CSV x")
    with pytest.raises(ConfigError, match="column t is of type Tuple"):
        written(backends.server, "SELECT (1, 2) AS t", tmp_path / "a.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said(backends: Backends, tmp_path: Path) -> None:
    config = backends.config("server", tmp_path)
    command = [TIDINGS, "sql", "--config", str(config), "SELECT number FROM numbers(1000000)", "--output"]
    done = subprocess.run(
        [*command, str(tmp_path / "a.csv")],
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: (
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
            resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000)),
        ),
    )
    assert done.returncode == Unavailable.exit_code, done.stderr
    assert "cannot be written (File too large)" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["server.toml"]


@pytest.mark.parametrize("name", ["embedded", "server"])
def test_asking_changes_nothing(backends: Backends, tmp_path: Path, name: str) -> None:
    settings: StoreSettings = getattr(backends, name)
    with pytest.raises(ConfigError, match=r"nowhere.*check store.database"):
        ask(replace(settings, database="nowhere"), "SELECT 1", "")
    with closing(open_store(settings, asking=True)) as store:
        assert "nowhere" not in store.sql("SHOW DATABASES", "PrettyCompact")
