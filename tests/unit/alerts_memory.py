"""A small pure store for the alert tests: windows summed from stories, and a history of alerts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tidings.types import Alert, Evidence, Scope, Window

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


def flow(
    entity: str, start: datetime, end: datetime, every: timedelta, p_negative: float = 1.0
) -> list[Story]:
    """A story every so often over [start, end)."""
    count = -((start - end) // every)
    return [Story(start + i * every, entity, p_negative) for i in range(count)]


@dataclass
class MemoryWindows:
    stories: list[Story] = field(default_factory=list)

    def add(self, stories: Iterable[Story]) -> None:
        self.stories += stories

    def first_start(self) -> datetime | None:
        return min((s.at for s in self.stories), default=None)

    def _within(self, scope: Scope, start: datetime, end: datetime) -> dict[str, list[Story]]:
        found: dict[str, list[Story]] = {}
        for story in self.stories:
            if start <= story.at < end:
                key = {"all": "", "topic": "Macro", "entity": story.entity, "source": story.source}[scope]
                found.setdefault(key, []).append(story)
        return found

    def totals(self, scope: Scope, start: datetime, end: datetime, minimum: float) -> list[Window]:
        seconds = int((end - start).total_seconds())
        rows = [
            _window(scope, key, start, seconds, stories)
            for key, stories in self._within(scope, start, end).items()
        ]
        return [row for row in rows if row.negative_story_sum >= minimum]

    def series(
        self, scope: Scope, keys: Sequence[str], start: datetime, end: datetime, seconds: int
    ) -> dict[str, list[Window]]:
        step = timedelta(seconds=seconds)
        inside = self._within(scope, start, end)
        out = {}
        for key in keys:
            buckets: list[list[Story]] = [[] for _ in range(-((start - end) // step))]
            for story in inside.get(key, []):
                buckets[(story.at - start) // step].append(story)
            out[key] = [
                _window(scope, key, start + i * step, seconds, bucket) for i, bucket in enumerate(buckets)
            ]
        return out

    def evidence(
        self, scope: Scope, key: str, start: datetime, end: datetime, limit: int
    ) -> tuple[Evidence, ...]:
        found = sorted(self._within(scope, start, end).get(key, []), key=lambda s: -s.p_negative)
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
        stories=len(stories),
        negative_story_sum=sum(s.p_negative for s in stories),
    )


@dataclass
class MemoryHistory:
    """Keeps every version; the latest of each alert_id counts."""

    versions: list[Alert] = field(default_factory=list)

    def latest(self) -> dict[str, Alert]:
        return {alert.alert_id: alert for alert in self.versions}

    def active_alerts(self) -> list[Alert]:
        return [a for a in self.latest().values() if a.state != "resolved" or a.unsent]

    def save_alerts(self, alerts: Sequence[Alert]) -> None:
        self.versions += alerts
