"""A small pure store for the alert tests: windows summed from stories, and a history of alerts."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tidings.types import NO_FILTERS, Alert, Evidence, Filters, Kind, Scope, Window
from tidings.weighed import Weighed, Weights

START = datetime(2024, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Story:
    at: datetime
    entity: str
    p_negative: float = 1.0
    title: str = "Something happened"
    source: str = "wire"
    topic: str = "Macro"
    kind: Kind = "news"
    lang: str = "en"

    @property
    def sentiment(self) -> float:
        return -self.p_negative

    def passes(self, filters: Filters) -> bool:
        return (
            (not filters.sources or self.source in filters.sources)
            and (not filters.kinds or self.kind in filters.kinds)
            and (not filters.languages or self.lang in filters.languages)
        )

    def key(self, scope: Scope) -> str:
        pair = f"{self.topic} | {self.entity}"
        keys = {"topic": self.topic, "entity": self.entity, "source": self.source, "topic_entity": pair}
        return keys.get(scope, "")


def flow(
    entity: str, start: datetime, end: datetime, every: timedelta, p_negative: float = 1.0, **more: Any
) -> list[Story]:
    """A story every so often over [start, end)."""
    count = -((start - end) // every)
    return [Story(start + i * every, entity, p_negative, **more) for i in range(count)]


@dataclass
class MemoryWindows:
    stories: list[Story] = field(default_factory=list)

    def add(self, stories: Iterable[Story]) -> None:
        self.stories += stories

    def first_start(self) -> datetime | None:
        return min((s.at for s in self.stories), default=None)

    def _within(
        self, scope: Scope, start: datetime, end: datetime, filters: Filters
    ) -> dict[str, list[Story]]:
        found: dict[str, list[Story]] = {}
        for story in self.stories:
            if start <= story.at < end and story.passes(filters):
                found.setdefault(story.key(scope), []).append(story)
        return found

    def totals(
        self, scope: Scope, start: datetime, end: datetime, minimum: float, filters: Filters = NO_FILTERS
    ) -> list[Window]:
        seconds = int((end - start).total_seconds())
        rows = [
            _window(scope, key, start, seconds, stories)
            for key, stories in self._within(scope, start, end, filters).items()
        ]
        return [row for row in rows if row.negative_story_sum >= minimum]

    def series(
        self,
        scope: Scope,
        keys: Sequence[str],
        start: datetime,
        end: datetime,
        seconds: int,
        filters: Filters = NO_FILTERS,
    ) -> dict[str, list[Window]]:
        step = timedelta(seconds=seconds)
        inside = self._within(scope, start, end, filters)
        out = {}
        for key in keys:
            buckets: list[list[Story]] = [[] for _ in range(-((start - end) // step))]
            for story in inside.get(key, []):
                buckets[(story.at - start) // step].append(story)
            out[key] = [
                _window(scope, key, start + i * step, seconds, bucket) for i, bucket in enumerate(buckets)
            ]
        return out

    def sources(
        self,
        scope: Scope,
        keys: Sequence[str],
        start: datetime,
        end: datetime,
        filters: Filters = NO_FILTERS,
    ) -> dict[str, int]:
        inside = self._within(scope, start, end, filters)
        return {key: len({s.source for s in inside.get(key, []) if s.p_negative >= 0.5}) for key in keys}

    def weighed(
        self,
        scope: Scope,
        keys: Sequence[str],
        start: datetime,
        end: datetime,
        seconds: int,
        weights: Weights,
        filters: Filters = NO_FILTERS,
    ) -> dict[str, list[Weighed]]:
        inside, of_source = self._within(scope, start, end, filters), dict(weights)
        count = -((start - end) // timedelta(seconds=seconds))
        found = {key: [Weighed()] * count for key in keys}
        for key in keys:
            for story in inside.get(key, []):
                at, w = int((story.at - start).total_seconds()) // seconds, of_source.get(story.source, 1.0)
                one = Weighed(w, w * w, w * story.p_negative, w, w * w, w * story.sentiment)
                both = zip(astuple(found[key][at]), astuple(one), strict=True)
                found[key][at] = Weighed(*(a + b for a, b in both))
        return found

    def evidence(
        self,
        scope: Scope,
        key: str,
        start: datetime,
        end: datetime,
        limit: int,
        filters: Filters = NO_FILTERS,
    ) -> tuple[Evidence, ...]:
        found = sorted(self._within(scope, start, end, filters).get(key, []), key=lambda s: -s.p_negative)
        return tuple(
            Evidence(f"{s.at:%H%M}", s.title, s.at, s.source, "", -s.p_negative, s.p_negative)
            for s in found[:limit]
        )


def _window(scope: Scope, key: str, start: datetime, seconds: int, stories: list[Story]) -> Window:
    return Window(
        scope,
        key,
        start,
        seconds,
        items=len(stories),
        sentiment_sum=sum(s.sentiment for s in stories),
        stories=len(stories),
        negative_stories=sum(s.p_negative > 0.5 for s in stories),
        negative_story_sum=sum(s.p_negative for s in stories),
    )


@dataclass
class MemoryHistory:
    """Keeps every version; the latest of each alert_id counts."""

    versions: list[Alert] = field(default_factory=list)

    def latest(self) -> dict[str, Alert]:
        return {alert.alert_id: alert for alert in self.versions}

    def active_alerts(self) -> list[Alert]:
        return [a for a in self.latest().values() if a.state != "resolved"]

    def save_alerts(self, alerts: Sequence[Alert]) -> None:
        self.versions += alerts
