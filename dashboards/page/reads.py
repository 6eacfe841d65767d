"""What the overview reads of the store: a handful of cheap queries, the same however many look on."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dashboards.page.reads_told import acknowledgements
from store.client import Row
from store.pages import alerts_page, latest
from store.queries import series
from store.reader import Reader
from tidings.types import Acknowledgement, Alert, Flag, Scope, Window

SPAN, STEP_SECONDS = timedelta(hours=8), 600  # of the overview's charts
MOST_LINES, MOST_ALERTS, MOST_NAMES = 30, 20, 8
MOST_CHARACTERS = 400  # of a headline
_AT = "DateTime64(3,'UTC')"
LINE_SQL = (
    "item_id, published_at, source,"
    f" substringUTF8(if(title = '', text, title), 1, {MOST_CHARACTERS}), topic, entities, sentiment, flag, scored_at"
)


@dataclass(frozen=True, slots=True)
class Line:
    """One scored item on the tape."""

    item_id: str
    published_at: datetime
    source: str
    headline: str
    topic: str
    entities: tuple[str, ...]
    sentiment: float
    flag: Flag
    scored_at: datetime


@dataclass(frozen=True, slots=True)
class Total:
    """A key's sums over some time; `sentiment` is the mean over its items."""

    key: str
    items: int
    stories: int
    negative_stories: int
    sentiment: float


@dataclass(frozen=True, slots=True)
class Overview:
    """The stream at one moment: `latest` is the latest publication time (None: nothing was stored yet), `scored_at`
    when the latest items were scored. Charts end at `latest`; `day` are the last 24 hours before it."""

    read_at: datetime
    latest: datetime | None
    scored_at: datetime | None
    day: Total
    charts: tuple[
        tuple[str, tuple[Window, ...]], ...
    ]  # "" is the whole stream; then topics, the busiest first
    names: tuple[Total, ...]
    tape: tuple[Line, ...]
    alerts: tuple[Alert, ...]
    seen: Mapping[str, Acknowledgement]  # by alert_id


def read_overview(reader: Reader, now: datetime) -> Overview:
    """Everything that the overview shows; `now` is the wall's time."""
    reached = latest(reader)
    if reached is None:
        return Overview(now, None, None, Total("", 0, 0, 0, 0.0), (), (), (), (), {})
    end = ceil(reached, STEP_SECONDS)
    after = reached + timedelta(milliseconds=1)
    lines = tape(reader, reached)
    days = totals(reader, "all", reached - timedelta(days=1), after, 1)
    alerts = alerts_page(reader, MOST_ALERTS, filters={"state": "firing"})
    return Overview(
        read_at=now,
        latest=reached,
        scored_at=max((line.scored_at for line in lines), default=None),
        day=days[0] if days else Total("", 0, 0, 0, 0.0),
        charts=_charts(reader, end - SPAN, end),
        names=tuple(totals(reader, "entity", reached - SPAN, after, MOST_NAMES)),
        tape=tuple(lines),
        alerts=tuple(alerts),
        seen=acknowledgements(reader, [alert.alert_id for alert in alerts]),
    )


def tape(reader: Reader, reached: datetime) -> list[Line]:
    """The newest items by publication time. Minutes that hold enough are found in the windows, which are few."""
    minutes = reader.query(
        "SELECT start, items FROM window_rows FINAL"
        f" WHERE scope = 'all' AND start > {{since:{_AT}}} AND items > 0 ORDER BY start DESC LIMIT {{most:UInt32}}",
        {"since": reached - timedelta(days=30), "most": MOST_LINES},
    )
    since, seen = reached - timedelta(hours=1), 0
    for start, items in minutes:
        since, seen = start, seen + int(items)
        if seen >= MOST_LINES:
            break
    rows = reader.query(
        f"SELECT {LINE_SQL} FROM items WHERE published_at >= {{since:{_AT}}}"
        " ORDER BY published_at DESC, item_id LIMIT {most:UInt32}",
        {"since": since, "most": MOST_LINES},
    )
    return [line_of(row) for row in rows]


def line_of(row: Row) -> Line:
    """A row of LINE_SQL."""
    item_id, published_at, source, headline, topic, entities, sentiment, flag, scored_at = row
    at, scored_at = published_at.astimezone(UTC), scored_at.astimezone(UTC)
    return Line(item_id, at, source, headline, topic, tuple(entities), float(sentiment), flag, scored_at)


def totals(reader: Reader, scope: Scope, start: datetime, end: datetime, most: int) -> list[Total]:
    """The keys with the most negative stories in [start, end), the worst first."""
    rows = reader.query(
        "SELECT w.key, sum(w.items), sum(w.stories), sum(w.negative_stories), sum(w.sentiment_sum)"
        f" FROM window_rows AS w FINAL WHERE w.scope = {{scope:String}} AND w.start >= {{start:{_AT}}}"
        f" AND w.start < {{end:{_AT}}} GROUP BY w.key HAVING sum(w.items) > 0"
        " ORDER BY sum(w.negative_stories) DESC, sum(w.negative_story_sum) DESC, w.key LIMIT {most:UInt32}",
        {"scope": scope, "start": floor(start, 60), "end": end, "most": most},
    )
    return [total_of(row) for row in rows]


def total_of(row: Row) -> Total:
    """A row of key, items, stories, negative stories, sum of sentiment."""
    key, items, stories, negative, sentiment = row
    return Total(key, int(items), int(stories), int(negative), float(sentiment) / int(items))


def _charts(reader: Reader, start: datetime, end: datetime) -> tuple[tuple[str, tuple[Window, ...]], ...]:
    whole = series(reader, "all", None, start, end, STEP_SECONDS)
    topics = series(reader, "topic", None, start, end, STEP_SECONDS)
    items = Counter({key: sum(window.items for window in windows) for key, windows in topics.items()})
    busiest = sorted(topics, key=lambda key: (-items[key], key))
    ordered = (*whole.items(), *((key, topics[key]) for key in busiest))
    return tuple((key, tuple(windows)) for key, windows in ordered)


def floor(moment: datetime, seconds: int) -> datetime:
    """The latest multiple of `seconds` since 1970 that is not after `moment`."""
    return datetime.fromtimestamp(moment.timestamp() // seconds * seconds, UTC)


def ceil(moment: datetime, seconds: int) -> datetime:
    """The first multiple of `seconds` since 1970 that lies after `moment`: a window that ends there holds it."""
    return floor(moment, seconds) + timedelta(seconds=seconds)
