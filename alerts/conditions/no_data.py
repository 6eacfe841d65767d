"""No data: a source or key that has gone quiet against its own rhythm."""

from collections.abc import Mapping
from datetime import datetime

from alerts.conditions.counts import unusual
from alerts.conditions.reading import Period, period_of, read_past, read_totals, threshold_of
from alerts.finding import Finding
from alerts.measures import MEASURE_WORDS, measure_of
from alerts.protocols import Windows
from alerts.rule import Rule
from tidings.types import Measured


def no_data(rule: Rule, windows: Windows, now: datetime) -> Mapping[str, Finding] | None:
    """Keys with fewer items (or stories) in [now - window, now) than their past explains.

    Judged are keys that usually have `min_stories` or more in a window. The chance is the lower tail of the baseline's
    negative binomial, P(X <= value) = 1 - P(X >= value + 1): nights and weekends without news make a baseline wide,
    and are no alarm. None only where there is too little history: silence is what this kind waits for.
    """
    period = period_of(rule, windows, now)
    if period is None:
        return None
    usual = _usual(rule, windows, period)
    present = read_totals(rule, windows, period.start, now)
    values = {
        key: value
        for key, mean in usual.items()
        if (value := measure_of(present[key], rule.looks_at) if key in present else 0.0) < mean
    }
    if not values:
        return {}
    threshold = threshold_of(rule, windows, period)
    findings = {}
    for key, past in read_past(rule, windows, period, values).items():
        measured = Measured(
            kind="no_data",
            measure=MEASURE_WORDS[rule.looks_at],
            direction="below",
            stories=present[key].stories if key in present else 0,
            inputs={
                "value": [values[key]],
                "counts": [measure_of(window, rule.looks_at) for window in past],
            },
        )
        if (finding := unusual(measured, threshold)) is not None:
            findings[key] = finding
    return findings


def _usual(rule: Rule, windows: Windows, period: Period) -> dict[str, float]:
    """The keys with a rhythm, and how many items or stories a window of theirs usually has."""
    totals = read_totals(rule, windows, period.past, period.start)
    means = {key: measure_of(total, rule.looks_at) / period.whole for key, total in totals.items()}
    return {key: mean for key, mean in means.items() if mean >= rule.min_stories}
