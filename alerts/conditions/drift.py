"""Drift: a slow burn. The negative stories of a key creep up over many windows, none of which is a spike."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alerts.conditions.reading import (
    anything_arrived,
    period_of,
    read_candidates,
    read_past,
    read_totals,
    threshold_of,
    with_sources,
)
from alerts.finding import Finding
from alerts.protocols import Windows
from alerts.rule import Rule
from alerts.statistics import Baseline, fit_baseline, interval, spike_p_value
from tidings.types import Measured

SMOOTHING = 0.2  # the weight of the latest window: Roberts' usual choice for shifts of about one deviation
RECENT_WINDOWS = 14  # 0.8 ** 14 = 4 % of the weight lies further back
_FEWEST_REFERENCE = 7


@dataclass(frozen=True, slots=True)
class Drift:
    """The weighted mean of the recent windows, that of the reference, and the chance of it.

    `summed` is the baseline of the `size` windows that the mean is worth.
    """

    value: float
    expected: float
    p_value: float
    summed: Baseline
    size: float

    def interval(self) -> tuple[float, float]:
        """Where 95 % of such means lie."""
        lower, upper = interval(self.summed)
        return lower / self.size, upper / self.size


def measure_drift(reference: Sequence[float], recent: Sequence[float]) -> Drift:
    """How far the exponentially weighted moving average of `recent` counts (oldest first) is above `reference`.

    The one-sided EWMA chart of Roberts (1959, Technometrics 1:239-250), with weights w_j = 0.8^j from the latest back,
    made to sum to 1. They are worth n = 1 / sum w_j^2 windows, so n times the average has the mean and
    variance of a count of n windows: it is tested by the negative binomial of alerts/statistics.py, its dispersion
    phi/n for what varies from window to window, and the reference's own uncertainty in full (moments matched, as
    Borror, Champ and Rigdon 1998 do for Poisson counts). The two neighbouring windows that hold most are taken for
    ordinary ones: one bad day, wherever the windows cut it, is a spike, not a drift. Assumes that windows vary
    independently.
    """
    weights = _weights(len(recent))
    size = 1 / math.fsum(w * w for w in weights)
    fitted = fit_baseline(reference)
    summed = fitted.at(size)
    peak = max(range(len(recent) - 1), key=lambda j: recent[j] + recent[j + 1])
    calm = [min(x, fitted.mean) if j in (peak, peak + 1) else x for j, x in enumerate(recent)]
    chance = spike_p_value(size * _dot(weights, calm), summed)
    return Drift(_dot(weights, recent), fitted.mean, chance, summed, size)


def drift(rule: Rule, windows: Windows, now: datetime) -> Mapping[str, Finding] | None:
    """Keys whose negative stories, averaged over the last windows, have crept above those of the time before.

    The last 14 windows (a third of the baseline where that is shorter), the present one included, are judged by the
    older ones. They must hold `min_stories` negative stories. None: no data.
    """
    period = period_of(rule, windows, now)
    if period is None or not anything_arrived(rule, windows, period.start, now):
        return None
    recent = min(RECENT_WINDOWS, (period.whole + 1) // 3)
    if period.whole + 1 - recent < _FEWEST_REFERENCE or recent < 2:
        return None
    begin = now - timedelta(seconds=rule.window_seconds) * recent
    candidates = read_candidates(rule, windows, begin, now)
    if not candidates:
        return {}
    present = read_totals(rule, windows, period.start, now)
    threshold, weights = threshold_of(rule, windows, period).p_below, _weights(recent)
    findings = {}
    for key, past in read_past(rule, windows, period, candidates).items():
        latest = present[key].negative_story_sum if key in present else 0.0
        counts = [*(window.negative_story_sum for window in past), latest]
        measured = Measured(
            kind="drift",
            measure="smoothed negative stories",
            threshold=threshold,
            stories=candidates[key].stories,
            inputs={"counts": counts, "recent": [float(recent)]},
        )
        if _dot(weights, counts[-recent:]) <= math.fsum(counts[:-recent]) / (len(counts) - recent):
            continue  # half of the keys: nothing needs to be fitted
        if measure_drift(counts[:-recent], counts[-recent:]).p_value < threshold:
            findings[key] = drift_finding(measured)
    return with_sources(rule, windows, begin, now, findings)


def drift_finding(measured: Measured) -> Finding:
    """The finding that `measured.inputs` lead to: `counts`, oldest first, of which the last `recent` are judged."""
    counts, recent = measured.inputs["counts"], int(measured.inputs["recent"][0])
    found = measure_drift(counts[:-recent], counts[-recent:])
    lower, upper = found.interval()
    return Finding(found.value, found.expected, found.p_value, replace(measured, lower=lower, upper=upper))


def _weights(count: int) -> list[float]:
    """Those of `count` windows, oldest first; they sum to 1."""
    weights = [(1 - SMOOTHING) ** j for j in range(count)][::-1]
    return [w / math.fsum(weights) for w in weights]


def _dot(weights: Sequence[float], counts: Sequence[float]) -> float:
    return math.fsum(w * x for w, x in zip(weights, counts, strict=True))
