"""How many false alarms a week to expect, without waiting for them: the chance of one after each of many pasts."""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from alerts.budget import WEEK_SECONDS, Threshold, count_clusters, threshold_from
from alerts.statistics import Baseline, spike_p_value
from bench.false_alarm_streams import MIN_STORIES, START, Setting, Stream, baseline_of, draw, scope_profile

KEYS = 10  # of each draw; the scope's season is theirs
_MOST = 10**6


@dataclass(frozen=True)
class Past:
    """What the rule expects of a window after it, and what the stream will truly bring."""

    baseline: Baseline
    truth: Baseline


def known(mean: float, dispersion: float) -> Baseline:
    """The truth, as a baseline that leaves nothing to doubt."""
    return Baseline(mean, 1, np.inf, np.ones(1), np.full(1, dispersion), np.ones(1), np.ones(1))


def pasts(
    random: np.random.Generator, setting: Setting, stream: Stream, rate: float, count: int, p_below: float
) -> list[Past]:
    """`count` keys' pasts, ending at hours of the week spread evenly. `setting.step` is an hour."""
    found = []
    for hour in np.linspace(0, setting.week, max(1, count // KEYS), endpoint=False).astype(int).tolist():
        mean = stream.means(setting, rate, setting.week + setting.warm_up)[hour : hour + setting.warm_up]
        counts = draw(random, setting, stream, KEYS, mean)
        first = START + timedelta(hours=hour)
        worth = scope_profile(setting, counts, first)
        usual, present = float(mean.mean()) * setting.window, float(mean[-setting.window :].sum())
        dispersion = stream.dispersion * (usual / present if stream.clumped else 1.0)
        truth = known(present, dispersion)
        for row in counts:
            windows = row[: -setting.window].reshape(-1, setting.window).sum(1).tolist()
            found.append(Past(baseline_of(setting, windows, worth, first, p_below), truth))
    return found


def alarms_a_week(past: Past, threshold: Threshold, setting: Setting) -> float:
    """Those that the truth brings of counts that fire: the chance of the least of them, times its clusters."""

    def fires(count: int) -> bool:
        return spike_p_value(count, past.baseline) < threshold.of(count, past.baseline)

    least = bisect_left(range(_MOST), True, lo=int(MIN_STORIES), key=fires)
    return rate_of(least, past.truth, setting)


def rate_of(count: int, truth: Baseline, setting: Setting) -> float:
    """How many times a week and key a sliding window comes to hold `count` or more."""
    clusters = count_clusters(count, truth)
    return spike_p_value(count, truth) * clusters * WEEK_SECONDS / setting.seconds


def nearest(setting: Setting, stream: Stream, keys: int, rate: float, budget: float) -> float:
    """Of the rates that a fixed whole count of 4 or more gives, the truth being known, that nearest to the budget."""
    mean = float(stream.means(setting, rate, setting.window).sum())
    truth = known(mean, stream.dispersion)
    least = bisect_left(
        range(_MOST),
        True,
        lo=max(int(MIN_STORIES), int(mean)),
        key=lambda count: keys * rate_of(count, truth, setting) <= budget,
    )
    around = [keys * rate_of(count, truth, setting) for count in (least - 1, least) if count >= MIN_STORIES]
    return min(around, key=lambda each: abs(np.log(max(each, 1e-9) / budget)))


def expected(
    random: np.random.Generator,
    setting: Setting,
    stream: Stream,
    keys: int,
    rate: float,
    count: int,
    budget: float,
) -> float:
    """False alarms a week over so many keys like those of `count` pasts, in the mean."""
    threshold = threshold_from(budget, keys, setting.seconds)
    found = pasts(random, setting, stream, rate, count, threshold.p_below)
    return keys * float(np.mean([alarms_a_week(past, threshold, setting) for past in found]))
