"""Windows, stories and alerts a page at a time, newest first: what the HTTP API shows.

A page is found by its place (the sort key of the last row of the page before), not by counting rows: it costs the
same however far one has read, and what arrives meanwhile shifts nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from store.alert_log import SELECT_ALERTS, alert_of
from store.reader import Reader
from tidings.types import Alert, Scope

VIEWS = {60: "sentiment_1m", 300: "sentiment_5m", 3600: "sentiment_1h", 86400: "sentiment_1d"}
_HEADLINE_CHARACTERS = 500
_AT = "DateTime64(3,'UTC')"
Place = tuple[datetime, str]  # of a row: its time and its key


@dataclass(frozen=True, slots=True)
class WindowRow:
    """One window as the views sentiment_1m to sentiment_1d show it; `sentiment` is the mean over its items."""

    start: datetime
    scope: Scope
    key: str
    items: int
    stories: int
    negative_items: int
    positive_items: int
    negative_stories: int
    negative_story_sum: float
    sentiment: float
    late_items: int
    status: str


@dataclass(frozen=True, slots=True)
class StoryRow:
    """One story as the view stories shows it, its title cut at 500 characters."""

    story_id: str
    first_published_at: datetime
    last_published_at: datetime
    title: str
    topic: str
    sentiment: float
    p_negative: float
    reach: int
    sources: tuple[str, ...]
    entities: tuple[str, ...]


def latest(reader: Reader) -> datetime | None:
    """The latest publication time that was ever stored; None when nothing was."""
    ((found, count),) = reader.query("SELECT max(watermark), count() FROM source_watermarks")
    return found.astimezone(UTC) if count else None


def windows_page(
    reader: Reader,
    scope: Scope,
    keys: Sequence[str],
    seconds: int,
    start: datetime,
    end: datetime,
    limit: int,
    after: Place | None = None,
) -> list[WindowRow]:
    """Windows that begin in [start, end), of all keys where none is named; `seconds` is one of VIEWS."""
    view = VIEWS[seconds] + ("_by_key" if keys else "")
    rows = reader.query(
        f"SELECT {', '.join(field.name for field in fields(WindowRow))} FROM {view}"
        f" WHERE scope = {{scope:String}} AND start >= {{start:{_AT}}} AND start < {{end:{_AT}}}"
        f"{' AND key IN {keys:Array(String)}' if keys else ''}{_past('start', 'key', after)}"
        " ORDER BY start DESC, key LIMIT {limit:UInt32}",
        {"scope": scope, "start": start, "end": end, "limit": limit}
        | _given(keys=list(keys))
        | _place(after),
    )
    return [WindowRow(row[0].astimezone(UTC), *row[1:]) for row in rows]


def stories_page(
    reader: Reader,
    start: datetime,
    end: datetime,
    limit: int,
    *,
    topic: str = "",
    entity: str = "",
    source: str = "",
    after: Place | None = None,
) -> list[StoryRow]:
    """Stories whose earliest item was published in [start, end); an empty filter lets every story pass."""
    names = [field.name for field in fields(StoryRow)]
    columns = ", ".join(
        f"substringUTF8(title, 1, {_HEADLINE_CHARACTERS})" if n == "title" else n for n in names
    )
    conditions = {
        "topic": "topic = {topic:String}",
        "entity": "has(entities, {entity:String})",
        "source": "has(sources, {source:String})",
    }
    filters = _given(topic=topic, entity=entity, source=source)
    rows = reader.query(
        f"SELECT {columns} FROM stories"
        f" WHERE day >= toDate({{start:{_AT}}}) AND day <= toDate({{end:{_AT}}})"
        f" AND first_published_at >= {{start:{_AT}}} AND first_published_at < {{end:{_AT}}}"
        + "".join(f" AND {conditions[name]}" for name in filters)
        + _past("first_published_at", "story_id", after)
        + " ORDER BY first_published_at DESC, story_id LIMIT {limit:UInt32}",
        {"start": start, "end": end, "limit": limit} | filters | _place(after),
    )
    return [_story(row) for row in rows]


def alerts_page(
    reader: Reader,
    limit: int,
    *,
    filters: Mapping[str, str],
    start: datetime | None = None,
    end: datetime | None = None,
    after: Place | None = None,
) -> list[Alert]:
    """Alerts that started in [start, end); `filters`: state, rule, severity, scope, key; empty is any."""
    chosen = _given(**filters)
    conditions = [f"{name} = {{{name}:String}}" for name in chosen]
    conditions += [f"started_at >= {{start:{_AT}}}"] if start else []
    conditions += [f"started_at < {{end:{_AT}}}"] if end else []
    # Evidence and charts are read for the page's rows only: the table is ordered by their ids.
    order = "ORDER BY started_at DESC, alert_id"
    ids = (
        f"SELECT alert_id FROM alert_rows FINAL WHERE {' AND '.join(conditions or ['1'])}"
        f"{_past('started_at', 'alert_id', after)} {order} LIMIT {{limit:UInt32}}"
    )
    rows = reader.query(
        f"{SELECT_ALERTS} WHERE alert_id IN ({ids}) {order}",
        {"limit": limit} | chosen | _given(start=start, end=end) | _place(after),
    )
    return [alert_of(row) for row in rows]


def alert_by_id(reader: Reader, alert_id: str) -> Alert | None:
    """The alert, or None."""
    rows = reader.query(f"{SELECT_ALERTS} WHERE alert_id = {{id:String}}", {"id": alert_id})
    return alert_of(rows[0]) if rows else None


def _past(at: str, key: str, after: Place | None) -> str:
    """The first condition alone would do for the order's sake; it is there because the index can use it."""
    if after is None:
        return ""
    return f" AND {at} <= {{at:{_AT}}} AND ({at} < {{at:{_AT}}} OR {key} > {{past:String}})"


def _place(after: Place | None) -> dict[str, Any]:
    return {"at": after[0], "past": after[1]} if after else {}


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


def _story(row: tuple[Any, ...]) -> StoryRow:
    story_id, first, last, title, topic, sentiment, p_negative, reach, sources, entities = row
    return StoryRow(
        story_id, first.astimezone(UTC), last.astimezone(UTC), title, topic, float(sentiment), float(p_negative),
        int(reach), tuple(sources), tuple(entities),
    )  # fmt: skip
