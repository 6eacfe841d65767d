"""What windows do not hold, counted from the items themselves: filters, topic and entity together, sources."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from store.client import Client, Row
from store.reader import Reader
from tidings.clock import midnight
from tidings.types import Filters, Scope
from tidings.weighed import Weighed, Weights

# The keys that an item counts under, per scope.
_KEYS: dict[Scope, str] = {
    "all": "['']",
    "topic": "[toString(topic)]",
    "source": "[toString(source)]",
    "entity": "arrayDistinct(entities)",
    "topic_entity": "arrayMap(entity -> concat(toString(topic), ' | ', entity), arrayDistinct(entities))",
}
_FILTERS = {"sources": "source", "kinds": "kind", "languages": "lang"}

# Sums in the order of store/queries.py. What was not read (flagged) is no evidence of a negative story.
_SUMS = """
count(), countIf(label = 'negative'), countIf(label = 'positive'), sum(toFloat64(s)), countIf(is_first),
countIf(is_first AND label = 'negative'), sumIf(toFloat64(p), is_first)
"""

# The sums of Weighed, and what an item weighs. Numbers in lists go as texts: chDB does not read them else.
_WEIGHED = """
sumIf(w, is_first), sumIf(w * w, is_first), sumIf(w * toFloat64(p), is_first),
sum(w), sum(w * w), sum(w * toFloat64(s))
"""
_WEIGHT = """
transform(toString(source), {weighed:Array(String)}, arrayMap(text -> toFloat64(text), {weights:Array(String)}), 1.)
"""


def is_named(scope: Scope) -> str:
    """SQL: whether an item counts under the parameter `key`."""
    return f"has({_KEYS[scope]}, {{key:String}})"


def passes(filters: Filters) -> tuple[str, dict[str, Any]]:
    """SQL: whether an item passes the filters, and the parameters it needs."""
    given = {name: list(getattr(filters, name)) for name in _FILTERS if getattr(filters, name)}
    return " AND ".join(["1", *(f"{_FILTERS[name]} IN {{{name}:Array(String)}}" for name in given)]), given


def count_totals(
    client: Client, scope: Scope, start: datetime, end: datetime, minimum: float, filters: Filters
) -> list[Row]:
    """Per key of [start, end): the key and its sums, where the sum of p_negative is at least `minimum`."""
    counted, params = _counted(scope, start, end, filters)
    return client.query(
        f"{counted} SELECT key, {_SUMS} FROM counted GROUP BY key"
        " HAVING sumIf(toFloat64(p), is_first) >= {minimum:Float64} ORDER BY key",
        params | {"minimum": minimum},
    )


def count_series(
    client: Reader,
    scope: Scope,
    keys: Sequence[str],
    start: datetime,
    end: datetime,
    seconds: int,
    filters: Filters,
) -> list[Row]:
    """Per key and window of `seconds` that holds items: the key, the window's number from `start`, and its sums."""
    counted, params = _counted(scope, start, end, filters)
    return client.query(
        f"{counted} SELECT key, intDiv(toUnixTimestamp(at) - {{origin:UInt32}}, {{seconds:UInt32}}) AS bucket,"
        f" {_SUMS} FROM counted WHERE key IN {{keys:Array(String)}} GROUP BY key, bucket",
        params | {"origin": int(start.timestamp()), "seconds": seconds, "keys": list(keys)},
    )


def sources(
    client: Client, scope: Scope, keys: Sequence[str], start: datetime, end: datetime, filters: Filters
) -> dict[str, int]:
    """Per key how many distinct sources its negative stories of [start, end) have, each by its earliest item."""
    if not keys:
        return {}
    counted, params = _counted(scope, start, end, filters)
    rows = client.query(
        f"{counted} SELECT key, uniqExact(source) FROM counted"
        " WHERE is_first AND label = 'negative' AND key IN {keys:Array(String)} GROUP BY key",
        params | {"keys": list(keys)},
    )
    found = {key: int(count) for key, count in rows}
    return {key: found.get(key, 0) for key in keys}


def weighed(
    client: Client,
    scope: Scope,
    keys: Sequence[str],
    start: datetime,
    end: datetime,
    seconds: int,
    weights: Weights,
    filters: Filters,
) -> dict[str, list[Weighed]]:
    """Per key its windows of `seconds` over [start, end), weighed by source; the last may be cut short by `end`."""
    if not keys:
        return {}
    counted, params = _counted(scope, start, end, filters)
    rows = client.query(
        f"{counted} SELECT key, intDiv(toUnixTimestamp(at) - {{origin:UInt32}}, {{seconds:UInt32}}) AS bucket,"
        f" {_WEIGHED} FROM (SELECT *, {_WEIGHT} AS w FROM counted) WHERE key IN {{keys:Array(String)}}"
        " GROUP BY key, bucket",
        params
        | {"origin": int(start.timestamp()), "seconds": seconds, "keys": list(keys)}
        | {"weighed": [source for source, _ in weights], "weights": [repr(weight) for _, weight in weights]},
    )
    found = {(key, int(bucket)): Weighed(*map(float, sums)) for key, bucket, *sums in rows}
    count = max(0, -(-int((end - start).total_seconds()) // seconds))
    return {key: [found.get((key, i), Weighed()) for i in range(count)] for key in keys}


def _counted(scope: Scope, start: datetime, end: datetime, filters: Filters) -> tuple[str, dict[str, Any]]:
    """`counted`: a row per key of each chosen item of [start, end), and whether it is its story's earliest.

    Read from the UTC day's start on, because a story's earliest item may lie before `start`.
    """
    chosen, params = passes(filters)
    sql = f"""
WITH
    chosen AS (
        SELECT published_at, source, topic, entities, sentiment, sentiment_label, p_negative, flag,
               row_number() OVER (
                   PARTITION BY toStartOfDay(published_at), story_id ORDER BY published_at, item_id
               ) = 1 AS is_first
        FROM item_versions FINAL
        WHERE published_at >= {{day:DateTime64(3,'UTC')}} AND published_at < {{end:DateTime64(3,'UTC')}} AND {chosen}
    ),
    counted AS (
        SELECT arrayJoin({_KEYS[scope]}) AS key, published_at AS at, source, sentiment AS s,
               sentiment_label AS label, if(flag = '', p_negative, 0) AS p, is_first
        FROM chosen
        WHERE published_at >= {{start:DateTime64(3,'UTC')}}
    )
"""
    return sql, params | {"day": midnight(start), "start": start, "end": end}
