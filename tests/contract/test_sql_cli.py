"""`tidings sql` into files, and `tidings run` with its SQL endpoint."""

import csv
import gzip
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import pyarrow.parquet as parquet
import pytest
import requests

from store.store import open_store
from tests.items import scored
from tests.started import free_port, started
from tidings.settings import StoreSettings

TIDINGS = str(Path(sys.executable).with_name("tidings"))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Settings of a store with three items."""
    store = open_store(StoreSettings(folder=tmp_path / "store"))
    store.insert([scored(f"i{n}", n, title='über,\t"Öl"') for n in range(3)])
    store.close()
    file = tmp_path / "tidings.toml"
    file.write_text(
        f'[api]\nport = 0\n[store]\nfolder = "{tmp_path / "store"}"\n[sql]\nport = {free_port()}\n',
        encoding="utf-8",
    )
    return file


def sql(config: Path, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [TIDINGS, "sql", "--config", str(config), *arguments], capture_output=True, timeout=60
    )


def test_export(config: Path, tmp_path: Path) -> None:
    query = "SELECT item_id, title FROM items ORDER BY item_id"
    done = sql(config, query, "--output", str(tmp_path / "a.parquet"))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert parquet.read_table(tmp_path / "a.parquet").to_pylist()[2] == {
        "item_id": "i2",
        "title": 'über,\t"Öl"',
    }
    assert sql(config, query, "--output", str(tmp_path / "a.csv")).returncode == 0
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as lines:
        assert list(csv.reader(lines))[:2] == [["item_id", "title"], ["i0", 'über,\t"Öl"']]
    assert sql(config, query, "--output", str(tmp_path / "a.csv.gz")).returncode == 0
    assert gzip.decompress((tmp_path / "a.csv.gz").read_bytes()) == (tmp_path / "a.csv").read_bytes()
    # A format of one's own wins over the ending, and bytes come whole through a pipe.
    assert sql(config, query, "--format", "JSONEachRow", "--output", str(tmp_path / "b.csv")).returncode == 0
    assert (tmp_path / "b.csv").read_bytes().startswith(b'{"item_id":"i0"')
    piped = sql(config, query, "--format", "Parquet").stdout
    assert parquet.read_table(BytesIO(piped)).num_rows == 3
    assert sql(config, "SELECT 1 FORMAT CSV").stdout == b"1\n"


def test_export_says_what_is_wrong(config: Path, tmp_path: Path) -> None:
    unknown = sql(config, "SELECT 1", "--output", str(tmp_path / "a.xlsx"))
    assert unknown.returncode == 2
    assert b"name a --format" in unknown.stderr
    nowhere = sql(config, "SELECT 1", "--output", str(tmp_path / "no" / "a.csv"))
    assert nowhere.returncode == 2
    assert b"No such file or directory" in nowhere.stderr


def test_the_service_answers_over_http_until_it_is_stopped(config: Path) -> None:
    port = config.read_text(encoding="utf-8").split("port = ")[-1].strip()
    command = [TIDINGS, "run", "--only", "windows,api", "--config", str(config)]
    with started(command) as service:
        deadline = time.monotonic() + 30
        while True:
            try:
                answer = requests.post(f"http://127.0.0.1:{port}/", b"SELECT count() FROM items", timeout=9)
                break
            except requests.ConnectionError:
                assert service.poll() is None, service.stderr.read() if service.stderr else ""
                assert time.monotonic() < deadline
                time.sleep(0.1)
        assert answer.text == "3\n"
        service.terminate()
        _, said = service.communicate(timeout=30)
    assert service.returncode == 0, said
    assert f"SQL over HTTP at 127.0.0.1:{port}" in said
    assert "uvicorn" not in said
