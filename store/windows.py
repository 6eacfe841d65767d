"""One-minute windows: recomputed from de-duplicated items where dirty, and summed for whoever asks."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from store.client import Client
from tidings.types import Evidence, Scope, Window

_CHUNK = 2_000  # minutes per statement: bounds memory and the length of the statement
_SUMS = (
    "items", "negative_items", "positive_items", "sentiment_sum", "stories", "negative_stories", "negative_story_sum",
)  # fmt: skip

# Every key that a minute's items have, and every key that it had: the latter end as zero rows.
_ROLL = """
INSERT INTO window_rows (scope, key, start, items, negative_items, positive_items, sentiment_sum,
                         stories, negative_stories, negative_story_sum)
WITH
    touched AS (
        SELECT item_id, story_id, toStartOfMinute(published_at) AS minute, source, topic, entities,
               sentiment, sentiment_label, p_negative, flag
        FROM item_rows FINAL
        WHERE published_at >= {start:DateTime64(3,'UTC')} AND published_at < {end:DateTime64(3,'UTC')}
          AND toUnixTimestamp(toStartOfMinute(published_at)) IN {minutes:Array(UInt32)}
    ),
    firsts AS (
        SELECT argMin(item_id, (published_at, item_id)) AS item_id
        FROM item_rows FINAL
        WHERE published_at >= {day_start:DateTime64(3,'UTC')} AND published_at < {day_end:DateTime64(3,'UTC')}
          AND story_id IN (SELECT story_id FROM touched)
        GROUP BY story_id
    ),
    counted AS (
        SELECT
            arrayJoin(arrayConcat(
                [('all', ''), ('topic', toString(topic)), ('source', toString(source))],
                arrayMap(entity -> ('entity', entity), arrayDistinct(entities))
            )) AS named,
            minute AS at, sentiment AS s, sentiment_label AS label,
            if(flag = '', p_negative, 0) AS p, -- what was not read is no evidence of a negative story
            item_id IN (SELECT item_id FROM firsts) AS is_first
        FROM touched
    )
SELECT k, n, at, sum(a), sum(b), sum(c), sum(d), sum(e), sum(f), sum(g)
FROM (
    SELECT named.1 AS k, named.2 AS n, at,
           toUInt64(1) AS a, toUInt64(label = 'negative') AS b, toUInt64(label = 'positive') AS c, toFloat64(s) AS d,
           toUInt64(is_first) AS e, toUInt64(is_first AND label = 'negative') AS f,
           if(is_first, toFloat64(p), 0.) AS g
    FROM counted
    UNION ALL
    SELECT toString(scope) AS k, key AS n, start AS at, toUInt64(0), toUInt64(0), toUInt64(0), toFloat64(0),
           toUInt64(0), toUInt64(0), toFloat64(0)
    FROM window_rows
    WHERE start >= {start:DateTime64(3,'UTC')} AND start < {end:DateTime64(3,'UTC')}
      AND toUnixTimestamp(start) IN {minutes:Array(UInt32)}
)
GROUP BY k, n, at
"""


def roll(client: Client, limit_minutes: int) -> int:
    """Recomputes dirty minutes, oldest first; returns how many. A mark made meanwhile stays."""
    dirty = client.query(
        "SELECT minute, max(marked) FROM dirty_minutes GROUP BY minute HAVING max(marked) > max(rolled)"
        " ORDER BY minute LIMIT {limit:UInt32}",
        {"limit": limit_minutes},
    )
    for at in range(0, len(dirty), _CHUNK):
        chunk = dirty[at : at + _CHUNK]
        first, last = chunk[0][0], chunk[-1][0]
        client.execute(
            _ROLL,
            {
                "minutes": [int(minute.timestamp()) for minute, _ in chunk],
                "start": first,
                "end": last + timedelta(minutes=1),
                "day_start": first.replace(hour=0, minute=0),
                "day_end": last.replace(hour=0, minute=0) + timedelta(days=1),
            },
        )
        client.insert(
            "dirty_minutes", ("minute", "rolled"), [(minute, int(marked)) for minute, marked in chunk]
        )
    return len(dirty)


def count_dirty(client: Client) -> int:
    """How many minutes wait for a roll."""
    ((count,),) = client.query(
        "SELECT count() FROM"
        " (SELECT minute FROM dirty_minutes GROUP BY minute HAVING max(marked) > max(rolled))"
    )
    return int(count)


def totals(client: Client, scope: Scope, start: datetime, end: datetime, minimum: float) -> list[Window]:
    """One Window per key over [start, end) whose negative_story_sum is at least `minimum`."""
    sums = ", ".join(f"sum(w.{name})" for name in _SUMS)
    rows = client.query(
        f"SELECT w.key, {sums} FROM window_rows AS w FINAL"
        " WHERE w.scope = {scope:String} AND w.start >= {start:DateTime64(3,'UTC')}"
        " AND w.start < {end:DateTime64(3,'UTC')}"
        " GROUP BY w.key HAVING sum(w.negative_story_sum) >= {minimum:Float64} ORDER BY w.key",
        {"scope": scope, "start": start, "end": end, "minimum": minimum},
    )
    seconds = int((end - start).total_seconds())
    return [_window(scope, key, start, seconds, sums) for key, *sums in rows]


def series(
    client: Client, scope: Scope, keys: Sequence[str], start: datetime, end: datetime, seconds: int
) -> dict[str, list[Window]]:
    """Per key its windows of `seconds` over [start, end), zero-filled; the last may be cut short by `end`."""
    sums = ", ".join(f"sum(w.{name})" for name in _SUMS)
    rows = client.query(
        "SELECT w.key, intDiv(toUnixTimestamp(w.start) - {origin:UInt32}, {seconds:UInt32}) AS bucket, "
        f"{sums} FROM window_rows AS w FINAL"
        " WHERE w.scope = {scope:String} AND w.key IN {keys:Array(String)}"
        " AND w.start >= {start:DateTime64(3,'UTC')} AND w.start < {end:DateTime64(3,'UTC')}"
        " GROUP BY w.key, bucket",
        {
            "origin": int(start.timestamp()), "seconds": seconds, "scope": scope, "keys": list(keys),
            "start": start, "end": end,
        },
    ) if keys else []  # fmt: skip
    count = max(0, -(-int((end - start).total_seconds()) // seconds))
    starts = [start + timedelta(seconds=seconds * i) for i in range(count)]
    found = {(key, int(bucket)): sums for key, bucket, *sums in rows}
    empty = [0] * len(_SUMS)
    return {
        key: [_window(scope, key, at, seconds, found.get((key, i), empty)) for i, at in enumerate(starts)]
        for key in keys
    }


def first_start(client: Client) -> datetime | None:
    """The start of the earliest window."""
    ((found, count),) = client.query("SELECT min(start), count() FROM window_rows WHERE scope = 'all'")
    return found.astimezone(UTC) if count else None


def evidence(
    client: Client, scope: Scope, key: str, start: datetime, end: datetime, limit: int
) -> tuple[Evidence, ...]:
    """Stories that count in [start, end) under the key, most negative first; reach is all their items.

    Stories whose earliest item was flagged were not read, and are left out.
    """
    named = {"all": "1", "topic": "i.topic = {key:String}", "source": "i.source = {key:String}",
             "entity": "has(i.entities, {key:String})"}[scope]  # fmt: skip
    rows = client.query(
        "SELECT argMin(i.item_id, (i.published_at, i.item_id)) AS id,"
        " argMin(if(i.title = '', i.text, i.title), (i.published_at, i.item_id)) AS headline,"
        " min(i.published_at) AS first_at, argMin(i.source, (i.published_at, i.item_id)) AS by,"
        " argMin(i.url, (i.published_at, i.item_id)) AS link,"
        " argMin(i.sentiment, (i.published_at, i.item_id)) AS score,"
        " argMin(i.p_negative, (i.published_at, i.item_id)) AS p, count() AS reach"
        " FROM item_rows AS i FINAL WHERE i.published_at >= {day_start:DateTime64(3,'UTC')}"
        " AND i.published_at < {end:DateTime64(3,'UTC')} AND i.story_id IN"
        " (SELECT i.story_id FROM item_rows AS i FINAL WHERE i.published_at >= {start:DateTime64(3,'UTC')}"
        f" AND i.published_at < {{end:DateTime64(3,'UTC')}} AND {named})"
        f" GROUP BY i.story_id HAVING first_at >= {{start:DateTime64(3,'UTC')}}"
        f" AND argMin({named}, (i.published_at, i.item_id)) = 1"
        " AND argMin(i.flag, (i.published_at, i.item_id)) = ''"
        " ORDER BY p DESC, first_at, id LIMIT {limit:UInt32}",
        {
            "key": key, "start": start, "end": end, "limit": limit,
            "day_start": start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0),
        },
    )  # fmt: skip
    return tuple(
        Evidence(item_id, title, at, source, url, float(score), float(p), int(reach))
        for item_id, title, at, source, url, score, p, reach in rows
    )


def _window(scope: Scope, key: str, start: datetime, seconds: int, sums: Sequence[float]) -> Window:
    items, negative, positive, sentiment, stories, negative_stories, negative_sum = sums
    return Window(
        scope, key, start, seconds, int(items), int(negative), int(positive), float(sentiment),
        int(stories), int(negative_stories), float(negative_sum),
    )  # fmt: skip
