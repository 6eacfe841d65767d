"""How unlikely a count is, given the counts before it. Pure functions; the formulas are in the docstrings."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import betainc, gammainc

# Gamma(1/2, 0) on the rate: Jeffreys' prior for a Poisson rate (Jeffreys 1946).
PRIOR_STORIES = 0.5
# What over-dispersion is taken to be where nothing is known, and how many stories that belief weighs.
PRIOR_DISPERSION = 0.5
PRIOR_DISPERSION_STORIES = 5.0
# Below this the beta function loses digits, and the Poisson limit is exact to 1e-6.
_POISSON_BELOW = 1e-8


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a window usually holds: variance = mean + dispersion * mean**2."""

    mean: float
    dispersion: float
    windows: int


def fit_baseline(counts: Sequence[float]) -> Baseline:
    """The predictive mean and over-dispersion of one more count after `counts` (one per window).

    With n counts of sum S: mean = (S + 1/2) / n, the posterior mean of a Poisson rate under Jeffreys' prior,
    so an all-zero baseline is small but not zero. The over-dispersion is the method-of-moments one of
    Anscombe (1949), phi = (s^2 - S/n) / (S/n)^2, not below 0, shrunk by the stories it rests on:
    phi' = (S phi + 5 * 1/2) / (S + 5). The rate is itself uncertain: its posterior has shape k = S + 1/2,
    a squared coefficient of variation of 1/k. Both multiply: dispersion = (1 + phi')(1 + 1/k) - 1.
    """
    n = len(counts)
    if n == 0 or not all(0 <= count < math.inf for count in counts):
        raise ValueError("counts must be at least one number, none negative")
    total = math.fsum(counts)
    average = total / n
    phi = 0.0
    if n > 1 and average**2 > 0:  # a denormal average squares to 0
        variance = math.fsum((count - average) ** 2 for count in counts) / (n - 1)
        phi = max(0.0, (variance - average) / average**2)
    shrunk = (total * phi + PRIOR_DISPERSION_STORIES * PRIOR_DISPERSION) / (total + PRIOR_DISPERSION_STORIES)
    shape = total + PRIOR_STORIES
    return Baseline(shape / n, (1 + shrunk) * (1 + 1 / shape) - 1, n)


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
    if value <= 0:
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
    return negative_binomial_tail(value, baseline.mean, baseline.dispersion)


def without_ongoing_burst(counts: Sequence[float], p_below: float, minimum: float) -> Sequence[float]:
    """`counts` without the run of spikes at its end, so that a burst's first windows do not hide its next.

    A count is part of the run when it is at least `minimum` and its chance under the older counts is below
    `p_below`. The run is at most a tenth of the counts: what lasts longer is the new normal. Earlier bursts
    stay: a name that bursts now and then needs a bigger one to count as news.
    """
    most = len(counts) // 10
    end = len(counts)
    if most == 0 or counts[-1] < minimum:
        return counts
    older = fit_baseline(counts[:-most])
    while end > len(counts) - most and counts[end - 1] >= minimum:
        if spike_p_value(counts[end - 1], older) >= p_below:
            break
        end -= 1
    return counts[:end]
