"""Drop: the mean sentiment of the window is lower than a key's own past explains."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from scipy.special import stdtr, stdtrit

from alerts.conditions.reading import (
    anything_arrived,
    period_of,
    read_totals,
    threshold_of,
    with_sources,
)
from alerts.conditions.weighing import Worth, items_of
from alerts.finding import Finding
from alerts.measures import MEASURE_WORDS
from alerts.protocols import Windows
from alerts.rule import Rule
from tidings.types import Measured

# Windows that all say the same (a feed of one kind of news) are not taken for certainty.
LEAST_SPREAD = 0.05
_FEWEST_WINDOWS = 3


@dataclass(frozen=True, slots=True)
class MeanBaseline:
    """A window's mean sentiment as its past leads to expect it: the mean, its standard error, degrees of freedom."""

    mean: float
    error: float
    freedom: int

    def p_value(self, value: float) -> float:
        """The chance of `value` or less."""
        return float(stdtr(self.freedom, (value - self.mean) / self.error))

    def interval(self) -> tuple[float, float]:
        """Where 95 % of such windows lie."""
        half = float(stdtrit(self.freedom, 0.975)) * self.error
        return max(-1.0, self.mean - half), min(1.0, self.mean + half)


def fit_mean(sums: Sequence[float], items: Sequence[float], present: float) -> MeanBaseline | None:
    """What to expect of the mean of `present` items, after windows with these sums of sentiment and items.

    Student's t for one more window (one-way analysis of variance; Snedecor and Cochran, Statistical Methods, ch. 13):
    with window means m_i of n_i items, M = sum n_i m_i / N, the mean square between windows
    s^2 = sum n_i (m_i - M)^2 / (k - 1) holds both the spread of items and that of windows. The error is
    sqrt(s^2 / n + s^2 / N), n the present items but no more than the windows usually have, because a window's own
    mood does not average out; s is at least 0.05. None with fewer than 3 windows that hold items.
    """
    pairs = [(total / n, n) for total, n in zip(sums, items, strict=True) if n > 0]
    if len(pairs) < _FEWEST_WINDOWS or present <= 0:
        return None
    total = sum(n for _, n in pairs)
    mean = math.fsum(m * n for m, n in pairs) / total
    square = math.fsum(n * (m - mean) ** 2 for m, n in pairs) / (len(pairs) - 1)
    usual = min(present, total / len(pairs))
    spread = max(LEAST_SPREAD, math.sqrt(square))
    return MeanBaseline(mean, spread * math.sqrt(1 / usual + 1 / total), len(pairs) - 1)


def drop(rule: Rule, windows: Windows, now: datetime) -> Mapping[str, Finding] | None:
    """Keys with `min_stories` or more stories in [now - window, now) whose mean sentiment is unusually low.

    None: no data.
    """
    period = period_of(rule, windows, now)
    if period is None or not anything_arrived(rule, windows, period.start, now):
        return None
    candidates = {
        key: total
        for key, total in read_totals(rule, windows, period.start, now).items()
        if total.stories >= rule.min_stories and total.items
    }
    if not candidates:
        return {}
    threshold = threshold_of(rule, windows, period).p_below
    findings = {}
    worth = items_of(rule, windows, period, candidates)
    for key in worth:
        measured = Measured(
            kind="drop",
            measure=MEASURE_WORDS["sentiment"],
            direction="below",
            threshold=threshold,
            stories=candidates[key].stories,
            inputs=_inputs(worth[key]),
        )
        finding = drop_finding(measured)
        if finding is not None and finding.p_value < threshold:
            findings[key] = finding
    return with_sources(rule, windows, period.start, now, findings)


def drop_finding(measured: Measured) -> Finding | None:
    """The finding that `measured.inputs` lead to; None where the baseline holds too little to say.

    `sentiment_sums` and `items` of the baseline's windows, `present` the sum and the items of the present one; all as
    their sources weigh.
    """
    total, present = measured.inputs["present"]
    baseline = fit_mean(measured.inputs["sentiment_sums"], measured.inputs["items"], present)
    if baseline is None:
        return None
    value = total / present
    lower, upper = baseline.interval()
    return Finding(value, baseline.mean, baseline.p_value(value), replace(measured, lower=lower, upper=upper))


def _inputs(worth: Sequence[Worth]) -> dict[str, list[float]]:
    *past, present = worth
    return {
        "sentiment_sums": [total for total, _ in past],
        "items": [items for _, items in past],
        "present": list(present),
    }
