"""Streams without news for bench/false_alarms.py, judged as the spike condition judges them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
from scipy.special import gammainc

from alerts.budget import WEEK_SECONDS, Threshold
from alerts.season import exposures, own_exposures, profile
from alerts.statistics import Baseline, fit_baseline, spike_p_value, without_ongoing_burst

Floats = npt.NDArray[np.float64]
START = datetime(2024, 1, 1, tzinfo=UTC)
NEGATIVE = 0.25
MIN_STORIES = 4.0
CHUNK = 500


@dataclass(frozen=True)
class Setting:
    """A window and baseline in steps of `step` seconds, with or without a seasonal baseline."""

    name: str
    step: int
    window: int
    windows: int
    seasonal: bool

    @property
    def week(self) -> int:
        return WEEK_SECONDS // self.step

    @property
    def seconds(self) -> int:
        return self.window * self.step

    @property
    def warm_up(self) -> int:
        return self.window * (self.windows + 1)


@dataclass(frozen=True)
class Stream:
    """Poisson, or with a window's count negative binomial of `dispersion`; with or without the season.

    Where it is `clumped` stories come in clumps at any moment, and a busy hour has more of them; else the rate is
    another in each window, by the same factor whatever the hour.
    """

    name: str
    dispersion: float
    seasonal: bool
    clumped: bool = True

    def means(self, setting: Setting, rate: float, steps: int) -> Floats:
        """The negative stories that each step brings in the mean, of `rate` items an hour."""
        worth = season(setting, steps) if self.seasonal else np.ones(steps)
        return np.asarray(rate * NEGATIVE * setting.step / 3600 * worth)


def season(setting: Setting, steps: int) -> Floats:
    """What each step is worth, mean 1 over a week: a sine over the day (0.4 to 1.6), and weekends at 0.4."""
    hours = np.arange(steps) * setting.step / 3600
    worth = (1 - 0.6 * np.cos(2 * np.pi * hours / 24)) * np.where(hours // 24 % 7 >= 5, 0.4, 1.0)
    return np.asarray(worth / worth[: setting.week].mean() if steps >= setting.week else worth)


def draw(random: np.random.Generator, setting: Setting, stream: Stream, keys: int, mean: Floats) -> Floats:
    """Counts of each key and step; `mean` is that of a step, the dispersion that of a window of mean steps."""
    if stream.dispersion and stream.clumped:
        shape = mean / mean.mean() / (setting.window * stream.dispersion)
        mean = random.gamma(shape, mean.mean() * setting.window * stream.dispersion, (keys, len(mean)))
        return random.poisson(mean).astype(float)
    if stream.dispersion:
        windows = -(-len(mean) // setting.window)
        factors = random.gamma(1 / stream.dispersion, stream.dispersion, (keys, windows))
        return random.poisson(mean * factors.repeat(setting.window, 1)[:, : len(mean)]).astype(float)
    return random.poisson(mean, (keys, len(mean))).astype(float)


def scope_profile(setting: Setting, counts: Floats, start: datetime) -> tuple[float, ...] | None:
    """The season of all the keys, from the steps before the present window; None for a setting without one."""
    if not setting.seasonal:
        return None
    per_hour = 3600 // setting.step
    whole = (counts.shape[1] - setting.window) // per_hour * per_hour
    return profile(counts[:, :whole].sum(0).reshape(-1, per_hour).sum(1).tolist(), start)


def baseline_of(
    setting: Setting, counts: list[float], worth: tuple[float, ...] | None, first: datetime, p_below: float
) -> Baseline:
    """What the rule expects of the window after `counts`, which begin at `first`."""
    past, exposure, doubt = None, 1.0, 0.0
    if worth is not None:
        scope = exposures(worth, first, setting.seconds, len(counts) + 1)
        past, exposure, doubt = own_exposures(counts, scope, setting.seconds)
    kept = without_ongoing_burst(counts, p_below, MIN_STORIES, past)
    return fit_baseline(kept, None if past is None else past[: len(kept)], exposure, doubt)


@dataclass
class Key:
    """One key's stream. `total` is its cumulated count, from 0."""

    setting: Setting
    total: Floats
    worth: tuple[float, ...] | None
    threshold: Threshold

    def value(self, end: int) -> float:
        return float(self.total[end] - self.total[end - self.setting.window])

    def fires(self, end: int) -> bool:
        """Whether the window does that ends before step `end`."""
        if not self._may_fire(end):
            return False
        begin = end - self.setting.warm_up
        counts = np.diff(self.total[begin : end : self.setting.window]).tolist()
        first = START + begin * timedelta(seconds=self.setting.step)
        baseline = baseline_of(self.setting, counts, self.worth, first, self.threshold.p_below)
        value = self.value(end)
        return spike_p_value(value, baseline) < self.threshold.of(value, baseline)

    def alarms(self, begin: int, end: int) -> list[int]:
        """The ends of the windows with which alarms begin. Looked through where its largest count is one."""
        found: list[int] = []
        block = self.setting.window
        last = -block - 1
        for at in range(begin, end, block):
            ends = np.arange(at, min(at + block, end))
            values = self.total[ends] - self.total[ends - block]
            if not self.fires(int(ends[values.argmax()])):
                continue
            least = np.inf
            for step, value in zip(ends.tolist(), values.tolist(), strict=True):
                if value < least and not self.fires(step):
                    continue
                least = min(least, value)
                if step - last > block:
                    found.append(step)
                last = step
        return found

    def _may_fire(self, end: int) -> bool:
        """False where even a Poisson count of that mean would not be unusual."""
        value, window = self.value(end), self.setting.window
        past = self.total[end - window] - self.total[end - self.setting.warm_up]
        mean = past / self.setting.windows * (0.1 if self.setting.seasonal else 1.0)
        return value >= MIN_STORIES and float(gammainc(value, max(mean, 1e-9))) < self.threshold.most


def keys_of(
    random: np.random.Generator,
    setting: Setting,
    stream: Stream,
    keys: int,
    rate: float,
    weeks: int,
    threshold: Threshold,
) -> Iterator[Key]:
    """So many keys, each with a baseline and `weeks` after it."""
    mean = stream.means(setting, rate, setting.warm_up + weeks * setting.week)
    for at in range(0, keys, CHUNK):
        counts = draw(random, setting, stream, min(CHUNK, keys - at), mean)
        worth = scope_profile(setting, counts[:, : setting.warm_up], START)
        for row in counts:
            yield Key(setting, np.concatenate([[0.0], np.cumsum(row)]), worth, threshold)
