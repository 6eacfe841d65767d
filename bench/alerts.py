"""How long an evaluation of the alert engine takes, and how that grows with rules and with keys.

    .venv/bin/python -m bench.alerts [--rules 200] [--keys 5000]

Sixty days of stories about names (a few common, most of them rare, as in news) lie in memory, and bursts about five
names in the last hour; the rules are spikes over windows of 1 to 24 hours with thresholds, budgets, seasons and watch
lists of their own. Timed is `Engine.evaluate`, reads, statistics and evidence included, in CPU seconds of this process,
so that a busy machine does not count: the first evaluation of a day, and the median of the minutes after it. The
store's own reads are measured by bench.store.
"""

import argparse
import statistics
import time
from datetime import UTC, datetime, timedelta

import numpy as np
from rich.console import Console
from rich.table import Table

from alerts.backtest import MemoryHistory
from alerts.engine import Engine
from alerts.memory_windows import MemoryWindows
from alerts.rule import Rule
from tidings.types import Item, Prediction, Scope, ScoredItem

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 62
STORIES_PER_KEY = 40
MINUTES = 3


def windows_of(keys: int, seed: int = 1) -> MemoryWindows:
    """Stories about `keys` names, 40 a name in the mean; the commonest have hundreds of times as many as most."""
    random = np.random.default_rng(seed)
    count = keys * STORIES_PER_KEY
    minutes = np.sort(random.integers(0, DAYS * 24 * 60, count)).tolist()
    names = (keys * random.random(count) ** 2).astype(int).tolist()
    negative = random.beta(0.5, 1.5, count).tolist()
    last = (DAYS - 1) * 24 * 60 + 12 * 60
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
    return MemoryWindows(items)


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


def measure(windows: MemoryWindows, rules: int) -> tuple[float, float, int]:
    """CPU seconds of the first evaluation, the median of the following minutes, alerts that were raised."""
    history = MemoryHistory()
    engine = Engine(rules_of(rules), windows, history)
    now = START + timedelta(days=DAYS - 1, hours=12)
    windows.advance_to(now + timedelta(minutes=MINUTES))
    scopes: tuple[Scope, ...] = ("all", "entity")
    for scope in scopes:
        windows.totals(scope, now, now + timedelta(minutes=1), 0.0)  # the windows make their index once
    taken: list[float] = []
    for minute in range(MINUTES + 1):
        begin = time.process_time()
        engine.evaluate(now + timedelta(minutes=minute))
        taken.append(time.process_time() - begin)
    return taken[0], statistics.median(taken[1:]), len(history.active_alerts())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rules", type=int, default=200)
    parser.add_argument("--keys", type=int, default=5000)
    options = parser.parse_args()
    table = Table(title="an evaluation of the alert engine, CPU seconds (windows in memory)")
    for name in ("rules", "keys", "first of the day", "a minute later", "against the middle", "alerts"):
        table.add_column(name, justify="right")
    sizes = [
        (options.rules, options.keys),
        (options.rules // 4, options.keys),
        (options.rules * 4, options.keys),
        (options.rules, options.keys // 4),
        (options.rules, options.keys * 4),
    ]
    reference = 0.0
    held: dict[int, MemoryWindows] = {}
    for rules, keys in sizes:
        if keys not in held:
            held = {keys: windows_of(keys)}
        first, later, alerts = measure(held[keys], rules)
        reference = reference or later
        table.add_row(
            str(rules), f"{keys:,}", f"{first:.2f}", f"{later:.2f}", f"{later / reference:.2f} x", str(alerts)
        )
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
