"""The pictures of docs/statistics.md (needs matplotlib, a dev dependency).

.venv/bin/python -m bench.statistics_plots [--folder docs/img]
"""

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np

from alerts.budget import WEEK_SECONDS, count_clusters, threshold_from
from alerts.season import profile
from alerts.statistics import fit_baseline, interval, spike_p_value
from bench.false_alarm_chances import known
from bench.false_alarm_streams import START

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.figure import Figure


def tail_plot(file: Path) -> None:
    """The chance of a count under three pasts with the same mean."""
    figure, axes = plt.subplots(figsize=(6, 3.2))
    pasts = {
        "steady": [1.0, 1.0] * 30,
        "as chance has it": [0.0, 1.0, 0.0, 3.0] * 15,
        "in bursts": ([0.0] * 9 + [10.0]) * 6,
    }
    counts = np.arange(0, 26)
    for name, past in pasts.items():
        baseline = fit_baseline(past)
        axes.semilogy(
            counts,
            [spike_p_value(float(k), baseline) for k in counts],
            label=f"{name}, 95 % in {interval(baseline)}",
        )
    axes.axhline(0.001, color="grey", linewidth=0.8)
    axes.set(
        xlabel="negative stories in a day (60 days with 60 before)",
        ylabel="chance of so many",
        ylim=(1e-9, 1.5),
    )
    axes.legend(fontsize=8)
    _save(figure, file)


def budget_plot(file: Path) -> None:
    """Threshold against the number of keys, for counts of a day that come one by one, or in clumps."""
    figure, axes = plt.subplots(figsize=(6, 3.2))
    keys = np.logspace(0, 5, 40).astype(int)
    for name, dispersion in (
        ("Poisson, 60 a day", 0.0),
        ("over-dispersed, 0.5", 0.5),
        ("over-dispersed, 2", 2.0),
    ):
        truth = known(60.0, dispersion)
        counts = np.arange(70.0, 120.0 if dispersion == 0 else 3000.0, 2.0)
        chances = np.array([spike_p_value(count, truth) for count in counts])
        alarms = chances * [count_clusters(count, truth) for count in counts]
        axes.loglog(86_400 / WEEK_SECONDS / alarms, chances, label=name)
    gaussian = [threshold_from(1.0, int(k), 86_400).p_below for k in keys]
    axes.loglog(keys, gaussian, color="grey", linewidth=0.8, label="a Gaussian sum")
    axes.set(xlabel="keys at risk", ylabel="chance for 1 false alarm a week", xlim=(1, 1e5), ylim=(1e-8, 0.1))
    axes.legend(fontsize=8)
    _save(figure, file)


def season_plot(file: Path) -> None:
    """The profile found from eight weeks of a stream with a season and a burst in it."""
    hours = np.arange(168)
    worth = (1 - 0.6 * np.cos(2 * np.pi * hours / 24)) * np.where(hours >= 120, 0.4, 1.0)
    counts = np.random.default_rng(1).poisson(30 * np.tile(worth, 8)).astype(float)
    counts[3 * 168 + 60 : 3 * 168 + 66] *= 8
    figure, axes = plt.subplots(figsize=(6, 3.2))
    axes.plot(hours, worth / worth.mean(), color="grey", label="true")
    axes.plot(
        hours, counts.reshape(8, 168).mean(0) / counts.mean(), linewidth=0.8, label="plain mean, with a burst"
    )
    axes.plot(hours, profile(counts.tolist(), START), label="profile")
    axes.set(xlabel="hour of the week (Monday 00:00 UTC is 0)", ylabel="worth of the hour")
    axes.legend(fontsize=8)
    _save(figure, file)


def _save(figure: Figure, file: Path) -> None:
    figure.tight_layout()
    figure.savefig(file, dpi=80)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("docs/img"))
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    tail_plot(folder / "statistics_tail.png")
    budget_plot(folder / "statistics_budget.png")
    season_plot(folder / "statistics_season.png")


if __name__ == "__main__":
    main()
