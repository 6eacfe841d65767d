"""The items of a back-test: a file's rows, decoded as ingest does and scored once; the scores are kept."""

import hashlib
import logging
import os
import zipfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from classifier.model import Model
from ingest.message import decode
from ingest.replay import message_of, topic_of
from ingest.rows import read_rows
from store.store import open_store
from tidings.errors import ConfigError, InvalidMessage
from tidings.settings import Settings
from tidings.text import classifier_input
from tidings.types import Item, Prediction, ScoredItem

# What, how much of it is done, and of how much (0: not known).
ShowProgress = Callable[[str, float, float], None]
_BATCH = 2048
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FileItems:
    """What a file held: its items, scored, and how many rows ingest would have sent to the dead letters."""

    items: tuple[ScoredItem, ...]
    refused: int


def file_items(path: Path, model: Model, cache: Path | None, progress: ShowProgress) -> FileItems:
    """The file's items with the model's predictions, taken from the folder `cache` where they are there already.

    ConfigError for a file that cannot be read or holds no valid row.
    """
    items, refused = [], 0
    for row in read_rows(path):
        try:
            items.append(decode(message_of(row), topic_of(row)))
        except InvalidMessage as error:
            refused += 1
            _log.debug("%s: line %d: %s", path, row.line, error)
        if row.line % _BATCH == 0:
            progress("reading", len(items), 0)
    if not items:
        raise ConfigError(f"{path}: no valid row to test on; see docs/input.md")
    predictions = _predictions(items, model, cache, progress)
    return FileItems(
        tuple(ScoredItem(item, p, item.published_at) for item, p in zip(items, predictions, strict=True)),
        refused,
    )


def store_items(
    settings: Settings, start: datetime, end: datetime, progress: ShowProgress
) -> list[ScoredItem]:
    """The items of [start, end) that the settings' store holds, with the predictions that they have there."""
    found = list[ScoredItem]()
    with closing(open_store(settings.store)) as store:
        for number, items in enumerate(store.scored_between(start, end), 1):
            found += items
            progress("reading the store", number, (end - start) / timedelta(days=1))
    return found


def cache_folder() -> Path:
    """Where scores are kept: $XDG_CACHE_HOME/tidings, or ~/.cache/tidings."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tidings"


def _predictions(
    items: Sequence[Item], model: Model, cache: Path | None, progress: ShowProgress
) -> list[Prediction]:
    texts = [classifier_input(item.title, item.text) for item in items]
    # The texts themselves name the scores: neither the file's name nor its format matters.
    digest = hashlib.blake2b(
        repr((sorted(model.manifest.sha256.items()), model.provider)).encode(), digest_size=16
    )
    for text in texts:
        digest.update(text.encode("utf-8", "replace") + b"\0")
    file = cache / f"scores-{digest.hexdigest()}.npz" if cache else None
    if file and (known := _load(file, len(texts))):
        return known
    found: list[Prediction] = []
    for at in range(0, len(texts), _BATCH):
        found += model.predict(texts[at : at + _BATCH])
        progress("scoring", len(found), len(texts))
    if file:
        _save(file, found)
    return found


def _load(file: Path, count: int) -> list[Prediction] | None:
    try:
        with np.load(file, allow_pickle=False) as kept:
            columns = [kept[name].tolist() for name in Prediction.__slots__]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        _log.warning("%s: kept scores cannot be read (%s); scoring again", file, error)
        return None
    return (
        [Prediction(*values) for values in zip(*columns, strict=True)] if len(columns[0]) == count else None
    )


def _save(file: Path, predictions: Sequence[Prediction]) -> None:
    columns = {name: np.array([getattr(p, name) for p in predictions]) for name in Prediction.__slots__}
    part = file.with_suffix(".part.npz")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(part, allow_pickle=False, **columns)
        part.replace(file)
    except OSError as error:
        _log.warning("%s: scores cannot be kept (%s); the next run scores again", file, error.strerror)
