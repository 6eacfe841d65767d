"""Labelled texts for training and evaluation, read from the folder TIDINGS_DATA or ../shared/data."""

import csv
import gzip
import hashlib
import os
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from classifier.labels import SENTIMENT_LABELS, TOPIC_LABELS
from tidings.errors import ConfigError
from tidings.text import normalise

SENTIMENT_FILE = "sentiment_en.csv"
TOPIC_FILE = "topic_en.csv"
STREAM_LICENCES = {  # of the unlabelled texts; MIT: weights that learned from them may be given to anyone
    "stream_reuters_2006_2013.csv.gz": "local use only",
    "stream_stocknet_2014_2016.csv.gz": "MIT",
}
STREAM_FILES = tuple(STREAM_LICENCES)
UNLABELLED = -100


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled text; a head without a label holds UNLABELLED, which the loss leaves out."""

    text: str
    sentiment: int
    topic: int
    group: str
    source: str


def data_folder(given: Path | None = None) -> Path:
    """The folder with the labelled texts, or a ConfigError that says where it was looked for."""
    root = Path(__file__).resolve().parents[1]
    named = given or (Path(os.environ["TIDINGS_DATA"]) if os.environ.get("TIDINGS_DATA") else None)
    folder = named or root.parent / "shared" / "data"
    missing = [name for name in (SENTIMENT_FILE, TOPIC_FILE) if not (folder / name).is_file()]
    if missing:
        raise ConfigError(
            f"{' and '.join(missing)} not found in {folder}:"
            " set TIDINGS_DATA or --data to the folder that holds them"
        )
    return folder


def read_train(folder: Path, rows: str = "mit") -> list[Example]:
    """Training rows of both tasks: those that anyone may use commercially (`mit`), or with Financial
    PhraseBank and FiQA, whose licences forbid that (`research`)."""
    wanted = {("tfns", "train"), ("sentfin", "")}
    if rows == "research":
        wanted |= {("fpb", ""), ("fiqa", "")}
    elif rows != "mit":
        raise ConfigError(f"rows must be mit or research; it is {rows!r}")
    return list(_sentiment(folder, wanted)) + list(_topic(folder, "train"))


def read_unlabelled(
    folder: Path, count: int, seed: int, streams: tuple[str, ...] = STREAM_FILES
) -> list[Example]:
    """`count` English texts of the news and post streams, each once, as many of each file, in random order.

    They carry no label: a teacher gives them one. Texts that a test split holds, too, are left out.
    """
    if not count:
        return []
    known = {
        row.text
        for row in (*read_valid_sentiment(folder), *read_valid_topic(folder)[0], *read_transfer(folder))
    }
    rng = random.Random(seed)  # noqa: S311  # a sample, not a secret
    rows: list[Example] = []
    for name in streams:
        path = folder / name
        if not path.is_file():
            raise ConfigError(f"{name} not found in {folder}: it holds the unlabelled texts")
        with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
            texts = {
                normalise(row.get("title") or row.get("text") or "")
                for row in csv.DictReader(stream)
                if (row.get("lang") or "en") == "en"
            }
        fresh = sorted(text for text in texts - known if len(text) > 15)
        chosen = rng.sample(fresh, min(len(fresh), count // len(streams)))
        rows += [Example(text, UNLABELLED, UNLABELLED, "stream", name) for text in chosen]
    rng.shuffle(rows)
    return rows


def read_valid_sentiment(folder: Path) -> list[Example]:
    """TFNS validation, 2,388 rows: a test split, for reporting only."""
    return list(_sentiment(folder, {("tfns", "valid")}))


def read_transfer(folder: Path) -> list[Example]:
    """Financial PhraseBank rows, never trained on: zero-shot transfer, for reporting only."""
    return list(_sentiment(folder, {("fpb", "")}))


def read_valid_topic(folder: Path) -> tuple[list[Example], list[Example]]:
    """Topic validation: all 4,117 rows, and the 3,425 whose text is not in the training rows."""
    return list(_topic(folder, "valid")), list(_topic(folder, "valid", without_leaks=True))


def split_dev(examples: Iterable[Example], percent: int) -> tuple[list[Example], list[Example]]:
    """Carves a development split by `group`, so that no text (nor its copies) is on both sides."""
    train: list[Example] = []
    dev: list[Example] = []
    for example in examples:
        bucket = int(hashlib.sha256(example.group.encode()).hexdigest(), 16) % 100
        (dev if bucket < percent else train).append(example)
    return train, dev


def _sentiment(folder: Path, wanted: set[tuple[str, str]]) -> Iterator[Example]:
    for row in _rows(folder / SENTIMENT_FILE):
        if (row["source"], row["split"]) in wanted or (row["source"], "") in wanted:
            label = SENTIMENT_LABELS.index(row["label"])
            yield Example(normalise(row["text"]), label, UNLABELLED, row["group"], row["source"])


def _topic(folder: Path, split: str, without_leaks: bool = False) -> Iterator[Example]:
    for row in _rows(folder / TOPIC_FILE):
        if row["split"] == split and not (without_leaks and row["valid_leaks_train"] == "1"):
            label = TOPIC_LABELS.index(row["topic"])
            yield Example(normalise(row["text"]), UNLABELLED, label, row["group"], "topic")


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)
