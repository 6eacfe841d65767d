"""The proof that nothing was lost: what became of every Kafka offset."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from store.client import Client
from tidings.types import Consumed

_RECORD = """
INSERT INTO consumed_rows (kafka_topic, kafka_partition, kafka_offset, item, reason, published_at)
SELECT
    one.1, one.2, one.3, if(one.5 = '', reinterpretAsUInt64(substring(SHA256(one.4), 1, 8)), 0), one.5,
    if(one.6 < 0, now(), toDateTime(one.6, 'UTC'))
FROM (SELECT arrayJoin(arrayZip({topics:Array(String)}, {partitions:Array(UInt32)}, {offsets:Array(UInt64)},
                                {items:Array(String)}, {reasons:Array(String)}, {published:Array(Int64)})) AS one)
"""
_UNKNOWN = -1
_LATEST = 2**32 - 1  # that a DateTime holds
# Offsets that are looked up at once: what is held in memory is some 200 bytes for each.
AT_ONCE = 5_000_000


@dataclass(frozen=True, slots=True)
class PartitionAudit:
    """One Kafka partition: consumed = stored + duplicates + dead_letters + erased + expired + unexplained.

    `expired` are items that were published before the time from which on all items are kept, and are gone.
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
    expired: int
    unexplained: int
    gaps: int


SUMS = ("consumed", "stored", "duplicates", "dead_letters", "erased", "expired", "unexplained", "gaps")


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
            "published": [_seconds(one.published_at) for one in rows],
        },
    )


def _seconds(moment: datetime | None) -> int:
    return min(max(0, int(moment.timestamp())), _LATEST) if moment else _UNKNOWN


def audit(
    client: Client,
    start: datetime | None = None,
    end: datetime | None = None,
    progress: Callable[[float], None] = lambda done: None,
) -> list[PartitionAudit]:
    """Every partition, over everything that was ever recorded, or over a period.

    A period takes of each partition the offsets from the first to the last that were recorded in [start, end).
    The offsets are looked up in shares of AT_ONCE or fewer, chosen by their items: each share costs one pass over the
    items' ids, and memory for itself only. `progress` is told the part done, in [0, 1].
    """
    bounds = client.query(_BOUNDS, {"start": start or _FIRST, "end": end or _LAST})
    topics, partitions, firsts, lasts, counts = ([row[at] for row in bounds] for at in range(5))
    shares = -(-sum(map(int, counts)) // AT_ONCE)
    found: dict[tuple[str, int], PartitionAudit] = {}
    # After the bounds: the items of all these offsets were stored before the first share begins to read.
    for share in range(shares):
        rows = client.query(
            _SHARE,
            {"topics": topics, "partitions": partitions, "firsts": firsts, "lasts": lasts}
            | {"shares": shares, "share": share},
        )
        for topic, *numbers in rows:
            one = PartitionAudit(topic, *(int(number) for number in numbers))
            where = one.kafka_topic, one.kafka_partition
            found[where] = joined(found[where], one) if where in found else one
        progress((share + 1) / shares)
    return [found[where] for where in sorted(found)]


def joined(one: PartitionAudit, other: PartitionAudit) -> PartitionAudit:
    """The audit of both shares of a partition's offsets. Pure."""
    first, last = min(one.first_offset, other.first_offset), max(one.last_offset, other.last_offset)
    sums = {name: getattr(one, name) + getattr(other, name) for name in SUMS if name != "gaps"}
    gaps = last - first + 1 - sums["consumed"]
    return replace(one, first_offset=first, last_offset=last, gaps=gaps, **sums)


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
    countIf(outcome = 'expired') AS expired,
    countIf(outcome = 'unexplained') AS unexplained,
    max(kafka_offset) - min(kafka_offset) + 1 - count() AS gaps
FROM {outcomes}
GROUP BY kafka_topic, kafka_partition
"""


def outcomes_sql(recorded: str = "consumed_rows FINAL") -> str:
    """One row per offset of `recorded`, which is held in memory; the items are read past it."""
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
        c.published_at < (
            SELECT max(if(keep_days = 0, dropped_before, greatest(dropped_before, now() - toIntervalDay(keep_days))))
            FROM item_retention FINAL
        ), 'expired',
        'unexplained'
    ) AS outcome,
    c.reason AS reason,
    c.item AS item,
    c.recorded_at AS recorded_at,
    c.published_at AS published_at
FROM (
    SELECT
        reinterpretAsUInt64(substring(SHA256(item_id), 1, 8)) AS item,
        kafka_topic, kafka_partition, kafka_offset, true AS live
    FROM items
) AS i
RIGHT ANY JOIN (
    SELECT kafka_topic, kafka_partition, kafka_offset, item, reason, recorded_at, published_at
    FROM {recorded}
) AS c ON c.item = i.item
"""


_FIRST = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_LAST = datetime.fromisoformat("2106-01-01T00:00:00+00:00")
_BOUNDS = """
SELECT kafka_topic, kafka_partition, min(kafka_offset), max(kafka_offset), count()
FROM consumed_rows
WHERE recorded_at >= {start:DateTime64(3,'UTC')} AND recorded_at < {end:DateTime64(3,'UTC')}
GROUP BY kafka_topic, kafka_partition
"""
_CHOSEN = """consumed_rows AS r FINAL INNER JOIN (
        SELECT one.1 AS kafka_topic, one.2 AS kafka_partition, one.3 AS first, one.4 AS last
        FROM (SELECT arrayJoin(arrayZip({topics:Array(String)}, {partitions:Array(UInt32)},
                                        {firsts:Array(UInt64)}, {lasts:Array(UInt64)})) AS one)
    ) AS b USING (kafka_topic, kafka_partition)
    WHERE r.kafka_offset BETWEEN b.first AND b.last AND r.item % {shares:UInt32} = {share:UInt32}"""
_SHARE = sums_sql(f"({outcomes_sql(_CHOSEN)})")
