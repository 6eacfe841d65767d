"""The engine over the past: what would have fired, at which moment, knowing at each only what was published by then."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from alerts.engine import Engine
from alerts.memory_windows import MemoryWindows
from alerts.protocols import NamesIn
from alerts.rule import Rule
from tidings.types import Alert

# Kinds that fire because nothing came: for these no moment may be left out.
_FIRES_ON_SILENCE = frozenset({"no_data"})


@dataclass
class MemoryHistory:
    """The engine's `History` in memory: the latest version of each alert counts."""

    latest: dict[str, Alert] = field(default_factory=dict)
    _active: dict[str, Alert] = field(default_factory=dict)

    def active_alerts(self) -> list[Alert]:
        """Alerts that are not resolved."""
        return list(self._active.values())

    def save_alerts(self, alerts: Sequence[Alert]) -> None:
        """Adds these as the latest versions."""
        for alert in alerts:
            self.latest[alert.alert_id] = alert
            if alert.state == "resolved":
                self._active.pop(alert.alert_id, None)
            else:
                self._active[alert.alert_id] = alert


@dataclass(frozen=True, slots=True)
class Backtest:
    """What fired in [start, end), by fired_at and each as it was last saved, and in how many evaluations.

    `weeks` counts days on which something was published, divided by 7: a gap in the data is no calm time.
    """

    alerts: tuple[Alert, ...]
    start: datetime
    end: datetime
    evaluations: int
    items: int
    weeks: float

    @property
    def alerts_per_week(self) -> float:
        """Over the weeks that hold items."""
        return len(self.alerts) / self.weeks if self.weeks else 0.0


def run_backtest(
    rules: Sequence[Rule],
    windows: MemoryWindows,
    start: datetime,
    end: datetime,
    step: timedelta = timedelta(minutes=30),
    progress: Callable[[datetime], None] = lambda now: None,
    names_in: NamesIn | None = None,
) -> Backtest:
    """Evaluates the rules each `step` from `start` up to and including `end`; items before `start` are their past.

    At `now` only items published before it count. Moments are left out at which nothing can fire or resolve: no item
    lies in a rule's window, no alert is active, and no rule fires on silence. `progress` is told the time that is
    reached, once a simulated day; `names_in` is the engine's.
    """
    history = MemoryHistory()
    engine = Engine(rules, windows, history, names_in=names_in)
    always = any(rule.kind in _FIRES_ON_SILENCE for rule in rules)
    longest = timedelta(seconds=max((rule.window_seconds for rule in rules), default=0))
    now, evaluations, told = _ceil(start, step), 0, start
    while now <= end:
        if always or history.active_alerts() or _any_between(windows, now - longest, now):
            windows.advance_to(now)
            engine.evaluate(now)
            evaluations += 1
        if now - told >= timedelta(days=1):
            progress(now)
            told = now
        now += step
    fired = [alert for alert in history.latest.values() if alert.fired_at]
    inside = windows.minutes[(windows.minutes >= start.timestamp()) & (windows.minutes < end.timestamp())]
    weeks = len(np.unique(inside // 86_400)) / 7
    return Backtest(tuple(sorted(fired, key=_fired_at)), start, end, evaluations, len(inside), weeks)


def _any_between(windows: MemoryWindows, start: datetime, end: datetime) -> bool:
    low, high = np.searchsorted(windows.minutes, (int(start.timestamp()), int(end.timestamp())))
    return bool(low < high)


def _fired_at(alert: Alert) -> tuple[datetime, str]:
    return alert.fired_at or alert.started_at, alert.alert_id


def _ceil(moment: datetime, step: timedelta) -> datetime:
    """The first multiple of `step` (from 1970 on) at or after `moment`."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch - (epoch - moment) // step * step
