"""A real store with two days of items, alerts in every state, notifications and Kafka offsets: for the dashboards."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from store.store import Store, open_store
from tidings.settings import StoreSettings
from tidings.text import story_id
from tidings.types import (
    Acknowledgement,
    Alert,
    Consumed,
    Evidence,
    Item,
    Measured,
    Notification,
    Prediction,
    ScoredItem,
    Silence,
    Word,
)

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
END = START + timedelta(hours=5)
TOPICS = ("Macro", "Energy | Oil", "Dividend", "It's odd")
ENTITIES = ("Harbour Bank", "Nordwind", "O'Neil & Sons")
ITEMS = 400
BEFORE = 100  # items of the day before, one per three minutes


def scored(number: int, days_before: int = 0) -> ScoredItem:
    """Item `number`: each headline twice (a story of two), three of seven negative, some without title."""
    every = 45 if not days_before else 180
    published_at = START + timedelta(seconds=every * number, days=-days_before)
    headline = f"Headline {number // 2}"
    title, text = ("", headline) if number % 10 == 0 else (headline, "")
    low = 0.05 + 0.9 * (number // 2 % 7) / 7 + 0.001 * (number % 2)
    item = Item(
        item_id=f"item-{days_before}-{number}",
        source=("wire", "posts")[number % 2],
        kind="news",
        published_at=published_at,
        title=title,
        text=text,
        url=f"https://example.org/{number}",
        entities=(ENTITIES[number // 2 % 3],),
        story_id=story_id(title, text, published_at),
    )
    prediction = Prediction(
        TOPICS[number // 2 % 4], 0.9, low, 0.02, 0.98 - low, "v1" if days_before else "v2"
    )
    offset = number if days_before else BEFORE + number
    return ScoredItem(item, prediction, published_at + timedelta(seconds=3), "news.raw", 0, offset)


def alert(name: str, state: Any, started_at: datetime, **given: Any) -> Alert:
    """An alert about Harbour Bank that fired two minutes after it began, unless given otherwise."""
    told = Evidence(
        f"item-0-{name}", f"Told of {name}", started_at, "wire", "https://example.org/told", -0.9, 0.93, 3,
        (Word("Told", 0, 4, -0.5),),
    )  # fmt: skip
    values: dict[str, Any] = {
        "alert_id": name,
        "fingerprint": name,
        "rule": "negative-spike",
        "scope": "entity",
        "key": "Harbour Bank",
        "severity": "warning",
        "state": state,
        "value": 12.5,
        "expected": 1.25,
        "p_value": 0.0001,
        "window_seconds": 3600,
        "started_at": started_at,
        "fired_at": started_at + timedelta(minutes=2),
        "resolved_at": started_at + timedelta(minutes=50) if state == "resolved" else None,
        "updated_at": started_at + timedelta(minutes=50),
        "evidence": (told,),
        "measured": Measured(stories=14, sources=2),
        "annotations": {"dashboard": "https://grafana.example/d/x"},
    }
    return Alert(**(values | given))


def alerts() -> list[Alert]:
    """Five about Harbour Bank, and one each of scope topic, topic_entity, source and all."""
    at = START + timedelta(hours=4)
    others: list[tuple[Any, str]] = [
        ("topic", "Energy | Oil"),
        ("topic_entity", "Energy | Oil | O'Neil & Sons"),
        ("source", "wire"),
        ("all", ""),
    ]
    return [
        alert("firing", "firing", START + timedelta(hours=1)),
        alert("resolved", "resolved", START + timedelta(hours=2)),
        alert("pending", "pending", START + timedelta(hours=3), fired_at=None),
        alert("open since last week", "firing", START - timedelta(days=7)),
        alert("over since last week", "resolved", START - timedelta(days=7)),
        *(alert(scope, "resolved", at, scope=scope, key=key, rule=f"rule-{scope}") for scope, key in others),
    ]


@contextmanager
def filled_store(folder: Path) -> Iterator[Store]:
    """Opens an embedded store in `folder` with all of it."""
    store = open_store(StoreSettings(folder=folder))
    items = [scored(number, 1) for number in range(BEFORE)] + [scored(number) for number in range(ITEMS)]
    store.insert(items)
    store.record(
        [
            *(Consumed("news.raw", 0, one.kafka_offset, one.item.item_id) for one in items),
            *(Consumed("news.raw", 0, len(items) + number, reason="not_json") for number in range(3)),
        ]
    )
    store.roll()
    store.save_alerts(alerts())
    fired = START + timedelta(hours=1, minutes=2)
    store.outbox.save_acknowledgement(
        Acknowledgement("firing", "ann", "seen", fired + timedelta(seconds=90), None)
    )
    store.outbox.save_silence(
        Silence("s", {"rule": "rule-all"}, "ann", "known", START, datetime(2100, 1, 1, tzinfo=UTC))
    )
    sent = Notification(
        "n", "email", "g", "firing", tuple(alerts()[:1]), fired, "sent", 1, None, fired + timedelta(seconds=2)
    )
    failed = Notification("m", "slack", "g", "firing", tuple(alerts()[:1]), fired, "failed", 3, error="404")
    store.outbox.save_notifications([sent, failed])
    yield store
    store.close()
