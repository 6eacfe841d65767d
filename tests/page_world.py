"""A store to look at: nine hours of ordinary flow, then a run on a bank, an alert, and headlines that mean harm.

python -m tests.page_world [PORT]      serves the live page over it, and goes on for as long as it runs
"""

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alerts.engine import Engine
from alerts.rules import load_rules
from service.demo_story import RULES
from service.web import serving_web
from service.wiring import lazy_model
from store.store import Store, open_store
from tidings.settings import AlertSettings, ApiSettings, Settings, StoreSettings
from tidings.types import Item, Prediction, ScoredItem

END = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)
BANK = "Northgate Bank"
HOSTILE = "<script>alert(\"x\")</script> \u202e & 'quoted' <img src=x onerror=alert(1)>"
TOPICS = ("Macro", "Fed | Central Banks", "Earnings", "Financials", "Stock Movement", "M&A | Investments")
NAMES = ("Acme Corp", "Bolt Motors", "Crux Energy", "AT&T", "Delta/Air Group", "Évian S.A.")
GOOD = "{name} raises its outlook as orders grow"
BAD = "{name} shares plunge after profit warning"
PLAIN = "{name} to hold its annual meeting in May"
RUN = "Depositors queue at {name} branches as withdrawals surge, no. {n}"


def fill(store: Store, end: datetime = END) -> None:
    """Items up to `end`, windows, and the alert, which is firing then."""
    store.insert([*ordinary(end), *run(end)])
    while store.roll():
        pass
    engine = Engine(load_rules(RULES), store, store)
    for minutes in range(30, -1, -2):
        engine.evaluate(end - timedelta(minutes=minutes))


def ordinary(end: datetime) -> Iterator[ScoredItem]:
    rng = random.Random(5)
    start = end - timedelta(hours=9)
    for number in range(540):
        at = start + timedelta(minutes=number, seconds=rng.randint(0, 50))
        name, mood = NAMES[number % len(NAMES)], rng.choice((0.08, 0.1, 0.3, 0.85))
        title = (BAD if mood > 0.8 else PLAIN if mood == 0.3 else GOOD).format(name=name)
        yield scored(f"o{number}", at, f"{title} ({number})", mood, TOPICS[number % len(TOPICS)], (name,))
    yield scored("hostile", end - timedelta(minutes=3), HOSTILE, 0.9, "Macro", ("<b>Bold</b> Inc",))
    yield scored(
        "js-link",
        end - timedelta(minutes=2),
        "A link that is none",
        0.2,
        "Macro",
        (),
        url="javascript:alert(1)",
    )
    yield scored("unread", end - timedelta(minutes=4), "Der Kurs fällt", 0.3, "Macro", (), flag="language")


def run(end: datetime, count: int = 30) -> Iterator[ScoredItem]:
    for number in range(count):
        at = end - timedelta(minutes=16 * (1 - number / count))
        title = RUN.format(name=BANK, n=number)
        yield scored(
            f"r{number}", at, title, 0.93, "Financials", (BANK, "Acme Corp"), story=f"run {number // 2}"
        )


def scored(
    item_id: str, at: datetime, title: str, p_negative: float, topic: str, names: tuple[str, ...],
    *, story: str = "", url: str = "", flag: str = "",
) -> ScoredItem:  # fmt: skip
    source = ("Meridian Wire", "City Desk", "@trader")[sum(map(ord, item_id)) % 3]
    item = Item(
        item_id, source, "social" if source.startswith("@") else "news", at, title, "", url or f"https://example.com/{item_id}",
        entities=names, story_id=story or f"story {item_id}",
    )  # fmt: skip
    positive = 0.8 * (1 - p_negative)
    prediction = Prediction(topic, 0.9, p_negative, 1 - p_negative - positive, positive, "test-model", flag)  # type: ignore[arg-type]  # a Flag
    return ScoredItem(item, prediction, datetime.now(UTC), "news.raw", 0, 1)


def main(port: int) -> None:
    """Serves the page, and lets an item come every second."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            clock="stream",
            store=StoreSettings(folder=Path(folder) / "store"),
            api=ApiSettings(port=port),
            alerts=AlertSettings(rules=RULES),
        )
        store = open_store(settings.store)
        end = datetime.now(UTC).replace(microsecond=0)
        fill(store, end)
        with serving_web(settings, store, lazy_model(settings)) as found:
            print(f"http://127.0.0.1:{found}/", flush=True)
            rng = random.Random(9)
            for number in range(100_000):
                time.sleep(1)
                name, mood = rng.choice(NAMES), rng.choice((0.1, 0.3, 0.9))
                title = (BAD if mood > 0.8 else PLAIN if mood == 0.3 else GOOD).format(name=name)
                at = datetime.now(UTC)
                store.insert([scored(f"live{number}", at, title, mood, rng.choice(TOPICS), (name,))])
                store.roll()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8090)
