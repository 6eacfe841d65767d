"""How unlikely a count is, given the counts before it. Pure functions; the formulas are in the docstrings."""

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.special import betainc, gammainc, gammaln

# Gamma(1/2, 0) on the rate: Jeffreys' prior for a Poisson rate (Jeffreys 1946).
PRIOR_STORIES = 0.5
# The over-dispersions that are thought possible, each as likely as the next before anything is seen.
DISPERSIONS = (0.003, 0.0125, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8)
# Below this the beta function loses digits, and the Poisson limit is exact to 1e-6.
_POISSON_BELOW = 1e-8
_CENTRAL = 0.95


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a window usually holds: a mixture of negative binomials, variance = mean + dispersion * mean**2.

    `dispersion` is the one figure to show: the mean of `dispersions` under `weights` (which sum to 1).
    `windows` is the number of windows it rests on.
    """

    mean: float
    dispersion: float
    windows: int
    dispersions: tuple[float, ...]
    weights: tuple[float, ...]


def fit_baseline(
    counts: Sequence[float], exposures: Sequence[float] | None = None, exposure: float = 1.0
) -> Baseline:
    """The predictive distribution of one more count of `exposure` after `counts` (one per window).

    An exposure is how much of a usual window a window is worth (its season; all 1 where not given). With counts
    x_i of sum S, exposures e_i of sum E and a rate of S/E a window: mean = e (S + 1/2) / E, the posterior mean of a
    Poisson rate under Jeffreys' prior, so an all-zero baseline is small but not zero. The over-dispersion is not
    estimated but weighed: each phi of DISPERSIONS counts by the likelihood of the counts under it,
    prod_i NB(x_i; mean m e_i, variance m e_i + phi (m e_i)^2), all equally likely before. An estimate would be too
    small half of the time, and far in the tail that raises more false alarms than it saves (docs/statistics.md). The
    rate is itself uncertain: squared coefficient of variation 1/(S + 1/2) + phi/n. Both multiply: the predictive
    dispersion is (1 + phi)(1 + 1/(S + 1/2) + phi/n) - 1. ValueError where there are no counts, or wrong ones.
    """
    x = np.asarray(counts, dtype=float)
    if len(x) == 0 or not np.all((x >= 0) & (x < math.inf)):
        raise ValueError("counts must be at least one number, none negative")
    e = np.ones(len(x)) if exposures is None else np.asarray(exposures, dtype=float)
    if e.shape != x.shape or not (np.all(e > 0) and np.all(np.isfinite(e)) and 0 < exposure < math.inf):
        raise ValueError("exposures must be positive numbers, one for each count")
    return _fit(x.tobytes(), e.tobytes(), exposure)


@lru_cache(maxsize=1024)  # a finding is asked for again by other rules, and with each of its alert's evidence
def _fit(counts: bytes, exposures: bytes, exposure: float) -> Baseline:
    x, e = np.frombuffer(counts), np.frombuffer(exposures)
    n = len(x)
    shape = float(x.sum()) + PRIOR_STORIES
    rate = shape / float(e.sum())
    phi = np.array(DISPERSIONS)
    # x and e come in few different pairs (mostly 0 stories in a usual window): each is computed once.
    pairs, times = np.unique(np.stack([x, e]), axis=1, return_counts=True)
    x, mean, r = pairs[0][:, None], rate * pairs[1][:, None], 1 / phi
    spread = phi * mean
    terms = gammaln(x + r) - gammaln(r) - (x + r) * np.log1p(spread) + x * np.log(spread)
    likelihood = times @ terms
    weights = np.exp(likelihood - likelihood.max())
    weights /= weights.sum()
    predictive = (1 + phi) * (1 + 1 / shape + phi / n) - 1
    return Baseline(
        exposure * rate,
        float(weights @ predictive),
        n,
        tuple(predictive.tolist()),
        tuple(weights.tolist()),
    )


def negative_binomial_tail(value: float, mean: float, dispersion: float) -> float:
    """P(X >= value) for X negative binomial with variance mean + dispersion * mean**2.

    With r = 1 / dispersion and q = mean / (mean + r) it is the regularised incomplete beta function
    I_q(value, r) (DLMF 8.17; Johnson, Kemp and Kotz, Univariate Discrete Distributions, 5.6), exact at whole
    values and smooth between them, so sums of probabilities can be tested. Where dispersion goes to 0 it is
    the Poisson tail P(value, mean), the regularised incomplete gamma function. 1 for value <= 0; never
    increasing in value.
    """
    if not (mean >= 0 and dispersion >= 0 and math.isfinite(mean + dispersion) and not math.isnan(value)):
        raise ValueError("mean and dispersion must be finite and not negative, value a number")
    if value <= 0 or (value < sys.float_info.min and mean > 0):  # SciPy answers 0 for denormal values, not 1
        return 1.0
    if mean == 0 or value == math.inf:
        return 0.0
    if dispersion < _POISSON_BELOW:
        return min(1.0, float(gammainc(value, mean)))  # SciPy rounds to a hair above 1
    # mean / (mean + 1 / dispersion), written so that neither term overflows.
    q = mean * dispersion / (1 + mean * dispersion)
    return min(1.0, float(betainc(value, 1 / dispersion, q)))


def spike_p_value(value: float, baseline: Baseline) -> float:
    """The chance of `value` or more in one window of `baseline`."""
    tails = _tails(value, baseline.mean, baseline.dispersions)
    return min(1.0, math.fsum(w * tail for w, tail in zip(baseline.weights, tails, strict=True)))


def _tails(value: float, mean: float, dispersions: Sequence[float]) -> list[float]:
    """negative_binomial_tail for each dispersion, in one call where none is a special case."""
    plain = sys.float_info.min <= value < math.inf and 0 < mean < math.inf
    if not plain or min(dispersions) < _POISSON_BELOW:
        return [negative_binomial_tail(value, mean, one) for one in dispersions]
    d = np.array(dispersions)
    tails = betainc(value, 1 / d, mean * d / (1 + mean * d))
    return np.minimum(tails, 1.0).tolist()  # type: ignore[no-any-return]  # numpy's tolist is Any


@lru_cache(maxsize=1024)
def interval(baseline: Baseline) -> tuple[float, float]:
    """The whole numbers between which the baseline's central 95 % lie: at most 2.5 % below, at most 2.5 % above."""
    side = (1 - _CENTRAL) / 2
    # The largest k with P(X < k) <= side, and the smallest with P(X > k) <= side.
    lower = _first(lambda k: spike_p_value(k + 1, baseline) < 1 - side)
    return float(lower), float(_first(lambda k: spike_p_value(k + 1, baseline) <= side))


def without_ongoing_burst(
    counts: Sequence[float],
    p_below: float,
    minimum: float,
    exposures: Sequence[float] | None = None,
) -> Sequence[float]:
    """`counts` without the run of spikes at its end, so that a burst's first windows do not hide its next.

    A count is part of the run when it is at least `minimum` and its chance under the older counts is below
    `p_below`. The run is at most a tenth of the counts: what lasts longer is the new normal. Earlier bursts
    stay: a name that bursts now and then needs a bigger one to count as news.
    """
    most = len(counts) // 10
    end = len(counts)
    if most == 0 or counts[-1] < minimum:
        return counts
    older = fit_baseline(counts[:-most], None if exposures is None else exposures[:-most])
    while end > len(counts) - most and counts[end - 1] >= minimum:
        exposure = 1.0 if exposures is None else exposures[end - 1]
        if spike_p_value(counts[end - 1], replace(older, mean=exposure * older.mean)) >= p_below:
            break
        end -= 1
    return counts[:end]


def _first(holds: Callable[[int], bool]) -> int:
    """The smallest whole number, 0 or more, from which on `holds`."""
    high = 1
    while not holds(high):
        high *= 2
    low = -1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
