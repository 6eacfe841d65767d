"""What a window is worth at its hour of the week: the scope's profile, and a key's own shrunk towards it.

An exposure is a window's usual count relative to the average window: 1 everywhere is a stream without a season.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

HOURS = 168
WEEK = timedelta(hours=HOURS)
# How many stories the flat profile weighs in each hour of the week, and the scope's profile in each slot of a key's.
PRIOR_STORIES = 20.0
# What lies further from the middle than this many robust standard deviations is a burst, and no part of the season.
CLIP = 3.0
_MAD = 1.4826  # the standard deviation of a normal distribution, in median absolute deviations
_LEAST = 0.01
_MONDAY = datetime(2024, 1, 1, tzinfo=UTC)


def flat_profile() -> tuple[float, ...]:
    """No season: every hour of the week is worth the same."""
    return (1.0,) * HOURS


def profile(counts: Sequence[float], first: datetime) -> tuple[float, ...]:
    """What each hour of the week (from Monday 00:00 UTC) is worth, mean 1, from hourly `counts` from `first` on.

    `first` is a whole hour. In each hour of the week, counts are cut at median + 3 robust standard deviations (1.4826
    MAD, at least that of a Poisson count), so a past burst is not taken for a habit. With n counts of sum S there, and
    m the mean of all counts: worth = (S + 20) / (n m + 20), the posterior mean of a Gamma(20, 20) multiplier of a
    Poisson rate; hours with few stories stay near 1. Less than a week of counts has no season.
    """
    return _profile(tuple(counts), _hour_of_week(first)) if len(counts) >= HOURS else flat_profile()


@lru_cache(maxsize=16)  # the rules of one evaluation ask for the same
def _profile(counts: tuple[float, ...], first: int) -> tuple[float, ...]:
    values = np.asarray(counts, dtype=float)
    slots = (first + np.arange(len(values))) % HOURS
    middle = _medians(values, slots, HOURS)
    spread = _medians(np.abs(values - middle[slots]), slots, HOURS)
    most = middle + CLIP * np.maximum(_MAD * spread, np.sqrt(np.maximum(middle, 1.0)))
    clipped = np.minimum(values, most[slots])
    sums = np.bincount(slots, clipped, minlength=HOURS)
    times = np.bincount(slots, minlength=HOURS)
    worth = (sums + PRIOR_STORIES) / (times * clipped.mean() + PRIOR_STORIES)
    return tuple(np.maximum(worth / worth.mean(), _LEAST).tolist())


def exposures(worth: Sequence[float], start: datetime, seconds: int, count: int) -> list[float]:
    """What each of `count` windows of `seconds` from `start` on is worth: the profile's mean over the window."""
    total = np.concatenate([[0.0], np.cumsum(worth)])
    begin = (start - _MONDAY) / timedelta(hours=1) % HOURS
    edges = begin + np.arange(count + 1) * (seconds / 3600)
    weeks, within = np.divmod(edges, HOURS)
    area = weeks * total[-1] + np.interp(within, np.arange(HOURS + 1), total)
    return list((np.diff(area) / (seconds / 3600)).tolist())


def own_exposures(
    counts: Sequence[float], scope: Sequence[float], seconds: int
) -> tuple[list[float], float, float]:
    """A key's own exposures, of its past windows and (second) of the present one; (third) how doubtful that one is.

    `scope` has one exposure for each of `counts` and then the present window's. Windows a whole number of weeks apart
    share a slot. With the key's level l = sum of counts / sum of exposures, S the counts of a slot's n windows (each
    cut at 3 Poisson standard deviations above what is expected there, or above the slot's median), E = l times their
    exposures and phi their over-dispersion (by moments within slots, Anscombe 1949; in inverse proportion to the
    exposure, as clumps of stories have it), the slot's factor is 1 + w (S/E - 1), w = 1/20 / (1/20 + 1/E + phi/n): the
    credibility (Buehlmann 1967) of a multiplier of variance 1/20, which for phi = 0 is the Gamma-Poisson
    (S + 20) / (E + 20). So a sparse or fitful key has the scope's season, a busy steady one its own. A past window's
    factor leaves its own count out: it must not explain itself. The doubt is what fitfulness adds to the factor's
    squared coefficient of variation, w^2 phi/n, at most the multiplier's 1/20. Where counts are cut is itself chance,
    so its phi is that of whole counts: the safe side.
    """
    x, e = np.asarray(counts, dtype=float), np.asarray(scope, dtype=float)
    n = len(x)
    week = WEEK.total_seconds()
    back = (n - np.arange(n + 1)) * seconds  # how long before the present window each begins
    slot = np.round(back % week / seconds).astype(int) % max(1, round(week / seconds))
    level = x.sum() / e[:-1].sum()
    if level == 0:
        return e[:-1].tolist(), float(e[-1]), 0.0
    expected = level * e[:-1]
    size = int(slot.max()) + 1
    past, present = slot[:-1], slot[-1]
    middle = np.maximum(expected, _medians(x, past, size)[past])
    cut = np.minimum(x, middle + CLIP * np.sqrt(np.maximum(middle, 1.0)))
    seen, usual = (np.bincount(past, each, minlength=size) for each in (cut, expected))
    times = np.bincount(past, minlength=size)
    phi = _dispersion(cut, past, times) / level / e
    others = _factor(seen[past] - cut, usual[past] - expected, phi[:-1] / np.maximum(times[past] - 1, 1))
    fitful = phi[-1:] / max(1, times[present])
    own = _factor(seen[present], usual[present], fitful)
    whole = _dispersion(x, past, times) / level / e[-1] / max(1, times[present])
    weight = usual[present] / _divisor(usual[present], fitful)
    doubt = min(1 / PRIOR_STORIES, whole * float(weight[0]) ** 2)
    return (e[:-1] * others).tolist(), float(e[-1] * own[0]), doubt


def _dispersion(counts: Floats, slots: npt.NDArray[np.int_], times: npt.NDArray[np.int_]) -> float:
    """By how much the counts of a slot vary more than a Poisson count of their mean, as a part of that mean."""
    mean = np.bincount(slots, counts, minlength=len(times)) / np.maximum(times, 1)
    free = np.maximum(times - 1, 0)
    excess = float(((counts - mean[slots]) ** 2).sum() - free @ mean)
    return max(0.0, excess) / max(float(free @ mean), 1e-9)


def _factor(seen: Floats, usual: Floats, fitful: Floats) -> Floats:
    """1 + w (S/E - 1), written so that nothing is divided by an E of 0; `fitful` is phi/n."""
    return np.maximum(1 + (seen - usual) / _divisor(usual, fitful), _LEAST)


def _divisor(usual: Floats, fitful: Floats) -> Floats:
    """E/w."""
    return PRIOR_STORIES + usual + PRIOR_STORIES * fitful * usual


def _medians(values: Floats, slots: npt.NDArray[np.int_], size: int) -> Floats:
    """The (lower) median of the values of each slot, 0 for a slot without any."""
    ordered = np.append(values[np.lexsort((values, slots))], 0.0)
    times = np.bincount(slots, minlength=size)
    middle = np.cumsum(times) - times + np.maximum(times - 1, 0) // 2
    return np.where(times > 0, ordered[middle], 0.0)


def _hour_of_week(moment: datetime) -> int:
    return int((moment - _MONDAY) / timedelta(hours=1)) % HOURS
