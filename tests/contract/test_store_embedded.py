"""What is peculiar to the embedded store."""

import subprocess
import sys
from pathlib import Path

from store.store import open_store
from tidings.settings import StoreSettings

_OPEN = """
import sys
from pathlib import Path
from store.store import open_store
from tidings.errors import Unavailable
from tidings.settings import StoreSettings
try:
    open_store(StoreSettings(folder=Path(sys.argv[1])))
except Unavailable as error:
    print(error)
    sys.exit(2)
"""
_DIE = """
import os, sys
from pathlib import Path
from store.store import open_store
from tests.items import scored
from tidings.settings import StoreSettings
store = open_store(StoreSettings(folder=Path(sys.argv[1])))
store.insert([scored(str(i), i) for i in range(50)])
os.kill(os.getpid(), 9)
"""


def _python(code: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, timeout=60
    )


def test_a_folder_in_use_is_named_with_what_to_do(tmp_path: Path) -> None:
    store = open_store(StoreSettings(folder=tmp_path / "store"))
    try:
        other = _python(_OPEN, tmp_path / "store")
    finally:
        store.close()
    assert other.returncode == 2, other.stderr
    assert "another `tidings` process" in other.stdout


def test_acknowledged_inserts_survive_kill_9(tmp_path: Path) -> None:
    assert _python(_DIE, tmp_path / "store").returncode == -9
    store = open_store(StoreSettings(folder=tmp_path / "store"))
    assert store.status().items == 50
    assert store.roll() == 50
    store.close()
