"""Volume: unusual attention, whatever is said: more stories or items than a key's own past explains."""

from collections.abc import Mapping
from datetime import datetime

from alerts.conditions.counts import unusual
from alerts.conditions.reading import (
    Period,
    anything_arrived,
    period_of,
    read_past,
    read_totals,
    threshold_of,
)
from alerts.finding import Finding
from alerts.measures import MEASURE_WORDS, measure_of
from alerts.protocols import Windows
from alerts.rule import Rule
from alerts.statistics import without_ongoing_burst
from tidings.types import Measured


def volume(rule: Rule, windows: Windows, now: datetime) -> Mapping[str, Finding] | None:
    """Keys with `min_stories` or more stories (or items) in [now - window, now), and more than their past explains.

    The test is that of spike (negative binomial, alerts/statistics.py) over counts of either sign. None: no data.
    """
    period = period_of(rule, windows, now)
    if period is None or not anything_arrived(rule, windows, period.start, now):
        return None
    values = {
        key: (value, total.stories)
        for key, total in read_totals(rule, windows, period.start, now).items()
        if (value := measure_of(total, rule.looks_at)) >= rule.min_stories
    }
    return _unusual(rule, windows, period, values) if values else {}


def _unusual(
    rule: Rule, windows: Windows, period: Period, values: Mapping[str, tuple[float, int]]
) -> dict[str, Finding]:
    threshold = threshold_of(rule, windows, period)
    findings = {}
    for key, past in read_past(rule, windows, period, values).items():
        value, stories = values[key]
        counts = [measure_of(window, rule.looks_at) for window in past]
        measured = Measured(
            kind="volume",
            measure=MEASURE_WORDS[rule.looks_at],
            stories=stories,
            inputs={
                "value": [value],
                "counts": list(without_ongoing_burst(counts, threshold.p_below, rule.min_stories)),
            },
        )
        if (finding := unusual(measured, threshold)) is not None:
            findings[key] = finding
    return findings
