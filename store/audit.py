"""The proof that nothing was lost: what became of every Kafka offset."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from store.client import Client
from tidings.types import Consumed

_RECORD = """
INSERT INTO consumed_rows (kafka_topic, kafka_partition, kafka_offset, item, reason)
SELECT one.1, one.2, one.3, if(one.5 = '', reinterpretAsUInt64(substring(SHA256(one.4), 1, 8)), 0), one.5
FROM (SELECT arrayJoin(arrayZip({topics:Array(String)}, {partitions:Array(UInt32)}, {offsets:Array(UInt64)},
                                {items:Array(String)}, {reasons:Array(String)})) AS one)
"""


@dataclass(frozen=True, slots=True)
class PartitionAudit:
    """One Kafka partition: consumed = stored + duplicates + dead_letters + erased + unexplained.

    `unexplained` offsets were read, and their items are nowhere: they are lost. `gaps` counts the offsets between
    the first and the last that were never read (compaction and transaction markers leave some).
    """

    kafka_topic: str
    kafka_partition: int
    first_offset: int
    last_offset: int
    consumed: int
    stored: int
    duplicates: int
    dead_letters: int
    erased: int
    unexplained: int
    gaps: int


SUMS = ("consumed", "stored", "duplicates", "dead_letters", "erased", "unexplained", "gaps")


def record(client: Client, consumed: Sequence[Consumed]) -> None:
    """Writes down what became of these offsets; acknowledged when it returns, and the same again changes nothing.

    What came without Kafka (no kafka_topic) has no offset to account for and is left out.
    """
    rows = [one for one in consumed if one.kafka_topic]
    if not rows:
        return
    client.execute(
        _RECORD,
        {
            "topics": [one.kafka_topic for one in rows],
            "partitions": [one.kafka_partition for one in rows],
            "offsets": [one.kafka_offset for one in rows],
            "items": [one.item_id for one in rows],
            "reasons": [one.reason for one in rows],
        },
    )


def audit(client: Client, start: datetime | None = None, end: datetime | None = None) -> list[PartitionAudit]:
    """Every partition, over everything that was ever recorded, or over a period.

    A period takes of each partition the offsets from the first to the last that were recorded in [start, end).
    It costs one pass over the items' ids; without a period also memory for each of them.
    """
    bounds = client.query(_BOUNDS, {"start": start or _FIRST, "end": end or _LAST})
    if not bounds:
        return []
    # In a second statement: the items of all these offsets were stored before it begins to read.
    topics, partitions, firsts, lasts = ([row[at] for row in bounds] for at in range(4))
    rows = client.query(
        _EVERYTHING if start is None and end is None else _PERIOD,
        {"topics": topics, "partitions": partitions, "firsts": firsts, "lasts": lasts},
    )
    return [PartitionAudit(topic, *(int(number) for number in numbers)) for topic, *numbers in rows]


def sums_sql(outcomes: str) -> str:
    """The sums per partition over `outcomes`: a SELECT like the one below, or a view of it."""
    return f"""
SELECT
    kafka_topic,
    kafka_partition,
    min(kafka_offset) AS first_offset,
    max(kafka_offset) AS last_offset,
    count() AS consumed,
    countIf(outcome = 'stored') AS stored,
    countIf(outcome = 'duplicate') AS duplicates,
    countIf(outcome = 'dead letter') AS dead_letters,
    countIf(outcome = 'erased') AS erased,
    countIf(outcome = 'unexplained') AS unexplained,
    max(kafka_offset) - min(kafka_offset) + 1 - count() AS gaps
FROM {outcomes}
GROUP BY kafka_topic, kafka_partition
"""


def outcomes_sql(recorded: str = "consumed_rows FINAL", items: str = "") -> str:
    """One row per offset of `recorded`; `items` may narrow the items that are looked at."""
    return f"""
SELECT
    c.kafka_topic AS kafka_topic,
    c.kafka_partition AS kafka_partition,
    c.kafka_offset AS kafka_offset,
    multiIf(
        c.reason != '', 'dead letter',
        i.live AND i.kafka_topic = c.kafka_topic AND i.kafka_partition = c.kafka_partition
            AND i.kafka_offset = c.kafka_offset, 'stored',
        i.live, 'duplicate',
        c.item IN (SELECT reinterpretAsUInt64(unhex(substring(id_hash, 1, 16))) FROM erased_items), 'erased',
        'unexplained'
    ) AS outcome,
    c.reason AS reason,
    c.item AS item,
    c.recorded_at AS recorded_at
FROM (SELECT kafka_topic, kafka_partition, kafka_offset, item, reason, recorded_at FROM {recorded}) AS c
LEFT ANY JOIN (
    SELECT
        reinterpretAsUInt64(substring(SHA256(item_id), 1, 8)) AS item,
        kafka_topic, kafka_partition, kafka_offset, true AS live
    FROM items {items}
) AS i ON i.item = c.item
"""


_FIRST = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_LAST = datetime.fromisoformat("2106-01-01T00:00:00+00:00")
_BOUNDS = """
SELECT kafka_topic, kafka_partition, min(kafka_offset), max(kafka_offset)
FROM consumed_rows
WHERE recorded_at >= {start:DateTime64(3,'UTC')} AND recorded_at < {end:DateTime64(3,'UTC')}
GROUP BY kafka_topic, kafka_partition
"""
_CHOSEN = """consumed_rows AS r FINAL INNER JOIN (
        SELECT one.1 AS kafka_topic, one.2 AS kafka_partition, one.3 AS first, one.4 AS last
        FROM (SELECT arrayJoin(arrayZip({topics:Array(String)}, {partitions:Array(UInt32)},
                                        {firsts:Array(UInt64)}, {lasts:Array(UInt64)})) AS one)
    ) AS b USING (kafka_topic, kafka_partition)
    WHERE r.kafka_offset BETWEEN b.first AND b.last"""
_NARROWED = f"WHERE reinterpretAsUInt64(substring(SHA256(item_id), 1, 8)) IN (SELECT item FROM {_CHOSEN})"
_ORDER = "ORDER BY kafka_topic, kafka_partition"
_EVERYTHING = f"{sums_sql(f'({outcomes_sql(_CHOSEN)})')} {_ORDER}"
_PERIOD = f"{sums_sql(f'({outcomes_sql(_CHOSEN, _NARROWED)})')} {_ORDER}"
