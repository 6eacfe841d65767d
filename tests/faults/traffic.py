"""Messages of which everything is known beforehand: what is an item, what comes twice, what is no item at all."""

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 2, 23, 0, tzinfo=UTC)  # over midnight, where a story ends
MINUTES = 90
_INVALID = (b"{", b"\xff\xfe", b"[]", b'{"title": "no time"}', b'{"title": 1, "published_at": 1}')
_HEADLINES = (
    "{} Bank halts withdrawals",
    "{} Energy lifts its outlook",
    "Rates unchanged, says {}",
    "{} sues {}",
    "Die Aktien von {} sind nach dem Urteil deutlich gefallen",  # not read: flagged
)


@dataclass(frozen=True)
class Traffic:
    """Messages in the order they are sent, and what must be in the store when all of them were read."""

    messages: list[bytes]
    items: dict[str, datetime]  # by item_id
    invalid: int

    @property
    def duplicates(self) -> int:
        return len(self.messages) - len(self.items) - self.invalid


def generate(
    seed: int, items: int, duplicates: float = 0.1, invalid: float = 0.03, url_characters: int = 0
) -> Traffic:
    """`items` different items, more messages that repeat some of them, and some that are invalid; shuffled."""
    chance = random.Random(seed)
    found: dict[str, datetime] = {}
    messages = []
    for number in range(items):
        at = START + timedelta(seconds=chance.randrange(MINUTES * 60))
        name = f"Corvane{number % 97}"
        values = {
            "id": number,
            "source": f"wire{number % 3}",
            "title": chance.choice(_HEADLINES).format(name, "Norland"),
            "published_at": at.isoformat(),
            "url": "u" * url_characters,
        }
        found[f"wire{number % 3}:{number}"] = at
        messages.append(json.dumps(values).encode())
    messages += chance.choices(messages, k=int(items * duplicates))
    bad = chance.choices(_INVALID, k=int(items * invalid))
    messages += bad
    chance.shuffle(messages)
    return Traffic(messages, found, len(bad))
