"""Spike: more negative stories than a key's own past explains, and not because there is more of everything else."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime

from alerts.conditions.reading import (
    Period,
    anything_arrived,
    baseline_totals,
    period_of,
    read_candidates,
    read_past,
    threshold_of,
    with_sources,
)
from alerts.conditions.weighing import Worth, stories_of, stream_share
from alerts.finding import Finding
from alerts.protocols import Windows
from alerts.rule import Rule
from alerts.season import exposures, own_exposures, profile
from alerts.share import share_test
from alerts.statistics import Baseline, fit_baseline, interval, spike_p_value, without_ongoing_burst
from tidings.clock import midnight
from tidings.types import Measured, Window

# More candidates than this are looked through by their sums first.
_MANY = 50
_CLEARLY = 2.0
# Above this chance of a share as large or larger, the share is plainly lower than expected.
_SHARE_LOWER = 0.9
_MOST_OF_THEM = 0.5


def spike(rule: Rule, windows: Windows, now: datetime) -> Mapping[str, Finding] | None:
    """Keys with more negative stories in [now - window, now) than their own past explains.

    A key is found when the chance of its count is below the threshold, and the share of its stories that are negative
    is not plainly lower than expected (less than half, and a chance of so much or more above 0.9): many stories with
    little bad news among them are no spike. The usual share is no objection: Bear Stearns' collapse had 0.32 where
    0.30 was expected. The threshold is `p_below`, or comes from `budget_per_week` over the keys seen in the baseline
    (alerts/budget.py).
    `now` is a whole minute. The baseline is the whole windows that end at now - window, so the present
    window is never part of it. None means no data: fewer whole windows of history than the rule
    needs, or a present window in which nothing at all arrived (a feed that is down is not a calm one).
    """
    period = period_of(rule, windows, now)
    if period is None:
        return None
    candidates = read_candidates(rule, windows, period.start, now)
    if not candidates:
        return {} if anything_arrived(rule, windows, period.start, now) else None
    threshold = threshold_of(rule, windows, period)
    season = _season(rule, windows, period) if rule.seasonal else None
    if len(candidates) > _MANY and threshold.most <= 0.01:
        means = baseline_totals(rule, windows, period, rule.scope)
        candidates = _clearly_more(candidates, means, rule.window_seconds, season)
    past = read_past(rule, windows, period, candidates)
    findings = {}
    for key, total in candidates.items():
        inputs = _count_inputs(total, past[key], rule, threshold.p_below, season)
        value, baseline = total.negative_story_sum, _baseline(inputs)
        p_value = spike_p_value(value, baseline)
        if p_value < threshold.most and p_value < (limit := threshold.of(value, baseline)):
            (told,) = stories_of(rule, windows, period, {key: past[key]}, candidates).values()
            inputs |= _share_inputs(
                told[: len(inputs["counts"])], told[-1], stream_share(rule, windows, period)
            )
            findings[key] = spike_finding(inputs, limit)
    kept = {key: finding for key, finding in findings.items() if not _is_plainly_lower(finding.measured)}
    return with_sources(rule, windows, period.start, now, kept)


def spike_finding(inputs: Mapping[str, Sequence[float]], threshold: float) -> Finding:
    """The finding that these inputs lead to: the same inputs always give exactly the same figures.

    `value` and `stories` of the window, `exposure` of it and its doubt; `counts` and `exposures` of the baseline's
    windows (none: all 1) without an ongoing burst; `told`, the negative stories and the stories as their sources weigh,
    `past_negative` and `past_stories` the same of all its windows with stories, `prior_share`.
    """
    value, stories, baseline = inputs["value"][0], int(inputs["stories"][0]), _baseline(inputs)
    lower, upper = interval(baseline)
    negative, told = inputs.get("told", (value, stories))  # alerts of earlier versions have the counts alone
    share = share_test(
        negative, told, inputs["past_negative"], inputs["past_stories"], inputs["prior_share"][0]
    )
    measured = Measured(
        lower=lower,
        upper=upper,
        threshold=threshold,
        stories=stories,
        share=share.share,
        share_expected=share.expected,
        share_p_value=share.p_value,
        inputs={name: list(values) for name, values in inputs.items()},
    )
    return Finding(value, baseline.mean, spike_p_value(value, baseline), measured)


def _season(rule: Rule, windows: Windows, period: Period) -> list[float]:
    """The exposures of the baseline's windows and of the present one."""
    begin, end = midnight(period.past), midnight(period.start)
    hours = windows.series("all", [""], begin, end, 3600, rule.filters)[""]
    worth = profile([hour.negative_story_sum for hour in hours], begin)
    return exposures(worth, period.past, rule.window_seconds, period.whole + 1)


def _clearly_more(
    candidates: Mapping[str, Window],
    past: Sequence[Window],
    window_seconds: int,
    season: Sequence[float] | None,
) -> dict[str, Window]:
    """The candidates whose count is not plainly usual: more than 2 Poisson deviations above nine tenths of their mean.

    No over-dispersed baseline of that mean gives the others a chance below 0.01. Nine tenths, for an ongoing burst of
    up to a tenth of the windows is left out of it later; with a season half, for the key may have its own.
    """
    scale = window_seconds * (0.9 if season is None else 0.5 * season[-1])
    means = {total.key: scale * total.negative_story_sum / total.seconds for total in past}
    return {
        key: total
        for key, total in candidates.items()
        if total.negative_story_sum > (mean := means.get(key, 0.0)) + _CLEARLY * math.sqrt(mean)
    }


def _count_inputs(
    total: Window, past: Sequence[Window], rule: Rule, p_below: float, season: Sequence[float] | None
) -> dict[str, list[float]]:
    all_counts = [bucket.negative_story_sum for bucket in past]
    worth, exposure, doubt = (
        (None, 1.0, 0.0) if season is None else own_exposures(all_counts, season, rule.window_seconds)
    )
    counts = list(without_ongoing_burst(all_counts, p_below, rule.min_stories, worth))
    return {
        "value": [total.negative_story_sum],
        "stories": [float(total.stories)],
        "counts": counts,
        "exposures": [] if worth is None else worth[: len(counts)],
        "exposure": [exposure, doubt],
    }


def _baseline(inputs: Mapping[str, Sequence[float]]) -> Baseline:
    return fit_baseline(inputs["counts"], inputs["exposures"] or None, *inputs["exposure"])


def _share_inputs(past: Sequence[Worth], present: Worth, prior: float) -> dict[str, list[float]]:
    told = [(negative, stories) for negative, stories in past if stories]
    return {
        "told": list(present),
        "past_negative": [negative for negative, _ in told],
        "past_stories": [stories for _, stories in told],
        "prior_share": [prior],
    }


def _is_plainly_lower(measured: Measured) -> bool:
    share, p_value = measured.share, measured.share_p_value
    return share is not None and p_value is not None and share < _MOST_OF_THEM and p_value > _SHARE_LOWER
