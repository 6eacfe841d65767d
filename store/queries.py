"""What is asked of the store: sums of windows for the alerts, and the stories behind them."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

from store.client import Client
from store.queries_items import count_series, count_totals, is_named, passes
from store.reader import Reader
from tidings.clock import midnight
from tidings.types import NO_FILTERS, Evidence, Filters, Item, Prediction, Scope, ScoredItem, Window

T = TypeVar("T")
_ITEM = (
    *(field.name for field in fields(Item)),
    *(field.name for field in fields(Prediction)),
    "scored_at", "kafka_topic", "kafka_partition", "kafka_offset",
)  # fmt: skip

_SUMS = (
    "items", "negative_items", "positive_items", "sentiment_sum", "stories", "negative_stories", "negative_story_sum",
)  # fmt: skip


def totals(
    client: Client,
    scope: Scope,
    start: datetime,
    end: datetime,
    minimum: float,
    filters: Filters = NO_FILTERS,
) -> list[Window]:
    """One Window per key over [start, end) whose negative_story_sum is at least `minimum`."""
    if _needs_items(scope, filters):
        rows = count_totals(client, scope, start, end, minimum, filters)
    else:
        sums = ", ".join(f"sum(w.{name})" for name in _SUMS)
        rows = client.query(
            f"SELECT w.key, {sums} FROM window_rows AS w FINAL"
            " WHERE w.scope = {scope:String} AND w.start >= {start:DateTime64(3,'UTC')}"
            " AND w.start < {end:DateTime64(3,'UTC')}"
            " GROUP BY w.key HAVING sum(w.negative_story_sum) >= {minimum:Float64} ORDER BY w.key",
            {"scope": scope, "start": start, "end": end, "minimum": minimum},
        )
    seconds = int((end - start).total_seconds())
    return [_window(scope, key, start, seconds, counted) for key, *counted in rows]


def series(
    client: Reader,
    scope: Scope,
    keys: Sequence[str] | None,
    start: datetime,
    end: datetime,
    seconds: int,
    filters: Filters = NO_FILTERS,
) -> dict[str, list[Window]]:
    """Per key its windows of `seconds` over [start, end), zero-filled; the last may be cut short by `end`.

    Without keys (None; not with filters or topic_entity) those of all that have windows there.
    """
    if keys is not None and not keys:
        return {}
    if keys is not None and _needs_items(scope, filters):
        rows = count_series(client, scope, keys, start, end, seconds, filters)
    else:
        sums = ", ".join(f"sum(w.{name})" for name in _SUMS)
        table, chosen = (
            ("window_rows", "") if keys is None else ("key_windows", " AND w.key IN {keys:Array(String)}")
        )
        rows = client.query(
            "SELECT w.key, intDiv(toUnixTimestamp(w.start) - {origin:UInt32}, {seconds:UInt32}) AS bucket, "
            f"{sums} FROM {table} AS w FINAL WHERE w.scope = {{scope:String}}{chosen}"
            " AND w.start >= {start:DateTime64(3,'UTC')} AND w.start < {end:DateTime64(3,'UTC')}"
            " GROUP BY w.key, bucket",
            {"origin": int(start.timestamp()), "seconds": seconds, "scope": scope, "start": start, "end": end}
            | ({} if keys is None else {"keys": list(keys)}),
        )
    count = max(0, -(-int((end - start).total_seconds()) // seconds))
    starts = [start + timedelta(seconds=seconds * i) for i in range(count)]
    found = {(key, int(bucket)): counted for key, bucket, *counted in rows}
    empty = [0] * len(_SUMS)
    return {
        key: [_window(scope, key, at, seconds, found.get((key, i), empty)) for i, at in enumerate(starts)]
        for key in (sorted({key for key, _ in found}) if keys is None else keys)
    }


def first_start(client: Client) -> datetime | None:
    """The start of the earliest window."""
    rows = client.query("SELECT start FROM window_rows WHERE scope = 'all' ORDER BY start LIMIT 1")
    return rows[0][0].astimezone(UTC) if rows else None


def evidence(
    client: Client,
    scope: Scope,
    key: str,
    start: datetime,
    end: datetime,
    limit: int,
    filters: Filters = NO_FILTERS,
) -> tuple[Evidence, ...]:
    """Stories that count in [start, end) under the key, most negative first; reach is all their items.

    Stories whose earliest item was flagged were not read, and are left out.
    """
    named = is_named(scope)
    chosen, params = passes(filters)
    rows = client.query(
        f"""
WITH
    told AS (
        SELECT published_at, story_id FROM item_versions FINAL
        WHERE published_at >= {{start:DateTime64(3,'UTC')}} AND published_at < {{end:DateTime64(3,'UTC')}}
          AND {named} AND {chosen}
    ),
    places AS (
        SELECT toStartOfMinute(published_at), story_id FROM story_items
        WHERE (toStartOfDay(published_at), story_id) IN (SELECT toStartOfDay(published_at), story_id FROM told)
    )
SELECT argMin(item_id, (at, item_id)) AS id, argMin(if(title = '', text, title), (at, item_id)) AS headline,
       min(at) AS first_at, argMin(source, (at, item_id)) AS by, argMin(url, (at, item_id)) AS link,
       argMin(sentiment, (at, item_id)) AS score, argMin(p_negative, (at, item_id)) AS p, count() AS reach
FROM (
    SELECT *, published_at AS at, {named} AS is_named FROM item_versions FINAL
    WHERE (toStartOfMinute(published_at), story_id) IN (SELECT * FROM places) AND {chosen}
)
GROUP BY toStartOfDay(at), story_id
HAVING first_at >= {{start:DateTime64(3,'UTC')}} AND argMin(is_named, (at, item_id)) = 1
   AND argMin(flag, (at, item_id)) = ''
ORDER BY p DESC, first_at, id LIMIT {{limit:UInt32}}
""",
        params | {"key": key, "start": start, "end": end, "limit": limit},
    )
    return tuple(
        Evidence(item_id, title, at, source, url, float(score), float(p), int(reach))
        for item_id, title, at, source, url, score, p, reach in rows
    )


def scored_by_others(
    client: Client, model_version: str, start: datetime, end: datetime
) -> Iterator[tuple[datetime, list[ScoredItem]]]:
    """The items published in [start, end) that another model version scored: per minute, the minute and its items."""
    rows = client.query(
        "SELECT toStartOfMinute(published_at) AS at FROM item_versions"
        " WHERE published_at >= {start:DateTime64(3,'UTC')} AND published_at < {end:DateTime64(3,'UTC')}"
        " AND model_version != {model:String} AND is_deleted = 0 GROUP BY at ORDER BY at",
        {"start": start, "end": end, "model": model_version},
    )
    for (minute,) in rows:
        items = client.query(
            f"SELECT {', '.join(_ITEM)} FROM items WHERE toStartOfMinute(published_at) = {{minute:DateTime('UTC')}}"
            " AND published_at >= {start:DateTime64(3,'UTC')} AND published_at < {end:DateTime64(3,'UTC')}"
            " AND model_version != {model:String} ORDER BY published_at, item_id",
            {"minute": int(minute.timestamp()), "start": start, "end": end, "model": model_version},
        )
        yield minute, [_scored(row) for row in items]


def scored_between(client: Client, start: datetime, end: datetime) -> Iterator[list[ScoredItem]]:
    """The items published in [start, end) as they are stored now, a UTC day at a time."""
    at = start
    while at < end:
        until = min(midnight(at) + timedelta(days=1), end)
        rows = client.query(
            f"SELECT {', '.join(_ITEM)} FROM items WHERE published_at >= {{start:DateTime64(3,'UTC')}}"
            " AND published_at < {end:DateTime64(3,'UTC')} ORDER BY published_at, item_id",
            {"start": at, "end": until},
        )
        yield [_scored(row) for row in rows]
        at = until


def _scored(row: Sequence[Any]) -> ScoredItem:
    values = dict(zip(_ITEM, row, strict=True))
    values |= {name: tuple(values[name]) for name in ("tickers", "entities")}

    def of(cls: type[T], **nested: object) -> T:
        names = {field.name for field in fields(cast(Any, cls))}
        return cls(**{name: value for name, value in values.items() if name in names}, **nested)

    return of(ScoredItem, item=of(Item), prediction=of(Prediction))


def _needs_items(scope: Scope, filters: Filters) -> bool:
    return scope == "topic_entity" or filters != NO_FILTERS


def _window(scope: Scope, key: str, start: datetime, seconds: int, sums: Sequence[float]) -> Window:
    items, negative, positive, sentiment, stories, negative_stories, negative_sum = sums
    return Window(
        scope, key, start, seconds, int(items), int(negative), int(positive), float(sentiment),
        int(stories), int(negative_stories), float(negative_sum),
    )  # fmt: skip
