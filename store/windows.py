"""One-minute windows: recomputed from de-duplicated items where dirty. The only writer of window_rows.

key_windows holds the same rows ordered by key, copied by a materialized view (schema 006) as part of each insert. An
insert that was interrupted between the two leaves its minutes dirty, and the next roll writes them anew into both.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from store.client import Client
from tidings.clock import midnight

SUMS = (
    "items", "negative_items", "positive_items", "sentiment_sum", "stories", "negative_stories", "negative_story_sum",
    "late_items",
)  # fmt: skip
_CHUNK = 2_000  # minutes, and items, per statement: bounds memory and the length of the statement
_CHUNK_ITEMS = 1_000_000
T = TypeVar("T")


def recount_sql(only_minutes: bool = False) -> str:
    """SELECT scope, key, start and SUMS of every one-minute window that holds items, counted from the items.

    Parameters: the period [start, end) in whole minutes and, with `only_minutes`, minutes (epoch seconds): those of
    the period to count. A story counts once a UTC day, in the minute of its earliest item. Reads the period's items,
    and the index of the stories that these belong to.
    """
    chosen = "AND toStartOfMinute(published_at) IN {minutes:Array(UInt32)}" if only_minutes else ""
    return f"""
WITH
    touched AS (
        SELECT item_id, story_id, toStartOfMinute(published_at) AS minute, source, topic, entities,
               sentiment, sentiment_label, p_negative, flag, late_seconds
        FROM item_versions FINAL
        WHERE published_at >= {{start:DateTime64(3,'UTC')}} AND published_at < {{end:DateTime64(3,'UTC')}} {chosen}
    ),
    firsts AS (
        SELECT argMin(item_id, (published_at, item_id)) AS item_id
        FROM story_items FINAL
        WHERE (toStartOfDay(published_at), story_id) IN (SELECT toStartOfDay(minute), story_id FROM touched)
        GROUP BY toStartOfDay(published_at), story_id
    ),
    counted AS (
        SELECT
            arrayJoin(arrayConcat(
                [('all', ''), ('topic', toString(topic)), ('source', toString(source))],
                arrayMap(entity -> ('entity', entity), arrayDistinct(entities))
            )) AS named,
            minute, sentiment AS s, sentiment_label AS label, late_seconds > 0 AS is_late,
            if(flag = '', p_negative, 0) AS p, -- what was not read is no evidence of a negative story
            item_id IN (SELECT item_id FROM firsts) AS is_first
        FROM touched
    )
SELECT named.1 AS scope, named.2 AS key, minute AS start, count() AS items,
       countIf(label = 'negative') AS negative_items, countIf(label = 'positive') AS positive_items,
       sum(toFloat64(s)) AS sentiment_sum, countIf(is_first) AS stories,
       countIf(is_first AND label = 'negative') AS negative_stories,
       sumIf(toFloat64(p), is_first) AS negative_story_sum, countIf(is_late) AS late_items
FROM counted
GROUP BY named, minute
"""


# Every key that a minute's items have, and every key that it had: the latter end as zero rows.
_ROLL = f"""
INSERT INTO window_rows (scope, key, start, {", ".join(SUMS)}, version)
SELECT k, n, at, {", ".join(f"sum({name})" for name in SUMS)}, {{version:UInt64}}
FROM (
    SELECT toString(scope) AS k, key AS n, start AS at, {", ".join(SUMS)}
    FROM ({recount_sql(only_minutes=True)})
    UNION ALL
    SELECT toString(scope) AS k, key AS n, start AS at, {", ".join("0" for _ in SUMS)}
    FROM window_rows
    WHERE start >= {{start:DateTime64(3,'UTC')}} AND start < {{end:DateTime64(3,'UTC')}}
      AND start IN {{minutes:Array(UInt32)}}
)
GROUP BY k, n, at
SETTINGS max_partitions_per_insert_block = 0
"""

# What a copy has ahead of its original can only be from a roll that was interrupted between the two.
_ADOPT = """
INSERT INTO window_rows (scope, key, start, version)
SELECT scope, key, start, version FROM (
    SELECT scope, key, start, version, 1 AS copied FROM key_windows WHERE start IN {minutes:Array(UInt32)}
    UNION ALL
    SELECT scope, key, start, version, 0 AS copied FROM window_rows WHERE start IN {minutes:Array(UInt32)}
)
GROUP BY scope, key, start, version
HAVING min(copied) = 1
SETTINGS max_partitions_per_insert_block = 0
"""

# The present, or where the clock has jumped back the moment after what was written last.
_NEXT_VERSION = """
SELECT greatest(toUnixTimestamp64Nano(now64(9)), max(version) + 1) FROM window_rows
WHERE start >= {start:DateTime64(3,'UTC')} AND start < {end:DateTime64(3,'UTC')} AND start IN {minutes:Array(UInt32)}
"""

# As the version above: a mark is later than any roll that was made before, whatever the clock says.
_MARK = """
INSERT INTO dirty_minutes (minute, marked, rolled)
SELECT minute, greatest(toUnixTimestamp64Nano(now64(9)), max(latest) + 1), 0
FROM (
    SELECT toDateTime(arrayJoin({minutes:Array(UInt32)}), 'UTC') AS minute, toUInt64(0) AS latest
    UNION ALL
    SELECT minute, greatest(marked, rolled) AS latest FROM dirty_minutes WHERE minute IN {minutes:Array(UInt32)}
)
GROUP BY minute
"""


def mark(client: Client, minutes: Iterable[datetime]) -> None:
    """These minutes are dirty: the next roll recomputes them."""
    for chunk in _chunks(sorted(set(minutes))):
        client.execute(_MARK, {"minutes": _epochs(chunk)})


def roll(client: Client, limit_minutes: int, since: datetime | None = None) -> int:
    """Recomputes dirty minutes, oldest first; returns how many. A mark made meanwhile stays.

    Windows before `since` stay as they are: retention has dropped items of theirs.
    """
    dirty = client.query(
        "SELECT minute, max(marked) FROM dirty_minutes GROUP BY minute HAVING max(marked) > max(rolled)"
        " ORDER BY minute LIMIT {limit:UInt32}",
        {"limit": limit_minutes},
    )
    for chunk in _chunks(dirty):
        recompute(client, [minute for minute, _ in chunk if since is None or minute >= since])
        client.insert(
            "dirty_minutes", ("minute", "rolled"), [(minute, int(marked)) for minute, marked in chunk]
        )
    return len(dirty)


def recompute(client: Client, minutes: Sequence[datetime]) -> None:
    """Counts these minutes (sorted, at most a few thousand) again from the items, a bounded number at once."""
    rows = client.query(
        "SELECT toStartOfMinute(published_at) AS at, count() FROM item_versions"
        " WHERE at IN {minutes:Array(UInt32)} GROUP BY at",
        {"minutes": _epochs(minutes)},
    )
    sizes = {minute: int(count) for minute, count in rows}
    for portion in portions(minutes, sizes, _CHUNK_ITEMS):
        _recompute(client, portion)


def portions(
    minutes: Sequence[datetime], sizes: Mapping[datetime, int], limit: int
) -> Iterator[list[datetime]]:
    """Consecutive minutes that together hold at most `limit` items, or one that alone holds more. Pure."""
    portion: list[datetime] = []
    items = 0
    for minute in minutes:
        if portion and items + sizes.get(minute, 0) > limit:
            yield portion
            portion, items = [], 0
        portion.append(minute)
        items += sizes.get(minute, 0)
    if portion:
        yield portion


def _recompute(client: Client, minutes: Sequence[datetime]) -> None:
    # The version is from before the items are read. So of two rolls of a minute at the same time the one that read
    # later wins; what was inserted after its reading has marked the minute dirty again.
    period = {"minutes": _epochs(minutes), "start": minutes[0], "end": minutes[-1] + timedelta(minutes=1)}
    ((version,),) = client.query(_NEXT_VERSION, period)
    client.execute(_ROLL, period | {"version": int(version)})


def adopt(client: Client, minutes: Iterable[datetime]) -> None:
    """Rows that key_windows alone has become zero rows of window_rows: the next roll of the minutes counts them."""
    for chunk in _chunks(sorted(set(minutes))):
        client.execute(_ADOPT, {"minutes": _epochs(chunk)})


def reroll(
    client: Client, start: datetime, end: datetime, progress: Callable[[float], None] = lambda done: None
) -> int:
    """Counts every minute of [start, end) that holds or held items again; returns how many minutes.

    Takes a day at a time. `progress` is told the part of the period that is done, in [0, 1].
    """
    done, at = 0, start
    while at < end:
        until = min(midnight(at) + timedelta(days=1), end)
        rows = client.query(
            "SELECT toStartOfMinute(published_at) AS at FROM item_versions"
            " WHERE published_at >= {start:DateTime64(3,'UTC')} AND published_at < {end:DateTime64(3,'UTC')}"
            " UNION DISTINCT SELECT start AS at FROM window_rows"
            " WHERE start >= {start:DateTime64(3,'UTC')} AND start < {end:DateTime64(3,'UTC')}",
            {"start": _minute(at), "end": until},
        )
        for chunk in _chunks(sorted(minute for (minute,) in rows)):
            recompute(client, chunk)
        done, at = done + len(rows), until
        progress((at - start) / (end - start))
    return done


def count_dirty(client: Client) -> int:
    """How many minutes wait for a roll."""
    ((count,),) = client.query(
        "SELECT count() FROM"
        " (SELECT minute FROM dirty_minutes GROUP BY minute HAVING max(marked) > max(rolled))"
    )
    return int(count)


def latest_roll(client: Client) -> int:
    """The latest mark that was rolled, in nanoseconds since 1970."""
    ((rolled,),) = client.query("SELECT max(rolled) FROM dirty_minutes")
    return int(rolled)


def _chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    return (values[at : at + _CHUNK] for at in range(0, len(values), _CHUNK))


def _epochs(minutes: Iterable[datetime]) -> list[int]:
    return [int(minute.timestamp()) for minute in minutes]


def _minute(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(second=0, microsecond=0)
