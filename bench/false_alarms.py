"""What the budget of false alarms is worth: realised against promised on streams without news, and spikes found.

    .venv/bin/python -m bench.false_alarms [--scale 1.0] [--seed 1] [--parts spikes,hour,day]

Negative stories of independent keys, a quarter of the items, are drawn every 10 minutes (5 for the window of 1 hour):
Poisson, or over-dispersed so that a window's count is negative binomial with dispersion 0.5 wherever the window begins
(a gamma process); the season is a sine over the day (0.4 to 1.6) with weekends at 0.4. Baselines are those of the rule
at each moment, thresholds those of `budget_threshold`, p-values those of the spike condition. An alarm that comes back
within a window length is the same alarm. Nothing is tuned to this table.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table
from scipy.special import gammainc

from alerts.budget import WEEK_SECONDS, budget_threshold
from alerts.season import exposures, own_exposures, profile
from alerts.statistics import fit_baseline, spike_p_value, without_ongoing_burst

Floats = npt.NDArray[np.float64]
START = datetime(2024, 1, 1, tzinfo=UTC)
NEGATIVE = 0.25
MIN_STORIES = 4.0
RATES = (0.1, 1.0, 10.0, 100.0, 1000.0)
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
    def warm_up(self) -> int:
        return self.window * (self.windows + 1)


DAY = Setting("24h, 60d", 600, 144, 60, False)
HOUR = Setting("1h, 28d, seasonal", 300, 12, 672, True)


def season(setting: Setting, steps: int) -> Floats:
    """What each step is worth, mean 1 over a week."""
    hours = np.arange(steps) * setting.step / 3600
    worth = (1 - 0.6 * np.cos(2 * np.pi * hours / 24)) * np.where(hours // 24 % 7 >= 5, 0.4, 1.0)
    return np.asarray(worth / worth[: setting.week].mean() if steps >= setting.week else worth)


def draw(random: np.random.Generator, setting: Setting, keys: int, mean: Floats, dispersion: float) -> Floats:
    """Counts of each key and step; `mean` is that of a step, `dispersion` that of a window of mean steps."""
    if dispersion:
        shape = mean / mean.mean() / (setting.window * dispersion)
        mean = random.gamma(shape, mean.mean() * setting.window * dispersion, (keys, len(mean)))
        return random.poisson(mean).astype(float)
    return random.poisson(mean, (keys, len(mean))).astype(float)


@dataclass
class Key:
    """One key's stream, judged as the spike condition judges it. `total` is its cumulated count, from 0."""

    setting: Setting
    total: Floats
    worth: tuple[float, ...] | None
    threshold: float

    def value(self, end: int) -> float:
        return float(self.total[end] - self.total[end - self.setting.window])

    def p_value(self, end: int) -> float:
        """Of the window that ends before step `end`."""
        window, windows = self.setting.window, self.setting.windows
        counts = np.diff(self.total[end - (windows + 1) * window : end : window]).tolist()
        past, exposure = None, 1.0
        if self.worth is not None:
            seconds = window * self.setting.step
            first = datetime.fromtimestamp(
                START.timestamp() + (end - (windows + 1) * window) * self.setting.step, UTC
            )
            scope = exposures(self.worth, first, seconds, windows + 1)
            past, exposure = own_exposures(counts, scope, seconds)
        kept = without_ongoing_burst(counts, self.threshold, MIN_STORIES, past)
        baseline = fit_baseline(kept, None if past is None else past[: len(kept)], exposure)
        return spike_p_value(self.value(end), baseline)

    def alarms(self, begin: int, end: int) -> list[int]:
        """The ends of the windows with which alarms begin. A day is looked through where its largest count is one."""
        found: list[int] = []
        last = -self.setting.window - 1
        block = self.setting.window
        for at in range(begin, end, block):
            ends = np.arange(at, min(at + block, end))
            values = self.total[ends] - self.total[ends - self.setting.window]
            highest = int(ends[values.argmax()])
            if not self._may_alarm(highest) or self.p_value(highest) >= self.threshold:
                continue
            least = np.inf
            for step, value in zip(ends.tolist(), values.tolist(), strict=True):
                if value < least and (not self._may_alarm(step) or self.p_value(step) >= self.threshold):
                    continue
                least = min(least, value)
                if step - last > self.setting.window:
                    found.append(step)
                last = step
        return found

    def _may_alarm(self, end: int) -> bool:
        """False where even a Poisson count of that mean would not be unusual."""
        value, window = self.value(end), self.setting.window
        past = self.total[end - window] - self.total[end - self.setting.warm_up]
        mean = past / self.setting.windows * (0.1 if self.setting.seasonal else 1.0)
        return value >= MIN_STORIES and float(gammainc(value, max(mean, 1e-9))) < self.threshold


def streams(
    random: np.random.Generator,
    setting: Setting,
    keys: int,
    rate: float,
    dispersion: float,
    weeks: int,
    seasonal: bool,
    threshold: float,
) -> Iterator[Key]:
    steps = setting.warm_up + weeks * setting.week
    mean = rate * NEGATIVE * setting.step / 3600 * (season(setting, steps) if seasonal else np.ones(steps))
    for at in range(0, keys, CHUNK):
        counts = draw(random, setting, min(CHUNK, keys - at), mean, dispersion)
        worth = None
        if setting.seasonal:
            per_hour = 3600 // setting.step
            whole = setting.warm_up // per_hour * per_hour
            hourly = counts[:, :whole].sum(0).reshape(-1, per_hour).sum(1)
            worth = profile(hourly.tolist(), START)
        for row in counts:
            yield Key(setting, np.concatenate([[0.0], np.cumsum(row)]), worth, threshold)


def false_alarms(
    random: np.random.Generator,
    setting: Setting,
    keys: int,
    rate: float,
    dispersion: float,
    weeks: int,
    seasonal: bool,
    budget: float = 1.0,
) -> float:
    """Realised alarms a week over all keys."""
    threshold = budget_threshold(budget, keys, setting.window * setting.step)
    begin, end = setting.warm_up, setting.warm_up + weeks * setting.week
    found = streams(random, setting, keys, rate, dispersion, weeks, seasonal, threshold)
    return sum(len(key.alarms(begin, end)) for key in found) / weeks


def detection(
    random: np.random.Generator, setting: Setting, rate: float, dispersion: float, times: float, trials: int
) -> tuple[float, float]:
    """How many of the spikes of `times` the usual rate, one window long, are found, and the median delay in hours."""
    threshold = budget_threshold(1.0, 1000, setting.window * setting.step)
    steps = setting.warm_up + 2 * setting.window
    usual = np.full(steps, rate * NEGATIVE * setting.step / 3600)
    counts = draw(random, setting, trials, usual, dispersion)
    begin = setting.warm_up
    extra = usual[: setting.window] * (times - 1)
    counts[:, begin : begin + setting.window] += draw(random, setting, trials, extra, dispersion)
    delays = []
    for row in counts:
        key = Key(setting, np.concatenate([[0.0], np.cumsum(row)]), None, threshold)
        if found := key.alarms(begin + 1, steps):
            delays.append((found[0] - begin) * setting.step / 3600)
    return len(delays) / trials, float(np.median(delays)) if delays else float("nan")


# Streams: name, dispersion, season. Keys and weeks for each window; at 10,000 keys the middle stream is left out.
STREAMS = (("Poisson", 0.0, False), ("over-dispersed", 0.5, False), ("over-dispersed, season", 0.5, True))
SIZES = {DAY.name: ((10, 60), (100, 8), (1000, 1), (10_000, 1)), HOUR.name: ((10, 3),)}


def alarm_table(random: np.random.Generator, setting: Setting, scale: float, console: Console) -> None:
    table = Table(title=f"false alarms a week, budget 1 ({setting.name})")
    for name in ("stream", "keys", "weeks", *(f"{rate:g}/h" for rate in RATES)):
        table.add_column(name, justify="right")
    for keys, weeks in SIZES[setting.name]:
        weeks = max(1, round(weeks * scale))
        for name, dispersion, seasonal in STREAMS:
            if keys == 10_000 and name == "over-dispersed":
                continue
            realised = [
                false_alarms(random, setting, keys, rate, dispersion, weeks, seasonal) for rate in RATES
            ]
            table.add_row(name, f"{keys:,}", str(weeks), *(f"{each:.2f}" for each in realised))
            console.print(name, keys, weeks, *(round(each, 2) for each in realised))
    console.print(table)


def spike_table(random: np.random.Generator, trials: int, console: Console) -> None:
    table = Table(
        title=f"spikes of one day found, median delay ({DAY.name}, budget 1, 1,000 keys, {trials} each)"
    )
    for name in ("stream", "spike", *(f"{rate:g}/h" for rate in RATES)):
        table.add_column(name, justify="right")
    for name, dispersion, _ in STREAMS[:2]:
        for times in (2.0, 3.0, 5.0):
            found = [detection(random, DAY, rate, dispersion, times, trials) for rate in RATES]
            cells = (f"{part:.0%}" + (f", {hours:.0f} h" if part else "") for part, hours in found)
            table.add_row(name, f"{times:g}x", *cells)
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=1.0, help="weeks and trials are multiplied by this")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parts", default="spikes,hour,day", help="which tables: spikes, hour, day")
    options = parser.parse_args()
    console = Console(width=120)
    parts = options.parts.split(",")
    if "spikes" in parts:
        spike_table(np.random.default_rng(options.seed), max(20, round(40 * options.scale)), console)
    for setting, part in ((HOUR, "hour"), (DAY, "day")):
        if part in parts:
            alarm_table(np.random.default_rng(options.seed), setting, options.scale, console)


if __name__ == "__main__":
    main()
