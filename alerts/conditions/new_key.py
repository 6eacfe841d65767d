"""New key: a name seldom or never seen before, suddenly in several negative stories."""

from collections.abc import Mapping
from datetime import datetime

from alerts.conditions.counts import unusual
from alerts.conditions.reading import (
    anything_arrived,
    period_of,
    read_candidates,
    read_past,
    threshold_of,
    with_sources,
)
from alerts.finding import Finding
from alerts.measures import MEASURE_WORDS
from alerts.protocols import Windows
from alerts.rule import Rule
from tidings.types import Measured


def new_key(rule: Rule, windows: Windows, now: datetime) -> Mapping[str, Finding] | None:
    """Keys with `min_stories` or more negative stories in [now - window, now), and fewer of any sign in the baseline.

    So many must also be unlikely by the test of spike. None: no data.
    """
    period = period_of(rule, windows, now)
    if period is None or not anything_arrived(rule, windows, period.start, now):
        return None
    candidates = read_candidates(rule, windows, period.start, now)
    if not candidates:
        return {}
    threshold = threshold_of(rule, windows, period)
    findings = {}
    for key, past in read_past(rule, windows, period, candidates).items():
        if sum(window.stories for window in past) >= rule.min_stories:
            continue
        measured = Measured(
            kind="new_key",
            measure=MEASURE_WORDS["negative_stories"],
            stories=candidates[key].stories,
            inputs={
                "value": [candidates[key].negative_story_sum],
                "counts": [window.negative_story_sum for window in past],
            },
        )
        if (finding := unusual(measured, threshold)) is not None:
            findings[key] = finding
    return with_sources(rule, windows, period.start, now, findings)
