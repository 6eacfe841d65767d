"""What the budget of false alarms is worth: realised against promised on streams without news, and spikes found.

    .venv/bin/python -m bench.false_alarms [--scale 1.0] [--seed 1] [--parts spikes,expected,hour,day]

Negative stories of independent keys, a quarter of the items, are Poisson, or over-dispersed so that a window's count
is negative binomial with dispersion 0.5 wherever the window begins (a gamma process); the season is a sine over the day
(0.4 to 1.6) with weekends at 0.4. A busier hour has more clumps of stories, except in the stream of a fitful rate:
there the rate is another in each window, by the same factor whatever the hour. Rules have a seasonal baseline where the
stream has one, and for the window of 1 hour always. Baselines are those of the rule at each moment, thresholds those of
the budget, p-values those of the spike condition. An alarm that comes back within a window length is the same alarm.

`hour` and `day` draw the stories every 10 minutes (5 for the window of 1 hour) and count the alarms. `expected` draws
pasts alone, finds the least count that would fire after each, and adds up what the truth says of that count: its
chance, times the clusters of sliding windows (alerts/budget.py). So it answers for any number of keys; beside it stands
the rate nearest to the budget that any whole count gives, the truth being known. The steps of the dispersions, the two
shapes and the doubt of the season were chosen by looking at such tables; no constant of theirs was fitted to them.
"""

import argparse
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from rich.console import Console
from rich.table import Table

from alerts.budget import threshold_from
from bench.false_alarm_chances import expected, nearest
from bench.false_alarm_streams import Key, Setting, Stream, draw, keys_of

RATES = (0.1, 1.0, 10.0, 100.0, 1000.0)
DAY = Setting("24h, 60d", 600, 144, 60, False)
HOUR = Setting("1h, 28d", 300, 12, 672, True)
STREAMS = (
    Stream("Poisson", 0.0, False),
    Stream("over-dispersed", 0.5, False),
    Stream("Poisson, season", 0.0, True),
    Stream("over-dispersed, season", 0.5, True),
)
FITFUL = Stream("fitful rate, season", 0.5, True, clumped=False)
KEYS = (10, 100, 1000, 10_000)
# Keys and weeks of the streams that are drawn.
SIZES = {DAY.name: ((10, 60), (100, 8)), HOUR.name: ((10, 8),)}
PASTS = 100


def false_alarms(
    random: np.random.Generator,
    setting: Setting,
    stream: Stream,
    keys: int,
    rate: float,
    weeks: int,
    budget: float = 1.0,
) -> float:
    """Realised alarms a week over all keys."""
    threshold = threshold_from(budget, keys, setting.seconds)
    begin, end = setting.warm_up, setting.warm_up + weeks * setting.week
    found = keys_of(random, setting, stream, keys, rate, weeks, threshold)
    return sum(len(key.alarms(begin, end)) for key in found) / weeks


def detection(
    random: np.random.Generator, setting: Setting, stream: Stream, rate: float, times: float, trials: int
) -> tuple[float, float]:
    """How many of the spikes of `times` the usual rate, one window long, are found, and the median delay in hours."""
    threshold = threshold_from(1.0, 1000, setting.seconds)
    steps = setting.warm_up + 2 * setting.window
    usual = stream.means(setting, rate, steps)
    counts = draw(random, setting, stream, trials, usual)
    begin = setting.warm_up
    extra = usual[: setting.window] * (times - 1)
    counts[:, begin : begin + setting.window] += draw(random, setting, stream, trials, extra)
    delays = []
    for row in counts:
        key = Key(setting, np.concatenate([[0.0], np.cumsum(row)]), None, threshold)
        if found := key.alarms(begin + 1, steps):
            delays.append((found[0] - begin) * setting.step / 3600)
    return len(delays) / trials, float(np.median(delays)) if delays else float("nan")


def for_stream(setting: Setting, stream: Stream) -> Setting:
    """The setting with a seasonal baseline where the stream has a season."""
    return replace(setting, seasonal=setting.seasonal or stream.seasonal)


def alarm_table(seed: int, setting: Setting, scale: float, console: Console) -> None:
    rows = []
    for keys, weeks in SIZES[setting.name]:
        weeks = max(1, round(weeks * scale))
        for stream in STREAMS:
            cells = []
            for rate in RATES:
                random = np.random.default_rng(seed)
                realised = false_alarms(random, for_stream(setting, stream), stream, keys, rate, weeks)
                cells.append(f"{realised:.2f}")
            rows.append((stream.name, f"{keys:,}", str(weeks), *cells))
    _print(console, f"false alarms a week, budget 1 ({setting.name})", ("stream", "keys", "weeks"), rows)


def expected_table(seed: int, setting: Setting, count: int, console: Console) -> None:
    hourly = replace(setting, step=3600, window=setting.seconds // 3600)
    rows = []
    for stream in (*STREAMS, FITFUL):
        for keys in KEYS:
            cells = []
            for rate in RATES:
                random = np.random.default_rng(seed)
                found = expected(random, for_stream(hourly, stream), stream, keys, rate, count, 1.0)
                best = "" if stream.seasonal else f" ({nearest(hourly, stream, keys, rate, 1.0):.2f})"
                cells.append(f"{found:.2f}{best}")
            rows.append((stream.name, f"{keys:,}", *cells))
    title = f"expected false alarms a week, budget 1 ({setting.name}); in brackets what whole counts allow"
    _print(console, title, ("stream", "keys"), rows)


def spike_table(seed: int, trials: int, console: Console) -> None:
    rows = []
    for stream in STREAMS[:2]:
        for times in (2.0, 3.0, 5.0):
            found = [
                detection(np.random.default_rng(seed), DAY, stream, rate, times, trials) for rate in RATES
            ]
            cells = (f"{part:.0%}" + (f", {hours:.0f} h" if part else "") for part, hours in found)
            rows.append((stream.name, f"{times:g}x", *cells))
    title = f"spikes of one day found, median delay ({DAY.name}, budget 1, 1,000 keys, {trials} each)"
    _print(console, title, ("stream", "spike"), rows)


def _print(console: Console, title: str, names: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    table = Table(title=title)
    for name in (*names, *(f"{rate:g}/h" for rate in RATES)):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=1.0, help="weeks and trials are multiplied by this")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parts", default="spikes,expected,hour,day", help="which tables, of these four")
    options = parser.parse_args()
    console = Console(width=120)
    parts = options.parts.split(",")
    if "spikes" in parts:
        spike_table(options.seed, max(20, round(100 * options.scale)), console)
    for setting in (HOUR, DAY):
        if "expected" in parts:
            expected_table(options.seed, setting, max(20, round(PASTS * options.scale)), console)
    for setting, part in ((HOUR, "hour"), (DAY, "day")):
        if part in parts:
            alarm_table(options.seed, setting, options.scale, console)


if __name__ == "__main__":
    main()
