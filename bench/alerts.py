"""How long an evaluation of the alert engine takes, and how that grows with rules and with keys.

    .venv/bin/python -m bench.alerts [--rules 200] [--keys 5000] [--store]

Two months of stories about names (a few common, most of them rare, as in news), and bursts about five names in the last
hour; the rules are spikes over windows of 1 to 24 hours with thresholds, budgets, seasons and watch lists of their own.
Timed is `Engine.evaluate`, reads, statistics and evidence included, in CPU seconds of this process, so that a busy
machine does not count: the first of all, in which every burst fires for every rule that watches it, the median of the
minutes after it, the first evaluation of the next day, and a look at a minute that is running. As it comes the windows
lie in memory; with --store they and the alerts are in an embedded store, with wall seconds as well.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from alerts.backtest import MemoryHistory
from alerts.engine import Engine
from alerts.memory_windows import MemoryWindows
from alerts.protocols import History, Windows
from alerts.rule import Rule
from store.store import Store, open_store
from tidings.clock import midnight
from tidings.settings import StoreSettings
from tidings.types import Item, Prediction, Scope, ScoredItem

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 63
NOW = START + timedelta(days=61, hours=12)
STORIES_PER_KEY = 40
MINUTES = 3
_INSERT = 50_000


class Taken(NamedTuple):
    """How many alerts fired at once, and the CPU and wall seconds of each kind of evaluation."""

    alerts: int
    first: tuple[float, float]
    minute: tuple[float, float]
    next_day: tuple[float, float]
    look: tuple[float, float]


def items_of(keys: int, seed: int = 1) -> list[ScoredItem]:
    """Stories about `keys` names, 40 a name in the mean; the commonest have hundreds of times as many as most."""
    random = np.random.default_rng(seed)
    count = keys * STORIES_PER_KEY
    minutes = np.sort(random.integers(0, DAYS * 24 * 60, count)).tolist()
    names = (keys * random.random(count) ** 2).astype(int).tolist()
    negative = random.beta(0.5, 1.5, count).tolist()
    last = int((NOW - START).total_seconds()) // 60
    for name in range(0, keys, keys // 5):
        minutes += [last - 40 + i for i in range(20)]
        names += [name] * 20
        negative += [0.9] * 20
    items = []
    for number, (minute, name, p) in enumerate(zip(minutes, names, negative, strict=True)):
        at = START + timedelta(minutes=int(minute))
        item = Item(
            str(number),
            f"source-{number % 50}",
            "news",
            at,
            f"Story {number}",
            "",
            entities=(f"Name {name}",),
            story_id=str(number),
        )
        items.append(ScoredItem(item, Prediction("Macro", 1.0, p, 1 - p, 0.0, "bench"), at))
    return items


def rules_of(count: int) -> list[Rule]:
    """Rules that differ: four windows, thresholds and budgets, every third with a watch list."""
    hours = (1, 6, 12, 24)
    return [
        Rule(
            f"rule-{i}",
            window_seconds=hours[i % 4] * 3600,
            baseline_seconds=(14 if hours[i % 4] < 6 else 56) * 86_400,
            p_below=0.001 / (1 + i % 5),
            budget_per_week=1.0 if i % 2 else None,
            min_stories=3.0 + i % 3,
            seasonal=hours[i % 4] < 24,
            include=tuple(f"Name {n}" for n in range(i % 40, 400, 7)) if i % 3 == 0 else (),
        )
        for i in range(count)
    ]


def in_memory(keys: int) -> tuple[MemoryWindows, MemoryHistory]:
    """The windows, with their index made."""
    windows = MemoryWindows(items_of(keys))
    windows.advance_to(NOW + timedelta(days=1))
    scopes: tuple[Scope, ...] = ("all", "entity")
    for scope in scopes:
        windows.totals(scope, NOW, NOW + timedelta(minutes=1), 0.0)
    return windows, MemoryHistory()


@contextmanager
def in_store(keys: int) -> Iterator[Store]:
    """An embedded store with the same items, rolled."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(StoreSettings(folder=Path(folder)))
        items = items_of(keys)
        for at in range(0, len(items), _INSERT):
            store.insert(items[at : at + _INSERT])
        while store.roll():
            pass
        yield store
        store.close()


def measure(rules: int, windows: Windows, history: History) -> Taken:
    """CPU and wall seconds of each kind of evaluation."""
    engine = Engine(rules_of(rules), windows, history)

    def timed(evaluate: Callable[[datetime], object], now: datetime) -> tuple[float, float]:
        cpu, wall = time.process_time(), time.perf_counter()
        evaluate(now)
        return time.process_time() - cpu, time.perf_counter() - wall

    first = timed(engine.evaluate, NOW)
    fired = len(history.active_alerts())
    after = [timed(engine.evaluate, NOW + timedelta(minutes=1 + i)) for i in range(MINUTES)]
    look = timed(engine.look, NOW + timedelta(minutes=MINUTES, seconds=30))
    next_day = timed(engine.evaluate, midnight(NOW) + timedelta(days=1, minutes=5))
    return Taken(fired, first, sorted(after)[MINUTES // 2], next_day, look)


def main() -> None:
    """Prints seconds, and ratios to the first size in the same run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rules", type=int, default=200)
    parser.add_argument("--keys", type=int, default=5000)
    parser.add_argument("--store", action="store_true", help="read from an embedded store")
    options = parser.parse_args()
    where = "embedded store; CPU / wall" if options.store else "windows in memory; CPU"
    table = Table(title=f"an evaluation of the alert engine ({where} seconds)")
    names = (
        "rules",
        "keys",
        "alerts",
        "all fire",
        "a minute later",
        "against the first row",
        "next day",
        "look",
    )
    for name in names:
        table.add_column(name, justify="right")
    sizes = [
        (options.rules, options.keys),
        (options.rules // 4, options.keys),
        (options.rules * 4, options.keys),
        (options.rules, options.keys // 4),
        (options.rules, options.keys * 4),
    ]
    reference = 0.0
    for rules, keys in sizes:
        if options.store:
            with in_store(keys) as store:
                taken = measure(rules, store, store)
        else:
            taken = measure(rules, *in_memory(keys))
        reference = reference or taken.minute[0]
        cells = [
            " / ".join(f"{seconds:.2f}" for seconds in each[: 1 + options.store])
            for each in (taken.first, taken.minute, taken.next_day, taken.look)
        ]
        cells.insert(2, f"{taken.minute[0] / reference:.2f} x")
        table.add_row(str(rules), f"{keys:,}", str(taken.alerts), *cells)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
