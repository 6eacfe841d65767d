"""A name or a topic over a period: its windows against the time before, stories, sources, company, alerts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from dashboards.page.charts import Chart, count_chart, sentiment_chart
from dashboards.page.language import Words
from dashboards.page.reads import ceil, floor
from dashboards.page.reads_subject import Share, Told, first_start, reference_start, shares, stories
from store.pages import alerts_page, latest
from store.queries import series
from store.reader import Reader
from tidings.types import Alert, Scope, Window

Period = Literal["hours", "day", "week", "month"]
# How long, and the seconds of a window.
PERIODS: dict[Period, tuple[timedelta, int]] = {
    "hours": (timedelta(hours=8), 600),
    "day": (timedelta(days=1), 1800),
    "week": (timedelta(days=7), 10_800),
    "month": (timedelta(days=30), 86_400),
}
_TIMES_BEFORE = 8  # periods, at most
_MOST_ALERTS = 10


@dataclass(frozen=True, slots=True)
class Subject:
    """What is known of a key over the time of `windows`; `before` are those of the time it is compared with."""

    scope: Scope
    key: str
    reached: datetime
    windows: tuple[Window, ...]
    before: tuple[Window, ...]
    before_span: timedelta
    alerts: tuple[Alert, ...]
    stories: tuple[Told, ...]
    sources: tuple[Share, ...]
    topics: tuple[Share, ...]
    names: tuple[Share, ...]


def read_subject(reader: Reader, scope: Scope, key: str, period: Period) -> Subject | None:
    """None when neither window nor alert ever had the key."""
    reached = latest(reader)
    if reached is None:
        return None
    span, seconds = PERIODS[period]
    end = ceil(reached, seconds)
    start = floor(end - span, seconds)
    alerts = alerts_page(reader, _MOST_ALERTS, filters={"scope": scope, "key": key})
    since = reference_start(first_start(reader), start, span, _TIMES_BEFORE)
    windows = series(reader, scope, [key], since or start, end, seconds)[key]
    counted = any(window.items for window in windows)
    if not counted and not alerts and not _ever(reader, scope, key):
        return None
    shown = int(span.total_seconds()) // seconds
    told = stories(reader, scope, key, start, end) if any(w.items for w in windows[-shown:]) else []
    parts = {
        by: tuple(shares(reader, scope, key, by, start, end)) if told else ()
        for by in ("source", "topic", "entity")
    }  # fmt: skip
    return Subject(
        scope=scope,
        key=key,
        reached=reached,
        windows=tuple(windows[-shown:]),
        before=tuple(windows[:-shown]),
        before_span=start - since if since else timedelta(),
        alerts=tuple(alerts),
        stories=tuple(told),
        sources=parts["source"],
        topics=parts["topic"] if scope != "topic" else (),
        names=parts["entity"],
    )


def charts_of(subject: Subject, words: Words) -> Sequence[Chart]:
    """Negative stories against what is usual, and the sentiment; none where there were no items."""
    if not any(window.items for window in subject.windows):
        return ()
    step = words.duration(subject.windows[0].seconds)
    usual = (words.text("column.usual"), subject.before) if subject.before else None
    note = (
        words.text("subject.usual", span=words.about(subject.before_span.total_seconds()))
        if usual
        else words.text("subject.no_usual")
    )
    negative, sentiment = words.text("column.negative"), words.text("column.sentiment")
    title = words.text("subject.chart", step=step)
    return (
        count_chart("subject-negative", title, subject.windows, negative, usual, note),
        sentiment_chart(
            "subject-sentiment", words.text("subject.sentiment", step=step), subject.windows, sentiment
        ),
    )


def _ever(reader: Reader, scope: Scope, key: str) -> bool:
    rows = reader.query(
        "SELECT 1 FROM key_windows WHERE scope = {scope:String} AND key = {key:String} LIMIT 1",
        {"scope": scope, "key": key},
    )
    return bool(rows)
