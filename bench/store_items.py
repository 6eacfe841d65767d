"""Items for the bench of the store: millions generated in SQL, and a batch as a worker inserts it."""

from datetime import UTC, datetime, timedelta

from classifier.labels import TOPIC_LABELS
from store.client import Client
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


def insert(client: Client, start: datetime, milliseconds: int, count: int) -> None:
    """`count` items spread over so many milliseconds from `start` on, and what goes with them; minutes are dirty."""
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


def batch(number: int) -> list[ScoredItem]:
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
