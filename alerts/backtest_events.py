"""What a back-test is held against: labelled events, found or missed, and the thresholds that would keep a budget."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alerts.backtest import Backtest
from alerts.memory_windows import MemoryWindows
from alerts.rule import Rule
from tidings.clock import midnight
from tidings.types import Alert

DAY = timedelta(days=1)
# A rule as lax as this shows the peaks among which a threshold is chosen.
LAX_P = 0.02


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in [start, end): `keys` are the names, in any case, under which it may be found."""

    name: str
    keys: tuple[str, ...]
    start: datetime
    end: datetime

    def is_met_by(self, alert: Alert) -> bool:
        """Whether the alert is on one of the keys and fires at some time within the event."""
        begun = alert.fired_at is not None and alert.fired_at < self.end
        return (
            begun and (alert.resolved_at is None or alert.resolved_at > self.start) and self.names(alert.key)
        )

    def names(self, key: str) -> bool:
        """Whether a window's key is one of the event's; of "TOPIC | ENTITY" the entity counts."""
        return key.split(" | ")[-1].casefold() in {name.casefold() for name in self.keys}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an event: the first alert on it, and how many negative stories its key had on its first day.

    `first_story_at` is when the first story of that day was published that is more negative than not.
    """

    event: Event
    alert: Alert | None
    stories: float
    first_story_at: datetime | None

    @property
    def delay(self) -> timedelta | None:
        """From the event's start to the alert, negative where it was firing before; None where it was missed."""
        return self.alert.fired_at - self.event.start if self.alert and self.alert.fired_at else None

    @property
    def delay_after_story(self) -> timedelta | None:
        """From that first story to the alert; None without either."""
        if not (self.alert and self.alert.fired_at and self.first_story_at):
            return None
        return self.alert.fired_at - self.first_story_at


def outcomes(events: Sequence[Event], test: Backtest, windows: MemoryWindows) -> list[Outcome]:
    """One per event whose period meets that of the back-test, in order."""
    return [
        _outcome(event, test, windows)
        for event in events
        if event.start < test.end and event.end > test.start
    ]


def false_alarms(events: Sequence[Event], test: Backtest) -> list[Alert]:
    """The alerts that meet no event. An event that is not listed makes its alert a false one."""
    return [alert for alert in test.alerts if not any(event.is_met_by(alert) for event in events)]


def _outcome(event: Event, test: Backtest, windows: MemoryWindows) -> Outcome:
    day = midnight(event.start)
    found = next((alert for alert in test.alerts if event.is_met_by(alert)), None)
    totals = [t for t in windows.totals("entity", day, day + DAY, 0.0) if event.names(t.key)]
    told = [
        story.published_at
        for total in totals
        for story in windows.evidence("entity", total.key, day, day + DAY, total.stories)
        if story.p_negative > 0.5
    ]
    return Outcome(
        event, found, max((t.negative_story_sum for t in totals), default=0.0), min(told, default=None)
    )


def with_threshold(rule: Rule, p_below: float) -> Rule:
    """The rule with this fixed threshold in place of its own or its budget."""
    return replace(rule, p_below=p_below, budget_per_week=None)


def suggest(peaks: Sequence[float], weeks: float, budget: float) -> float | None:
    """The p_below under which the wanted number of alerts a week lies; None where the peaks are too few to say.

    `peaks` are the least p-values of the episodes that a lax rule found in `weeks`. The threshold lies between the
    n-th and the next of them by size (their geometric mean), n = budget * weeks: an empirical quantile of
    the peaks over a threshold. A budget of less than one alert in the whole time would be a guess, so is None.
    """
    wanted = int(budget * weeks)
    ordered = sorted(p for p in peaks if p > 0)
    if not 0 < wanted < len(ordered):
        return None
    return float((ordered[wanted - 1] * ordered[wanted]) ** 0.5)
