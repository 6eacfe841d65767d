"""The store behind docs/sql.md: nine days of invented news, always the same, with a bank run in the last night."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from store.store import Store, open_store
from tidings.settings import StoreSettings
from tidings.text import story_id
from tidings.types import Alert, Consumed, Evidence, Flag, Item, Notification, Prediction, ScoredItem

NOW = datetime(2026, 3, 10, 7, 0, tzinfo=UTC)  # a Tuesday
DAYS = 9
SOURCES = ("newswire", "marketpost", "dailyledger", "chatter")
DELAY_MINUTES = {"newswire": 0, "marketpost": 4, "dailyledger": 19, "chatter": 7}
# Name: its topic, how often it is in the news, how bad that is usually.
NAMES = {
    "Northgate Bank": ("Banking", 2, 0.25),
    "Castle Insurance": ("Banking", 2, 0.2),
    "Harbour Oil": ("Energy | Oil", 5, 0.35),
    "Lindqvist Motors": ("Company | Product News", 4, 0.3),
    "Orchard Foods": ("Earnings", 3, 0.25),
    "Selby Airlines": ("Company | Product News", 4, 0.45),
    "Pinewood Software": ("Earnings", 4, 0.15),
}
DULL = ("names a new finance chief", "opens a site in Leeds", "confirms its outlook", "extends a supply contract",
        "sells a small unit", "wins an order", "holds its investor day")  # fmt: skip
BAD = ("cuts its outlook", "recalls a product", "loses a large customer", "faces a fine", "misses estimates")
# Minutes before NOW, headline, names, p_negative, the sources in the order in which they carried it.
NIGHT = (
    (412, "Northgate Bank depositors queue after outage", ("Northgate Bank",), 0.81, ("chatter", "newswire")),
    (371, "Northgate Bank denies liquidity trouble", ("Northgate Bank",), 0.74, ("newswire", "marketpost")),
    (265, "Northgate Bank bonds fall to 61 cents", ("Northgate Bank",), 0.93, SOURCES),
    (241, "Castle Insurance holds 2 bn of Northgate Bank debt", ("Castle Insurance", "Northgate Bank"), 0.88,
     ("marketpost", "chatter", "dailyledger")),
    (190, "Regulator calls Northgate Bank and Castle Insurance to a meeting", ("Northgate Bank", "Castle Insurance"),
     0.79, ("newswire", "marketpost", "chatter")),
    (122, "Northgate Bank halts withdrawals", ("Northgate Bank",), 0.97, SOURCES),
    (61, "Selby Airlines grounds its A320 fleet", ("Selby Airlines", "Meridian Leasing"), 0.86,
     ("newswire", "dailyledger")),
    (33, "Harbour Oil finds gas off Norway", ("Harbour Oil",), 0.04, ("newswire", "marketpost")),
    (2, "Castle Insurance shares suspended", ("Castle Insurance",), 0.9, ("newswire",)),
)  # fmt: skip


def fill(folder: Path) -> Store:
    """An embedded store in `folder` with the items inserted, the windows rolled, and three alerts."""
    store = open_store(StoreSettings(folder=folder))
    items = sorted(_days() + _night(), key=lambda one: (one.scored_at, one.item.item_id))
    stored = [_placed(one, offset) for offset, one in enumerate(items)]
    for at in range(0, len(stored), 200):
        store.insert(stored[at : at + 200])
    outcomes = [Consumed(s.kafka_topic, s.kafka_partition, s.kafka_offset, s.item.item_id) for s in stored]
    outcomes += [
        Consumed("news.raw", 0, len(stored), stored[-1].item.item_id),  # delivered twice
        Consumed("news.raw", 0, len(stored) + 1, reason="not JSON"),
        Consumed("news.raw", 0, len(stored) + 2, reason="published_at is missing"),
    ]
    store.record(outcomes)
    while store.roll():
        pass
    store.save_alerts(_alerts())
    store.outbox.save_notifications(_notifications(_alerts()[-1]))
    return store


def _days() -> list[ScoredItem]:
    chance = random.Random(6)
    found: list[ScoredItem] = []
    for hours in range(DAYS * 24, 7, -1):
        start = NOW - timedelta(hours=hours)
        for name, (topic, per_day, badness) in NAMES.items():
            if chance.random() > per_day / 24 * (1.6 if 7 <= start.hour < 18 else 0.4):
                continue
            p_negative = min(0.97, max(0.02, chance.gauss(badness, 0.2)))
            headline = f"{name} {chance.choice(BAD if p_negative > 0.5 else DULL)}"
            at = start + timedelta(minutes=chance.randrange(60))
            sources = chance.sample(SOURCES, chance.choice((1, 1, 2, 3)))
            flag: Flag = "language" if chance.random() < 0.02 else ""
            names = (
                (name, chance.choice(sorted(NAMES.keys() - {name}))) if chance.random() < 0.12 else (name,)
            )
            found += _story(at, headline, names, topic, p_negative, sources, flag)
    return found


def _night() -> list[ScoredItem]:
    found: list[ScoredItem] = []
    for minutes, headline, names, p_negative, sources in NIGHT:
        at = NOW - timedelta(minutes=minutes)
        found += _story(at, headline, names, NAMES[names[0]][0], p_negative, sources)
    return found


def _story(
    at: datetime,
    headline: str,
    names: tuple[str, ...],
    topic: str,
    p_negative: float,
    sources: list[str] | tuple[str, ...],
    flag: Flag = "",
) -> list[ScoredItem]:
    """One item per source, each after the first by its source's habit; the copies read a little milder."""
    items = []
    for place, source in enumerate(sources):
        published = at + timedelta(minutes=DELAY_MINUTES[source] + place if place else 0)
        if published > NOW:
            continue
        negative = 0.2 if flag else round(max(0.01, p_negative - 0.03 * place), 2)
        positive = 0.1 if flag else round((1 - negative) * 0.3, 2)
        item = Item(
            item_id=f"{source}-{published:%m%d%H%M}-{names[0].split()[0].lower()}",
            source=source,
            kind="social" if source == "chatter" else "news",
            published_at=published,
            title=headline,
            text="",
            url=f"https://{source}.example/{published:%m%d%H%M}",
            entities=names,
            story_id=story_id(headline, "", published),
        )
        # The daily ledger's feed hangs at night: what it published then comes when later items are already here.
        delay = 9000 if source == "dailyledger" and published.hour in (2, 3) else 4
        version = "minilm-v3" if published >= NOW - timedelta(days=2) else "minilm-v2"
        prediction = Prediction(topic, 0.9, negative, 1 - negative - positive, positive, version, flag)
        items.append(ScoredItem(item, prediction, published + timedelta(seconds=delay)))
    return items


def _placed(scored: ScoredItem, offset: int) -> ScoredItem:
    return ScoredItem(scored.item, scored.prediction, scored.scored_at, "news.raw", 0, offset)


def _alerts() -> list[Alert]:
    return [
        _alert("Selby Airlines", "warning", "resolved", NOW - timedelta(days=4, hours=3), 4, 0.9, 7e-4, 70),
        _alert("Harbour Oil", "warning", "resolved", NOW - timedelta(days=2, hours=6), 4, 1.0, 9e-4, 25),
        _alert("Northgate Bank", "critical", "firing", NOW - timedelta(minutes=188), 5, 0.3, 2e-6, None),
    ]


def _alert(
    key: str,
    severity: str,
    state: str,
    at: datetime,
    value: float,
    expected: float,
    p: float,
    minutes: int | None,
) -> Alert:
    end = None if minutes is None else at + timedelta(minutes=minutes)
    evidence = Evidence("x", f"{key} in the news", at, "newswire", "", -0.7, 0.8)
    return Alert(
        alert_id=f"{key}-{at:%m%d%H%M}", fingerprint=key, rule="name in trouble", scope="entity", key=key,
        severity=severity, state="firing" if state == "firing" else "resolved", value=value, expected=expected,
        p_value=p, window_seconds=86_400, started_at=at, fired_at=at, resolved_at=end, updated_at=end or at,
        labels={"entity": key}, evidence=(evidence,),
    )  # fmt: skip


def _notifications(alert: Alert) -> list[Notification]:
    at = alert.started_at
    mail = Notification(
        "n1", "email", alert.key, "firing", (alert,), at, "sent", 1, None, at + timedelta(seconds=3)
    )
    slack = Notification(
        "n2", "slack", alert.key, "firing", (alert,), at + timedelta(seconds=1), "waiting", 4,
        next_attempt_at=at + timedelta(minutes=8), error="HTTP 503 of hooks.slack.com",
    )  # fmt: skip
    return [mail, slack]
