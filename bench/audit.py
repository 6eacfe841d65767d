"""What the audit of everything costs: all offsets at once, against shares of them.

    .venv/bin/python -m bench.audit [--items 4000000] [--shares 8]

Items are generated in SQL into chDB, and the offset of each is recorded. Seconds and the process's peak memory during
the audit, less what it held before; ratios are against all at once, in the same run.
"""

import argparse
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.memory import megabytes, new_peak
from bench.store_items import DAYS, START, insert
from store import audit
from store.client import connect
from store.migrate import migrate
from tidings.settings import StoreSettings

_RECORD = """
INSERT INTO consumed_rows (kafka_topic, kafka_partition, kafka_offset, item, published_at)
SELECT kafka_topic, kafka_partition, kafka_offset, reinterpretAsUInt64(substring(SHA256(item_id), 1, 8)), published_at
FROM item_versions ORDER BY kafka_offset
"""
_SIZE = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'consumed_rows'"


def main() -> None:
    """Prints a row for each way."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--items", type=int, default=4_000_000)
    parser.add_argument("--shares", type=int, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        client = connect(StoreSettings(folder=Path(folder)))
        migrate(client)
        for day in range(DAYS):
            insert(client, START + timedelta(days=day), 86_400_000, options.items // DAYS)
        client.execute(_RECORD)
        client.execute("OPTIMIZE TABLE consumed_rows FINAL")
        ((size,),) = client.query(_SIZE)
        client.close()
        table = Table(title=f"{options.items:,} offsets, {int(size) / options.items:.1f} bytes each on disk")
        for column in ("offsets at once", "seconds", "peak memory"):
            table.add_column(column, justify="right")
        first: tuple[float, float] | None = None
        for at_once in (options.items, options.items // options.shares):
            # Each in a process of its own: ClickHouse keeps what memory it once had.
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                seconds, peak = process.submit(_measure, folder, at_once).result()
            first = first or (seconds, peak)
            table.add_row(
                f"{at_once:,}",
                f"{seconds:.1f} ({seconds / first[0]:.1f} x)",
                f"{peak:.0f} MB ({peak / first[1]:.2f} x)",
            )
        Console(width=100).print(table)


def _measure(folder: str, at_once: int) -> tuple[float, float]:
    """Seconds, and megabytes above the start."""
    client = connect(StoreSettings(folder=Path(folder)))
    audit.AT_ONCE = at_once
    new_peak()
    before, began = megabytes("VmRSS"), time.perf_counter()
    (found,) = audit.audit(client)
    seconds, peak = time.perf_counter() - began, megabytes("VmHWM") - before
    client.close()
    assert (found.stored, found.unexplained) == (found.consumed, 0)
    return seconds, peak


if __name__ == "__main__":
    main()
