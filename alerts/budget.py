"""From a budget of false alarms to a threshold: how small a chance must be before it may raise an alert."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from alerts.statistics import Baseline, tails

WEEK_SECONDS = 7 * 86_400
_HALVINGS = 60
_LARGEST = 0.1
_SMALLEST = 1e-15
_CLUMPS = 4.0
_TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Threshold:
    """The chance below which a rule fires: `p_below`; with `allowed` false alarms a key and window, a count's own."""

    p_below: float
    allowed: float | None = None

    @property
    def most(self) -> float:
        """The largest that a count's may be."""
        return self.p_below if self.allowed is None else min(_LARGEST, self.allowed)

    def of(self, value: float, baseline: Baseline) -> float:
        """That of a count of `value` under `baseline`: so small that such counts come `allowed` times a window."""
        if self.allowed is None:
            return self.p_below
        return min(_LARGEST, self.allowed / count_clusters(value, baseline))


def threshold_from(budget_per_week: float, keys: int, window_seconds: int) -> Threshold:
    """The threshold with which a rule raises about `budget_per_week` false alarms over all keys.

    Each key is allowed budget * window / (week * keys) of them a window length: a union bound over keys and windows
    (exact for rare, independent alarms). A count fires when its chance, times the alarms that sliding windows make of
    each (`count_clusters`), is below that; `p_below` is the same for what varies as a Gaussian sum does. Windows are
    evaluated far more often than their length (every minute), and what fires again within a window length is one
    alarm. At most 0.1. ValueError where an argument is not positive.
    """
    if not (budget_per_week > 0 and keys > 0 and window_seconds > 0):
        raise ValueError("budget, keys and window must be greater than 0")
    allowed = budget_per_week * window_seconds / (WEEK_SECONDS * keys)
    return Threshold(_gaussian(allowed), allowed)


def gaussian_clusters(p_value: float) -> float:
    """How many separate alarms one key raises per window length, for each alarm that apart windows would raise.

    Windows that slide overlap, so exceedances come in clusters; what a person gets is a cluster. The sum in a
    sliding window has the correlation 1 - |t|/W, and for such a process the clusters above a high level z come at the
    rate z^2 P(Z > z) per window length (Pickands 1969 with alpha = 1, whose constant is exactly 1; Leadbetter, Lindgren
    and Rootzen 1983, theorem 12.2.9). At least 1.
    """
    z = float(ndtri(p_value))
    return max(1.0, z * z)


def count_clusters(value: float, baseline: Baseline) -> float:
    """The same for counts of `value` or more: the mean over the baseline's parts, each weighed by its chance of that.

    For a Poisson count of mean m, a = (v - m) P(X = v) / P(X >= v), the scan statistic's rate of first crossings (Alm
    1983; Aldous 1989). Over-dispersed stories come in clumps, and the fewer the clumps the fewer the ways to
    begin anew: 1/c = 1/a + sqrt(phi)/4. That term, and its constant, describe a simulated gamma process (to 15 % for
    phi from 0 to 2 and chances from 1e-2 to 1e-5: tests/unit/test_alerts_budget.py). At least 1.
    """
    now = tails(value, baseline)
    begins = (value - baseline.mean * baseline.rates) * (now - tails(value + 1, baseline))
    fewer = now / np.maximum(begins, _TINY) + np.sqrt(baseline.dispersions) / _CLUMPS
    clusters = 1 / np.maximum(fewer, _TINY)
    share = baseline.weights * now
    total = float(share.sum())
    return float(share @ np.maximum(clusters, 1.0)) / total if total > 0 else 1.0


def _gaussian(allowed: float) -> float:
    """The p-value with p * gaussian_clusters(p) = allowed."""
    low, high = _SMALLEST, _LARGEST
    if gaussian_clusters(high) * high <= allowed:
        return high
    for _ in range(_HALVINGS):  # p * clusters(p) grows with p below 0.1
        middle = (low * high) ** 0.5
        low, high = (middle, high) if gaussian_clusters(middle) * middle <= allowed else (low, middle)
    return low
