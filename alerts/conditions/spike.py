"""Spike: more negative stories than a key's own past explains."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from alerts.finding import Finding
from alerts.protocols import Windows
from alerts.rules import Rule
from alerts.statistics import fit_baseline, spike_p_value, without_ongoing_burst


def spike(rule: Rule, windows: Windows, now: datetime) -> Mapping[str, Finding] | None:
    """Keys with more negative stories in [now - window, now) than their own past explains.

    `now` is a whole minute. The baseline is the whole windows that end at now - window, so the present
    window is never part of it. None means no data: fewer whole windows of history than the rule
    needs, or a present window in which nothing at all arrived (a feed that is down is not a calm one).
    """
    window = timedelta(seconds=rule.window_seconds)
    start = now - window
    first = windows.first_start()
    if first is None:
        return None
    whole = min(rule.baseline_windows, (start - first) // window)
    if whole < rule.needed_windows:
        return None
    candidates = {
        total.key: total.negative_story_sum
        for total in windows.totals(rule.scope, start, now, rule.min_stories)
        if rule.watches(total.key)
    }
    if not candidates:
        return {} if any(total.items for total in windows.totals("all", start, now, 0.0)) else None
    past = windows.series(rule.scope, list(candidates), start - whole * window, start, rule.window_seconds)
    findings = {}
    for key, value in candidates.items():
        counts = [bucket.negative_story_sum for bucket in past[key]]
        baseline = fit_baseline(without_ongoing_burst(counts, rule.p_below, rule.min_stories))
        p_value = spike_p_value(value, baseline)
        if p_value < rule.p_below:
            findings[key] = Finding(value, baseline.mean, p_value)
    return findings
