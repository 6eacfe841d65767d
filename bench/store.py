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
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from classifier.labels import TOPIC_LABELS
from store.client import Client, connect
from store.migrate import migrate
from store.store import Store
from store.windows import mark
from tidings.settings import StoreSettings
from tidings.types import Item, Prediction, ScoredItem

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 30
END = START + timedelta(days=DAYS)
NAMES = 5_000
_WORDS = (
    "shares", "bank", "profit", "loss", "rises", "falls", "warns", "quarter", "rate", "deal", "market", "bond", "oil",
    "cuts", "raises", "outlook", "debt", "sales", "growth", "risk", "fund", "stock", "lender", "court", "probe", "fine",
    "chief", "exports", "output", "demand", "price", "record", "plant", "strike", "union", "tariff",
)  # fmt: skip

# number -> an item of the day: {day} is its first second, {count} the items of a day.
_ITEMS = """
SELECT
    lower(hex(sipHash64(number, {day:UInt32}))) AS item_id,
    lower(hex(sipHash64({day:UInt32}, intDiv(number * 3, 4)))) AS story_id,
    concat('source-', toString(sipHash64(number, 1) % 500)) AS source,
    if(sipHash64(number, 2) % 3 = 0, 'news', 'social') AS kind,
    toDateTime64({day:UInt32}, 3, 'UTC')
        + toIntervalMillisecond(intDiv(number * {milliseconds:UInt64}, {count:UInt64})) AS published_at,
    arrayStringConcat(arrayMap(
        i -> {words:Array(String)}[1 + sipHash64(number, i, {day:UInt32}) % length({words:Array(String)})], range(3, 14)
    ), ' ') AS title,
    '' AS text,
    concat('https://news.example/', item_id) AS url,
    'en' AS lang,
    CAST([] AS Array(String)) AS tickers,
    arrayDistinct(arrayMap(
        i -> concat('Name ', toString(toUInt32(pow((sipHash64(number, i) % 10000) / 10000, 3) * {names:UInt32}))),
        [20, 21]
    )) AS entities,
    {topics:Array(String)}[1 + sipHash64(number, 30) % 20] AS topic,
    0.9 AS topic_p,
    pow((sipHash64(number, 31) % 1000) / 1000, 4) AS p_negative,
    (1 - p_negative) * 0.7 AS p_neutral,
    1 - p_negative - p_neutral AS p_positive,
    p_positive - p_negative AS sentiment,
    multiIf(p_negative > 0.5, 'negative', p_positive > p_neutral, 'positive', 'neutral') AS sentiment_label,
    '' AS flag,
    'bench' AS model_version,
    published_at AS scored_at,
    'news.raw' AS kafka_topic,
    0 AS kafka_partition,
    {day:UInt32} * 100000 + number AS kafka_offset
FROM numbers({count:UInt64})
"""
_COLUMNS = (
    "item_id, story_id, source, kind, published_at, title, text, url, lang, tickers, entities, topic, topic_p,"
    " p_negative, p_neutral, p_positive, sentiment, sentiment_label, flag, model_version, scored_at, kafka_topic,"
    " kafka_partition, kafka_offset"
)

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
        _insert(client, START + timedelta(days=day), 86_400_000, items // DAYS)
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


def _insert(client: Client, start: datetime, milliseconds: int, count: int) -> None:
    given = {
        "day": int(start.timestamp()), "milliseconds": milliseconds, "count": count,
        "words": _WORDS, "names": NAMES, "topics": list(TOPIC_LABELS),
    }  # fmt: skip
    client.execute(f"INSERT INTO item_versions ({_COLUMNS}) {_ITEMS}", given)
    for table, columns in (
        (
            "story_items (story_id, item_id, published_at, version)",
            "story_id, item_id, published_at, toUnixTimestamp64Nano(now64(9))",
        ),
        ("item_minutes (item_id, minute, story_id)", "item_id, toStartOfMinute(published_at), story_id"),
        (
            "dirty_minutes (minute, marked, rolled)",
            "DISTINCT toStartOfMinute(published_at), toUnixTimestamp64Nano(now64(9)), 0",
        ),
    ):
        client.execute(f"INSERT INTO {table} SELECT {columns} FROM ({_ITEMS})", given)


def _minute(client: Client, rate: int) -> dict[str, Cost | str]:
    """One more minute, at `rate` items a second, rolled three times."""
    store = Store(client, timedelta(minutes=5))
    _insert(client, END, 60_000, rate * 60)

    def roll() -> None:
        mark(client, [END])
        store.roll()

    batches = iter(range(1000))

    hour = END - timedelta(hours=1)
    candidates = [f"Name {number}" for number in range(0, NAMES, 100)]
    return {
        f"roll of a minute at {rate:,} items/s": _cost(roll),
        "insert of 512 items as the worker does it": _cost(lambda: store.insert(_batch(next(batches)))),
        "engine: sums of 5,000 names over an hour": _cost(lambda: store.totals("entity", hour, END, 0.0)),
        "engine: 50 candidates' hours of two weeks": _cost(
            lambda: store.series("entity", candidates, END - timedelta(days=14), END, 3600)
        ),
    }


def _batch(number: int) -> list[ScoredItem]:
    """512 new items of one minute after the end, each a story of its own."""
    at = END + timedelta(minutes=1 + number)
    prediction = Prediction("Earnings", 0.9, 0.6, 0.3, 0.1, "bench")
    return [
        ScoredItem(
            Item(
                f"new-{number}-{i}",
                "source-1",
                "news",
                at,
                f"News {number} {i}",
                "",
                story_id=f"story-{number}-{i}",
            ),
            prediction,
            at,
        )
        for i in range(512)
    ]


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
    before, best = _memory("VmRSS"), float("inf")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    for _ in range(3):
        began = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - began)
    return Cost(best, -1, max(0.0, _memory("VmHWM") - before))


def _memory(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return 0.0


def _say(value: Cost | str, first: Cost | str) -> str:
    if isinstance(value, str) or isinstance(first, str):
        return str(value)
    rows = f", {value.rows:,} rows" if value.rows >= 0 else ""
    return f"{value.seconds:.3f} s ({value.seconds / first.seconds:.1f} x){rows}, {value.megabytes:.0f} MB"


if __name__ == "__main__":
    main()
