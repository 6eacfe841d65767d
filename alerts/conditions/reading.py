"""What every condition reads: the present window, the baseline before it, and how many sources there are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alerts.budget import Threshold, threshold_from
from alerts.finding import Finding
from alerts.protocols import Windows
from alerts.rule import Rule
from tidings.clock import midnight
from tidings.types import Scope, Window


@dataclass(frozen=True, slots=True)
class Period:
    """The present window [start, now), and before it `whole` windows of baseline from `past`."""

    past: datetime
    start: datetime
    now: datetime
    whole: int


def period_of(rule: Rule, windows: Windows, now: datetime) -> Period | None:
    """The present window and its baseline; None where there is less history than the rule needs."""
    window = timedelta(seconds=rule.window_seconds)
    start, first = now - window, windows.first_start()
    if first is None:
        return None
    whole = min(rule.baseline_windows, (start - first) // window)
    return None if whole < rule.needed_windows else Period(start - whole * window, start, now, whole)


def anything_arrived(rule: Rule, windows: Windows, start: datetime, now: datetime) -> bool:
    """Whether any item came in [start, now): a feed that is down is not a calm one."""
    return any(total.items for total in windows.totals("all", start, now, 0.0, rule.filters))


def read_totals(
    rule: Rule, windows: Windows, start: datetime, now: datetime, minimum: float = 0.0
) -> dict[str, Window]:
    """The keys that the rule watches with at least `minimum` negative stories in [start, now)."""
    found = windows.totals(rule.scope, start, now, minimum, rule.filters)
    return {total.key: total for total in found if rule.watches(total.key)}


def read_candidates(rule: Rule, windows: Windows, start: datetime, now: datetime) -> dict[str, Window]:
    """The keys with `min_stories` negative stories in [start, now), of which `min_clear` are clearly so."""
    found = read_totals(rule, windows, start, now, rule.min_stories)
    return {key: total for key, total in found.items() if total.negative_stories >= rule.min_clear}


def read_past(rule: Rule, windows: Windows, period: Period, keys: Iterable[str]) -> dict[str, list[Window]]:
    """The baseline windows of each key, oldest first."""
    return windows.series(
        rule.scope, list(keys), period.past, period.start, rule.window_seconds, rule.filters
    )


def threshold_of(rule: Rule, windows: Windows, period: Period) -> Threshold:
    """The chance below which the rule fires: its own, or that of its budget over the keys seen in the baseline."""
    if rule.budget_per_week is None:
        return Threshold(rule.p_below)
    totals = baseline_totals(rule, windows, period, rule.scope)
    watches_all = not (rule.include or rule.exclude)
    keys = len(totals) if watches_all else sum(rule.watches(total.key) for total in totals)
    return threshold_from(rule.budget_per_week, max(1, keys), rule.window_seconds)


def baseline_totals(rule: Rule, windows: Windows, period: Period, scope: Scope) -> list[Window]:
    """Every key over the baseline: over its whole days, where it has any, for the engine reads those once a day."""
    return windows.totals(scope, *baseline_days(period), 0.0, rule.filters)


def baseline_days(period: Period) -> tuple[datetime, datetime]:
    """The whole days of the baseline; all of it where it holds none."""
    begin, end = midnight(period.past), midnight(period.start)
    return (begin, end) if begin < end else (period.past, period.start)


def with_sources(
    rule: Rule, windows: Windows, start: datetime, now: datetime, findings: Mapping[str, Finding]
) -> Mapping[str, Finding]:
    """The findings whose negative stories come from `min_sources` or more; asked only where the rule wants it."""
    if rule.min_sources <= 1 or not findings:
        return findings
    counts = windows.sources(rule.scope, list(findings), start, now, rule.filters)
    return {
        key: replace(finding, measured=replace(finding.measured, sources=counts[key]))
        for key, finding in findings.items()
        if counts[key] >= rule.min_sources
    }
