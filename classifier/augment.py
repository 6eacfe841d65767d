"""Changes to a training text that must not move its score: other names, other tickers, slips of the keyboard."""

import json
import random
import re
from collections.abc import Mapping, Sequence
from csv import DictReader
from pathlib import Path

ENTITY_FILE = "sentfin_v1.1.csv"
_CASHTAG = re.compile(r"\$[A-Za-z]{1,5}\b")
_KEYS = "abcdefghijklmnopqrstuvwxyz"


def read_entities(folder: Path) -> dict[str, tuple[str, ...]]:
    """Headline to the names in it, longest first, from the entity-level SEntFiN file; {} without the file."""
    path = folder / ENTITY_FILE
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as stream:
        return {
            row["Title"]: tuple(sorted(json.loads(row["Decisions"]), key=len, reverse=True))
            for row in DictReader(stream)
        }


def augment(
    text: str, names: Sequence[str], pool: Sequence[str], rng: random.Random, share: float = 0.25
) -> str:
    """With probability `share` each: names in `names` become others from `pool`, cashtags become others;
    with a third of that, one slip of the keyboard."""
    if names and rng.random() < share:
        for name in names:
            text = text.replace(name, rng.choice(pool))
    if "$" in text and rng.random() < share:
        other = "$" + "".join(rng.choices(_KEYS, k=rng.randint(2, 4))).upper()
        text = _CASHTAG.sub(other, text, count=1)
    if rng.random() < share / 3:
        text = misspell(text, rng)
    return text


def misspell(text: str, rng: random.Random) -> str:
    """One word of four letters or more with two letters exchanged, one left out, or one doubled."""
    words = text.split(" ")
    long = [i for i, word in enumerate(words) if len(word) >= 4 and word.isalpha()]
    if not long:
        return text
    at = rng.choice(long)
    word = words[at]
    i = rng.randrange(1, len(word) - 1)
    words[at] = rng.choice(
        (
            word[:i] + word[i + 1] + word[i] + word[i + 2 :],
            word[:i] + word[i + 1 :],
            word[:i] + word[i] + word[i:],
        )
    )
    return " ".join(words)


def name_pool(entities: Mapping[str, Sequence[str]]) -> list[str]:
    """Every name once, in a fixed order."""
    return sorted({name for names in entities.values() for name in names})
