"""How unlikely a count is, given the counts before it. Pure functions; the formulas are in the docstrings."""

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline
from scipy.special import betainc, gammainc, gammaln

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int_]
# Gamma(1/2, 0) on the rate: Jeffreys' prior for a Poisson rate (Jeffreys 1946).
PRIOR_STORIES = 0.5
# The over-dispersions that are thought possible: from 1/320 to 12.8 in steps of 19 %, each as likely as the next before
# anything is seen; the first shares its chance with four smaller ones, that only busy steady keys are told apart by.
_LEAST = 0.003125
_SMALLER = [_LEAST / 4**n for n in (4, 3, 2, 1)]
DISPERSIONS = (*_SMALLER, *(_LEAST * 2 ** (n / 4) for n in range(49)))
_PRIOR = np.array([0.2] * 5 + [1.0] * 48)
# Their likelihood is computed at every fourth and, being smooth, interpolated between (to a few hundredths).
_KNOTS = np.array([*_SMALLER, *(_LEAST * 2**n for n in range(13))])
_BETWEEN = CubicSpline(np.log(_KNOTS), np.eye(len(_KNOTS)))(np.log(DISPERSIONS))
# Gauss and Hermite's three points of a normal distribution, and their weights.
_POINTS, _POINT_WEIGHTS = np.array([-(3**0.5), 0.0, 3**0.5]), np.array([1, 4, 1]) / 6
# Below this the beta function loses digits, and the Poisson limit is exact to 1e-6.
_POISSON_BELOW = 1e-8
_CENTRAL = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """What a window usually holds: a mixture of negative binomials.

    Each part has a weight (they sum to 1), a mean of its rate times `mean`, and the variance mean + d mean^2, in which
    is the uncertainty of a rate known from `stories`: d = (1 + dispersion)(1 + 1/stories) - 1. `windows` is the number
    of windows it rests on.
    """

    mean: float
    windows: int
    stories: float
    rates: Floats
    dispersions: Floats
    powers: Floats
    weights: Floats

    def at(self, exposure: float) -> "Baseline":
        """That of a window worth so many of this one's: with `power` 1 it has more clumps, with 0 larger ones."""
        dispersions = self.dispersions / exposure**self.powers
        return replace(self, mean=exposure * self.mean, dispersions=dispersions)


def fit_baseline(
    counts: Sequence[float],
    exposures: Sequence[float] | None = None,
    exposure: float = 1.0,
    doubt: float = 0.0,
) -> Baseline:
    """The predictive distribution of one more count of `exposure` after `counts` (one per window).

    An exposure is how much of a usual window a window is worth (its season; all 1 where not given). With counts
    x_i of sum S, exposures e_i of sum E and a rate of S/E a window: mean = e (S + 1/2) / E, the posterior mean of a
    Poisson rate under Jeffreys' prior, so an all-zero baseline is small but not zero. The over-dispersion is not
    estimated but weighed: each phi of DISPERSIONS counts by the likelihood of the counts under it,
    prod_i NB(x_i; mean m e_i, shape e_i^k / phi), times sqrt(1/(S + 1/2) + u) for the rate being fitted to the same
    counts (adjusted profile likelihood, Cox and Reid 1987). k = 1 where a busier hour has more clumps of stories, 0
    where it has larger ones; with exposures both are weighed alike. An estimate would be too small half of the time,
    and far in the tail that raises more false alarms than it saves (docs/statistics.md). The rate is itself uncertain:
    its squared coefficient of variation is 1/(S + 1/2), a gamma's, which joins the dispersion, and
    u = phi sum e^(2-k) / E^2, with `doubt` of the exposure, a log-normal's, at the three points of Gauss and Hermite.
    ValueError where there are no counts, or wrong ones.
    """
    x = np.asarray(counts, dtype=float)
    if len(x) == 0 or not np.all((x >= 0) & (x < math.inf)):
        raise ValueError("counts must be at least one number, none negative")
    e = np.ones(len(x)) if exposures is None else np.asarray(exposures, dtype=float)
    if e.shape != x.shape or not (np.all(e > 0) and np.all(np.isfinite(e)) and 0 < exposure < math.inf):
        raise ValueError("exposures must be positive numbers, one for each count")
    return _fit(x.tobytes(), e.tobytes(), exposure, doubt)


@lru_cache(maxsize=1024)  # a finding is asked for again by other rules, and with each of its alert's evidence
def _fit(counts: bytes, exposures: bytes, exposure: float, doubt: float) -> Baseline:
    x, e = np.frombuffer(counts), np.frombuffer(exposures)
    n, total = len(x), float(e.sum())
    stories = float(x.sum()) + PRIOR_STORIES
    rate = stories / total
    # x and e come in few different pairs (mostly 0 stories in a usual window): each is computed once.
    pairs, times = np.unique(np.stack([x, e]), axis=1, return_counts=True)
    powers = (1.0,) if np.all(e == 1.0) else (1.0, 0.0)
    likelihood = np.concatenate([_log_likelihood(pairs[0], pairs[1], times, rate, power) for power in powers])
    phi = np.tile(DISPERSIONS, len(powers))
    unknown = (
        phi * np.repeat([float((e ** (2 - power)).sum()) for power in powers], len(DISPERSIONS)) / total**2
    )
    prior = np.tile(_PRIOR, len(powers))
    weights = prior * np.sqrt(1 / stories + unknown) * np.exp(likelihood - likelihood.max())
    weights /= weights.sum()
    rates = np.exp(np.outer(np.sqrt(np.log1p(unknown + doubt)), _POINTS))
    rates /= (rates @ _POINT_WEIGHTS)[:, None]
    usual = Baseline(
        rate,
        n,
        stories,
        rates.ravel(),
        np.repeat(phi, 3),
        np.repeat(powers, 3 * len(DISPERSIONS)),
        np.outer(weights, _POINT_WEIGHTS).ravel(),
    )
    return usual if exposure == 1.0 else usual.at(exposure)


def _log_likelihood(x: Floats, e: Floats, times: Ints, rate: float, power: float) -> Floats:
    """Of counts x with exposures e, each so many times, under each of DISPERSIONS, up to a constant."""
    x, r = x[:, None], e[:, None] ** power / _KNOTS
    spread = rate * e[:, None] / r
    terms = gammaln(x + r) - gammaln(r) - (x + r) * np.log1p(spread) + x * np.log(spread)
    return np.asarray(_BETWEEN @ (times @ terms))


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
    return min(1.0, float(baseline.weights @ tails(value, baseline)))


@lru_cache(maxsize=256)  # a p-value, its threshold and its finding ask for the same
def tails(value: float, baseline: Baseline) -> Floats:
    """The chance of `value` or more under each part of the mixture."""
    means = baseline.mean * baseline.rates
    d = (1 + baseline.dispersions) * (1 + 1 / baseline.stories) - 1
    plain = sys.float_info.min <= value < math.inf and 0 < baseline.mean < math.inf
    if not plain or d.min() < _POISSON_BELOW:
        parts = zip(means.tolist(), d.tolist(), strict=True)
        return np.array([negative_binomial_tail(value, mean, dispersion) for mean, dispersion in parts])
    spread = means * d
    return np.minimum(
        betainc(value, 1 / d, spread / (1 + spread)), 1.0
    )  # at once where none is a special case


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
        if spike_p_value(counts[end - 1], older.at(exposure)) >= p_below:
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
