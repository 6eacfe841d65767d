"""`tidings backtest`: items from a file or the store, one or two rule files over them, and what is made of it."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from alerts.backtest import Backtest, run_backtest
from alerts.backtest_events import LAX_P, Event, Outcome, false_alarms, outcomes, suggest, with_threshold
from alerts.memory_windows import MemoryWindows
from alerts.rule import Rule
from service.backtest_items import ShowProgress
from service.wiring import names_in
from tidings.errors import ConfigError
from tidings.types import Alert, ScoredItem


@dataclass(frozen=True, slots=True)
class Run:
    """One rule file over the items: what fired, in how many seconds, and how that meets the events.

    `false_alarms` are alerts that meet no event; empty where no events are given.
    """

    origin: str
    rules: tuple[Rule, ...]
    test: Backtest
    seconds: float
    outcomes: tuple[Outcome, ...]
    false_alarms: tuple[Alert, ...]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The threshold for one rule, and how many alerts a week it then gave; None: the peaks are too few to say."""

    rule: str
    p_below: float | None
    alerts_per_week: float | None


@dataclass(frozen=True, slots=True)
class Period:
    """What is evaluated: every `step` from `start` to `end`. Items before `start` are the past of the first moments."""

    start: datetime
    end: datetime
    step: timedelta


def open_windows(items: Iterable[ScoredItem]) -> MemoryWindows:
    """The windows of the items; ConfigError where there are none."""
    windows = MemoryWindows(items)
    if windows.first_start() is None:
        raise ConfigError("there is no item in the period: check --from and --to, or the file")
    return windows


def period_of(
    windows: MemoryWindows, start: datetime | None, end: datetime | None, step: timedelta
) -> Period:
    """From `start` (None: the first item) to `end` (None: just after the last one); ConfigError if nothing is left."""
    first, last = (datetime.fromtimestamp(int(windows.minutes[at]), UTC) for at in (0, -1))
    period = Period(max(start or first, first), min(end or last + step, last + step), step)
    if period.start >= period.end:
        raise ConfigError(
            f"no item lies in the period: the items are from {first:%Y-%m-%d} to {last:%Y-%m-%d}"
        )
    return period


def run(
    origin: str,
    rules: Sequence[Rule],
    windows: MemoryWindows,
    period: Period,
    events: Sequence[Event],
    progress: ShowProgress,
) -> Run:
    """Runs the engine with these rules over the period; `origin` names the rules."""
    length = (period.end - period.start).total_seconds()

    def show(now: datetime) -> None:
        progress(f"evaluating {origin}", (now - period.start).total_seconds(), length)

    began = time.perf_counter()
    test = run_backtest(rules, windows, period.start, period.end, period.step, show, names_in)
    seconds = time.perf_counter() - began
    found = tuple(outcomes(events, test, windows))
    return Run(
        origin, tuple(rules), test, seconds, found, tuple(false_alarms(events, test) if events else ())
    )


def suggest_thresholds(
    rules: Sequence[Rule], windows: MemoryWindows, period: Period, budget: float, progress: ShowProgress
) -> list[Suggestion]:
    """For each rule that tests a p-value, the threshold at which it would have kept to `budget` alerts a week.

    A first run with lax thresholds finds the peaks, a second with the suggested ones says what they really give:
    a rule that is stricter joins and parts its episodes in other places.
    """
    tested = [rule for rule in rules if rule.kind != "level"]
    lax = [with_threshold(rule, max(LAX_P, rule.p_below)) for rule in tested]
    peaks = run("lax thresholds", lax, windows, period, (), progress).test
    chosen = {
        rule.name: suggest([a.p_value for a in peaks.alerts if a.rule == rule.name], peaks.weeks, budget)
        for rule in tested
    }
    strict = [with_threshold(rule, p) for rule in tested if (p := chosen[rule.name]) is not None]
    kept = run("suggested thresholds", strict, windows, period, (), progress).test if strict else None
    return [
        Suggestion(name, p, _rate(kept, name) if kept and p is not None else None)
        for name, p in chosen.items()
    ]


def only_in(one: Run, other: Run) -> list[Alert]:
    """The alerts of `one` without a counterpart in `other`: same key, firing at overlapping times."""
    return [alert for alert in one.test.alerts if not any(_overlap(alert, a) for a in other.test.alerts)]


def _overlap(one: Alert, other: Alert) -> bool:
    far = datetime.max.replace(tzinfo=UTC)
    if one.key != other.key or one.fired_at is None or other.fired_at is None:
        return False
    return one.fired_at <= (other.resolved_at or far) and other.fired_at <= (one.resolved_at or far)


def _rate(test: Backtest, rule: str) -> float:
    return sum(alert.rule == rule for alert in test.alerts) / test.weeks
