"""How long it takes from the last item that a spike needs, produced to Kafka, until the webhook is received.

    .venv/bin/python -m bench.latency [--spikes 32] [--seed 1]

A real broker and store (both embedded), 61 days of calm history, and `tidings run` as an operator starts it: the
shipped model, the default rules, all parts. Each spike is a few negative headlines about a name of its own, as many as
the first rule needs and none more; they begin at random moments. Run twice: with the default intervals, and with one
second for each. The steps come from what the store wrote down (when an item and a window were inserted, and when the
notification was made), read when all is over; a window that was rolled anew since shows the later roll, and is left
out of its two steps. Ratios are against the sum of the configured intervals (rolling and evaluating) in the same run.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from alerts.rules import load_rules
from bench.latency_world import Intervals, fill, hook, service
from ingest.embedded import embedded_broker
from ingest.kafka import Producer, create_topics
from store.store import Store, open_store
from tidings.settings import AlertSettings, KafkaSettings, StoreSettings

HEADLINES = (
    "{} files for bankruptcy after accounting fraud",
    "{} shares plunge as regulator opens probe",
    "{} warns of heavy losses and cuts thousands of jobs",
    "{} defaults on its debt as lenders walk away",
    "Investors sue {} after profit collapses",
)
STEPS = (
    "produced to stored",
    "stored to rolled",
    "rolled to evaluated",
    "evaluated to received",
    "altogether",
)
_STORED = "SELECT max(version) / 1e9 FROM item_versions WHERE has(entities, '{name}')"
_ROLLED = (
    "SELECT min(version) / 1e9 FROM window_rows WHERE scope = 'entity' AND key = '{name}' AND items > 0"
    " AND version > (SELECT max(version) FROM item_versions WHERE has(entities, '{name}'))"
)
_EVALUATED = (
    "SELECT toFloat64(min(created_at)) FROM notifications"
    " WHERE hasAny(alert_ids, (SELECT groupArray(alert_id) FROM alerts WHERE key = '{name}'))"
)
WAIT_SECONDS = 180.0


DEFAULT = Intervals("default", AlertSettings().roll_every_seconds, AlertSettings().evaluate_every_seconds)
SHORTEST = Intervals("shortest", 1, 1)


def names(count: int) -> list[str]:
    """Invented companies: one word each, none alike."""
    starts = ("Alder", "Bram", "Corv", "Dunst", "Elmar", "Farn", "Gorl", "Hask", "Ilver", "Jorm")
    ends = ("brook", "wick", "mere", "holt", "quist")
    return [f"{start}{end}" for end in ends for start in starts][:count]


def play(broker: str, spikes: Sequence[str], received: dict[str, float], seed: int) -> dict[str, float]:
    """Produces the spikes; returns when the last item of each went out, once all have been told of."""
    chance = random.Random(seed)
    producer = Producer(KafkaSettings(bootstrap_servers=(broker,)))

    def tell(name: str, headline: str) -> float:
        message = {
            "title": headline.format(name),
            "source": "wire",
            "published_at": datetime.now(UTC).isoformat(),
        }
        at = time.time()
        producer.send("news.raw", json.dumps(message).encode())
        producer.flush()
        return at

    needed = HEADLINES[: int(load_rules(None)[0].min_stories) + 1]  # each has a p_negative between 0.9 and 1
    # The first is not measured: it is heard of once the service is up, its model loaded and its partitions assigned.
    for headline in needed:
        tell("Warmholt", headline)
    wait_for(["Warmholt"], received)
    sent = {}
    for name in spikes:
        time.sleep(chance.uniform(6, 13))
        for headline in needed[:-1]:
            tell(name, headline)
        sent[name] = tell(name, needed[-1])
    wait_for(spikes, received)
    producer.close()
    return sent


def wait_for(spikes: Sequence[str], received: dict[str, float]) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while not received.keys() >= set(spikes):
        if time.monotonic() > end:
            raise SystemExit(f"nothing was heard of {set(spikes) - received.keys()}")
        time.sleep(0.05)


def steps(store: Store, name: str, sent: float, received: float) -> list[float]:
    """Seconds from step to step, the whole way last; NaN where a step can no longer be seen."""
    stored, rolled, evaluated = (
        float(store.sql(sql.format(name=name), "TSV")) for sql in (_STORED, _ROLLED, _EVALUATED)
    )
    if not stored <= rolled <= evaluated:
        rolled = float("nan")
    return [stored - sent, rolled - stored, evaluated - rolled, received - evaluated, received - sent]


def measure(
    intervals: Intervals, spikes: int, seed: int
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """One row of steps for each spike."""
    received: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as temporary, embedded_broker() as broker, hook(received) as url:
        folder = Path(temporary)
        fill(folder / "store")
        create_topics(KafkaSettings(bootstrap_servers=(broker,)))
        with service(folder, broker, url, intervals):
            sent = play(broker, names(spikes), received, seed)
        store = open_store(StoreSettings(folder=folder / "store"))
        rows = [steps(store, name, at, received[name]) for name, at in sent.items()]
        store.close()
    return np.array(rows)


def main() -> None:
    """Prints seconds by step, and ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spikes", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=(DEFAULT.name, SHORTEST.name))
    options = parser.parse_args()
    for intervals in (DEFAULT, SHORTEST):
        if options.only not in (None, intervals.name):
            continue
        rows = measure(intervals, options.spikes, options.seed)
        table = Table(
            title=f"{intervals.name} intervals: roll {intervals.roll} s, evaluate {intervals.evaluate} s;"
            f" {len(rows)} spikes, seconds"
        )
        for column in ("step", "seen", "p50", "p99", "largest", f"p50 / {intervals.total} s"):
            table.add_column(column, justify="left" if column == "step" else "right")
        for step, taken in zip(STEPS, rows.T, strict=True):
            seen = taken[~np.isnan(taken)]
            if len(seen):
                middle, most = np.percentile(seen, (50, 99))
                table.add_row(
                    step, str(len(seen)), f"{middle:.2f}", f"{most:.2f}", f"{seen.max():.2f}",
                    f"{middle / intervals.total:.2f} x",
                )  # fmt: skip
        Console(width=110).print(table)


if __name__ == "__main__":
    main()
