"""`tidings sql` on the screen, and `tidings run` with its SQL endpoint."""

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


def test_bytes_come_whole_through_a_pipe_and_a_format_of_its_own_goes_first(config: Path) -> None:
    piped = sql(config, "SELECT item_id, title FROM items", "--format", "Parquet").stdout
    assert parquet.read_table(BytesIO(piped)).num_rows == 3
    assert sql(config, "SELECT 1 FORMAT CSV; -- so", "--format", "JSONEachRow").stdout == b"1\n"


def test_a_wrong_folder_is_said_and_not_made(tmp_path: Path) -> None:
    done = subprocess.run([TIDINGS, "sql", "SELECT 1"], capture_output=True, timeout=60, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"tidings: there is no store in tidings-data/store: name its folder")
    assert list(tmp_path.iterdir()) == []


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
