"""How the store grows: bytes an item, a roll, the alert engine's query, analysts' queries, at 1, 10, 100 million items.

    .venv/bin/python -m bench.store [--items 1000000,10000000] [--folder DIR] [--rate 10000]

Items are generated in SQL (30 days, 5,000 names, 500 sources, a third of the stories told twice), inserted into chDB
and rolled by the real roll. Then one more minute of `--rate` items a second is written and rolled. Times are the best
of three, given as ratios to the same at the first size; rows are those that ClickHouse says it must read (EXPLAIN
ESTIMATE); memory is the process's peak during the query, less what it held before.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.memory import megabytes, new_peak
from bench.store_items import DAYS, END, NAMES, START, batch, insert
from store.client import Client, connect
from store.migrate import migrate
from store.store import Store
from store.windows import mark
from tidings.settings import StoreSettings

# What analysts ask most; each over the view that the docs name for it. NOW is the end of the stream.
QUERIES = {
    "a name's hours of the last week": (
        "SELECT start, items, sentiment FROM sentiment_1h_by_key WHERE scope = 'entity' AND key = 'Name 7'"
        " AND start >= NOW - INTERVAL 7 DAY ORDER BY start"
    ),
    "the market's days": (
        "SELECT start, items, negative_stories, sentiment FROM sentiment_1d WHERE scope = 'all' ORDER BY"
        " start"
    ),
    "topics of the last day": (
        "SELECT key, sum(negative_stories) FROM sentiment_1h WHERE scope = 'topic' AND start >= NOW -"
        " INTERVAL 1 DAY GROUP BY key ORDER BY 2 DESC"
    ),
    "worst names of the last hour": (
        "SELECT key, sum(negative_story_sum) AS n FROM sentiment_1m WHERE scope = 'entity' AND start >= NOW -"
        " INTERVAL 1 HOUR GROUP BY key ORDER BY n DESC LIMIT 20"
    ),
    "worst names of the last day": (
        "SELECT key, sum(negative_story_sum) AS n FROM sentiment_1h WHERE scope = 'entity' AND start >= NOW -"
        " INTERVAL 1 DAY GROUP BY key ORDER BY n DESC LIMIT 20"
    ),
    "top negative items of the last hour": (
        "SELECT published_at, title FROM items WHERE published_at >= NOW - INTERVAL 1 HOUR ORDER BY"
        " p_negative DESC LIMIT 20"
    ),
    "a name's items of the last day": (
        "SELECT published_at, title, sentiment FROM items WHERE published_at >= NOW - INTERVAL 1 DAY AND"
        " has(entities, 'Name 7') ORDER BY published_at DESC LIMIT 50"
    ),
    "sources of the last day": (
        "SELECT source, count(), avg(sentiment) FROM items WHERE published_at >= NOW - INTERVAL 1 DAY GROUP"
        " BY source ORDER BY 2 DESC LIMIT 20"
    ),
    "stories of the last hour by reach": (
        "SELECT title, reach FROM stories WHERE day >= toDate(NOW - INTERVAL 1 HOUR)"
        " AND first_published_at >= NOW - INTERVAL 1 HOUR ORDER BY reach DESC LIMIT 20"
    ),
    "one item by its id": ("SELECT title, sentiment FROM items WHERE item_id = 'ID'"),
}


@dataclass(frozen=True)
class Cost:
    """Seconds (best of three), rows that ClickHouse must read (-1: not known), peak megabytes above the start."""

    seconds: float
    rows: int
    megabytes: float


def main() -> None:
    """Prints one table: a row per measure, a column per size."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--items", default="1000000,10000000", help="sizes, ascending, comma separated")
    parser.add_argument("--folder", type=Path, default=None, help="where the stores go; removed afterwards")
    parser.add_argument(
        "--rate", type=int, default=10_000, help="items a second of the minute that is rolled"
    )
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.items.split(",")]
    found = {size: _measure(size, arguments.rate, arguments.folder) for size in sizes}
    table = Table("measure", *(f"{size / 1e6:g} million" for size in sizes))
    first = found[sizes[0]]
    for name, cost in first.items():
        table.add_row(name, *(_say(found[size][name], cost) for size in sizes))
    Console(width=160).print(table)


def _measure(items: int, rate: int, parent: Path | None) -> dict[str, Cost | str]:
    folder = Path(tempfile.mkdtemp(dir=parent))
    client = connect(StoreSettings(folder=folder))
    try:
        migrate(client)
        return _fill(client, items) | _minute(client, rate) | _ask(client)
    finally:
        client.close()
        shutil.rmtree(folder)


def _fill(client: Client, items: int) -> dict[str, Cost | str]:
    began = time.perf_counter()
    for day in track(range(DAYS), f"{items:,} items"):
        insert(client, START + timedelta(days=day), 86_400_000, items // DAYS)
    inserted = time.perf_counter() - began
    store = Store(client, timedelta(minutes=5))
    began = time.perf_counter()
    while store.roll(1440):
        pass
    rolled = time.perf_counter() - began
    ((held, rows),) = client.query(
        "SELECT sum(bytes_on_disk), sum(rows) FROM system.parts WHERE active AND table = 'item_versions'"
    )
    ((every,),) = client.query(
        "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase()"
    )
    return {
        "items inserted a second (generated in SQL)": f"{items / inserted:,.0f}",
        "items rolled a second": f"{items / rolled:,.0f}",
        "bytes an item, item table alone": f"{int(held) / int(rows):.0f}",
        "bytes an item, everything": f"{int(every) / items:.0f}",
    }


def _minute(client: Client, rate: int) -> dict[str, Cost | str]:
    """One more minute, at `rate` items a second, rolled three times."""
    store = Store(client, timedelta(minutes=5))
    insert(client, END, 60_000, rate * 60)

    def roll() -> None:
        mark(client, [END])
        store.roll()

    batches = iter(range(1000))

    hour = END - timedelta(hours=1)
    candidates = [f"Name {number}" for number in range(0, NAMES, 100)]
    return {
        f"roll of a minute at {rate:,} items/s": _cost(roll),
        "insert of 512 items as the worker does it": _cost(lambda: store.insert(batch(next(batches)))),
        "engine: sums of 5,000 names over an hour": _cost(lambda: store.totals("entity", hour, END, 0.0)),
        "engine: 50 candidates' hours of two weeks": _cost(
            lambda: store.series("entity", candidates, END - timedelta(days=14), END, 3600)
        ),
    }


def _ask(client: Client) -> dict[str, Cost | str]:
    ((item_id,),) = client.query(
        "SELECT any(item_id) FROM item_versions WHERE published_at >= {day:DateTime64(3,'UTC')}",
        {"day": END - timedelta(days=3)},
    )
    now = f"toDateTime('{END:%Y-%m-%d %H:%M:%S}', 'UTC')"
    found: dict[str, Cost | str] = {}
    for name, text in QUERIES.items():
        sql = text.replace("NOW", now).replace("'ID'", f"'{item_id}'")
        rows = sum(int(row[3]) for row in client.query(f"EXPLAIN ESTIMATE {sql}"))
        cost = _cost(lambda sql=sql: client.query(sql))  # type: ignore[misc]  # the loop's own value
        found[name] = Cost(cost.seconds, rows, cost.megabytes)
    return found


def _cost(action: Callable[[], object]) -> Cost:
    before, best = megabytes("VmRSS"), float("inf")
    new_peak()
    for _ in range(3):
        began = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - began)
    return Cost(best, -1, max(0.0, megabytes("VmHWM") - before))


def _say(value: Cost | str, first: Cost | str) -> str:
    if isinstance(value, str) or isinstance(first, str):
        return str(value)
    rows = f", {value.rows:,} rows" if value.rows >= 0 else ""
    return f"{value.seconds:.3f} s ({value.seconds / first.seconds:.1f} x){rows}, {value.megabytes:.0f} MB"


if __name__ == "__main__":
    main()
