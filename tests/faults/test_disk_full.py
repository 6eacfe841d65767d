"""The embedded store on a disk that is full: it says so, and the same batch counts once when there is room again."""

import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from store.store import Store, open_store
from tests.items import T0, scored
from tidings.errors import Unavailable
from tidings.settings import StoreSettings
from tidings.types import ScoredItem

_MEGABYTE = 1 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 48 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(
            f"a small disk cannot be mounted here (root is needed): {mounted.stderr.decode().strip()}"
        )
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")
def test_a_full_disk_is_told_and_the_batch_counts_once_when_there_is_room(small_disk: Path) -> None:
    store = open_store(StoreSettings(folder=small_disk / "store"))
    room = small_disk / "room"
    room.write_bytes(bytes(24 * _MEGABYTE))
    kept = []
    refused: list[ScoredItem] = []
    told = ""
    for number in range(60):
        # Texts that do not compress, a megabyte a batch.
        batch = [_long(f"{number}-{i}", number) for i in range(64)]
        try:
            store.insert(batch)
            kept += batch
        except Unavailable as error:
            refused, told = batch, str(error)
            break
    assert refused, "the disk never was full"
    assert "free disk space" in told, "the message says what to mend"

    room.unlink()
    before = _counted(store)
    assert len(kept) <= before <= len(kept) + len(refused)
    store.insert(refused)
    store.insert(refused)  # and once more: an acknowledged batch whose offsets were not committed
    sent = len(kept) + len(refused)
    print(
        f"\ndisk full: sent {sent}, of these when it was full {len(refused)} ({before - len(kept)} were in)"
    )
    assert _counted(store) == sent
    store.close()


def _counted(store: Store) -> int:
    """The items, which the windows agree with."""
    while store.roll():
        pass
    items = store.status().items
    assert int(store.sql("SELECT sum(items) FROM sentiment_1d WHERE scope = 'all'", "TSV")) == items
    assert not store.reconcile(T0.replace(hour=0), T0.replace(hour=23)).differences
    return items


def _long(item_id: str, minute: int) -> ScoredItem:
    one = scored(item_id, minute)
    text = random.Random(item_id).randbytes(8_000).hex()  # ballast
    return replace(one, item=replace(one.item, text=text))
