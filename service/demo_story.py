"""The demo's story as messages: eight hours of ordinary flow, then a bank run that spreads. Pure and seeded."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import yaml

RULES = Path(__file__).with_name("demo_rules.yaml")
BANK = "Northgate Bank"
_TEXTS = Path(__file__).with_name("demo_story.yaml")
_HOURS = 8
_RUN_MINUTES = 40
_ORDINARY = 3900
_DUPLICATES = 120
_LATE_SHARE = 0.01
Note = Literal["item", "late", "duplicate", "malformed"]
_MALFORMED = (
    b'{"title": "broken off in the mid',
    b'{"published_at": "2026-01-01T00:00:00Z", "source": "Meridian Wire"}',
    b'{"title": "From the year 3000", "published_at": "3000-01-01T00:00:00Z"}',
    b'{"title": "Bad bytes \xff\xfe", "published_at": "2026-01-01T00:00:00Z"}',
    b'{"title": ["not", "a", "text"], "published_at": "2026-01-01T00:00:00Z"}',
    b'["a", "list"]',
    b'{"title": "No time at all"}',
)


@dataclass(frozen=True)
class Message:
    """What the demo publishes; `note` says what a correct service makes of it."""

    kafka_topic: str
    value: bytes
    arrives_at: datetime
    note: Note


@dataclass(frozen=True)
class Expected:
    """Messages sent, and what they are: sent = items + duplicates + malformed."""

    sent: int
    items: int
    duplicates: int
    malformed: int


def expected(messages: Sequence[Message]) -> Expected:
    """The counts that the store must show."""
    notes = [message.note for message in messages]
    items = notes.count("item") + notes.count("late")
    return Expected(len(notes), items, notes.count("duplicate"), notes.count("malformed"))


def story(now: datetime, seed: int = 7) -> list[Message]:
    """The messages in order of arrival; the last arrives at about `now`. The same seed tells the same story."""
    texts = yaml.safe_load(_TEXTS.read_text(encoding="utf-8"))
    rng = random.Random(seed)  # noqa: S311  # a story, not a secret
    start = now - timedelta(hours=_HOURS)
    teller = _Teller(texts, rng)
    messages = [
        *_ordinary(teller, rng, start),
        *_bank_run(teller, rng, now - timedelta(minutes=_RUN_MINUTES)),
    ]
    messages += _again(messages, rng)
    for i, value in enumerate(_MALFORMED):
        at = start + timedelta(hours=_HOURS) * (i + 1) / (len(_MALFORMED) + 1)
        messages.append(Message("news.raw", value, at, "malformed"))
    return sorted(messages, key=lambda message: message.arrives_at)


class _Teller:
    """Fills templates, and never tells the same headline twice."""

    def __init__(self, texts: dict[str, Any], rng: random.Random) -> None:
        self.texts = texts
        self._rng = rng
        self._told: set[str] = set()
        self._count = 0

    def tell(self, templates: Sequence[str], company: str = "") -> str:
        rng, texts = self._rng, self.texts
        while True:
            slots = {
                "co": company, "tick": texts["companies"].get(company, ""), "n": rng.randint(110, 990),
                "k": rng.randint(2, 48), "pct": f"{rng.randint(1, 9)}.{rng.randint(1, 9)}", "cents": rng.randint(3, 95),
                "oil": f"{rng.randint(60, 95)}.{rng.randint(10, 99)}", "place": rng.choice(texts["places"]),
                "thing": rng.choice(texts["things"]), "reason": rng.choice(texts["reasons"]),
                "day": rng.choice(["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]),
                "handle": rng.choice(texts["handles"]), "anger": rng.choice(texts["anger"]),
                "clock": f"{rng.randint(7, 11)}:{rng.randint(10, 59)}",
            }  # fmt: skip
            text = rng.choice(templates).format(**slots)
            if text not in self._told:
                self._told.add(text)
                return (
                    text[0].upper() + text[1:]
                    if text[0] == text[0].lower() and "maker" in text[:24]
                    else text
                )

    def message(
        self, kind: str, text: str, source: str, at: datetime, delay: timedelta = timedelta()
    ) -> Message:
        self._count += 1
        row = {
            "id": f"demo-{self._count}", "source": source, "kind": kind, "lang": "en",
            "published_at": at.isoformat(timespec="milliseconds"),
            "title": text if kind == "news" else "", "text": "" if kind == "news" else text,
            "url": f"https://example.com/{kind}/{self._count}",
        }  # fmt: skip
        value = json.dumps(row, ensure_ascii=False).encode()
        return Message(f"{kind}.raw", value, at + delay, "late" if delay else "item")

    def post_source(self) -> str:
        return f"@{self._rng.choice(self.texts['handles'])}"

    def news_source(self) -> str:
        return str(self._rng.choice(self.texts["sources"]))


def _ordinary(teller: _Teller, rng: random.Random, start: datetime) -> Iterator[Message]:
    companies = list(teller.texts["companies"])
    for i in range(_ORDINARY):
        at = start + timedelta(hours=_HOURS) * (i + rng.random()) / _ORDINARY
        kind = "news" if rng.random() < 0.6 else "social"
        mood = rng.choices(("neutral", "positive", "negative"), (0.62, 0.30, 0.08))[0]
        # Companies take turns, so that ordinary bad news does not cluster by chance.
        text = teller.tell(teller.texts[kind][mood], companies[i % len(companies)])
        source = teller.news_source() if kind == "news" else teller.post_source()
        late = timedelta(minutes=rng.randint(4, 20)) if rng.random() < _LATE_SHARE else timedelta()
        yield teller.message(kind, text, source, at, late)


def _bank_run(teller: _Teller, rng: random.Random, start: datetime) -> Iterator[Message]:
    run = teller.texts["run"]

    def spread(first: float, last: float, count: int) -> Iterator[datetime]:
        for i in range(count):  # denser towards the end, as panic is
            yield start + timedelta(minutes=first + (last - first) * ((i + rng.random()) / count) ** 0.6)

    for at in spread(0, _RUN_MINUTES, 150):
        yield teller.message("social", teller.tell(run["posts"]), teller.post_source(), at)
    for at in spread(12, _RUN_MINUTES, 28):
        text = teller.tell(run["news"])
        first, *others = rng.sample(teller.texts["sources"], len(teller.texts["sources"]))
        yield teller.message("news", text, first, at)
        for source in others[: rng.randint(2, 5)]:  # syndicated copies: one story, more reach
            yield teller.message("news", text, source, at + timedelta(seconds=rng.randint(20, 240)))
    for at in spread(8, _RUN_MINUTES, 9):
        yield teller.message("news", teller.tell(run["positive"]), teller.news_source(), at)


def _again(messages: Sequence[Message], rng: random.Random) -> Iterator[Message]:
    for message in rng.sample(list(messages), _DUPLICATES):
        later = message.arrives_at + timedelta(seconds=rng.randint(1, 90))
        yield Message(message.kafka_topic, message.value, later, "duplicate")
