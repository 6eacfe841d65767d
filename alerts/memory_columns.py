"""Scored items as columns in the order of time, with an index per scope: what windows in memory are counted from."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from tidings.types import Scope, ScoredItem

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
MINUTE_SECONDS = 60
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Columns:
    """One entry per item, by published_at and item_id; `minute` is the epoch second of its minute.

    `first` marks the earliest item of each story and UTC day. `p_negative` is 0 where the text was not read.
    `story` numbers the stories of a day, `source` the sources.
    """

    items: tuple[ScoredItem, ...]
    minute: Ints
    first: Bools
    story: Ints
    source: Ints
    negative: Bools
    positive: Bools
    sentiment: Floats
    p_negative: Floats


@dataclass(frozen=True, slots=True)
class Index:
    """Who is named in which item: a pair (item, key) per entry, in the order of items.

    The entries of key k by time are `by_key[starts[k] : starts[k + 1]]`.
    """

    item: Ints
    minute: Ints
    key: Ints
    names: tuple[str, ...]
    codes: dict[str, int]
    by_key: Ints
    starts: Ints

    def entries(self, key: str) -> Ints:
        """The entries of a key, by time; none for an unknown key."""
        code = self.codes.get(key)
        return self.by_key[self.starts[code] : self.starts[code + 1]] if code is not None else self.by_key[:0]


def columns_of(items: Iterable[ScoredItem]) -> Columns:
    """The items as columns; of items with the same item_id the last one counts, as in the store."""
    latest = {scored.item.item_id: scored for scored in items}
    ordered = tuple(
        sorted(latest.values(), key=lambda scored: (scored.item.published_at, scored.item.item_id))
    )
    moments = [_epoch_ms(scored.item.published_at) for scored in ordered]
    stories: dict[tuple[int, str], int] = {}
    story, first = [], []
    for scored, moment in zip(ordered, moments, strict=True):
        known = len(stories)
        number = stories.setdefault((moment // _DAY_MS, scored.item.story_id), known)
        story.append(number)
        first.append(number == known)
    sources: dict[str, int] = {}
    predictions = [scored.prediction for scored in ordered]
    labels = [prediction.sentiment_label for prediction in predictions]
    return Columns(
        items=ordered,
        minute=np.array([ms // 1000 // MINUTE_SECONDS * MINUTE_SECONDS for ms in moments], np.int64),
        first=np.array(first, np.bool_),
        story=np.array(story, np.int64),
        source=np.array([sources.setdefault(s.item.source, len(sources)) for s in ordered], np.int64),
        negative=np.array([label == "negative" for label in labels], np.bool_),
        positive=np.array([label == "positive" for label in labels], np.bool_),
        sentiment=np.array([prediction.sentiment for prediction in predictions], np.float64),
        p_negative=np.array([0.0 if p.flag else p.p_negative for p in predictions], np.float64),
    )


def index_of(columns: Columns, scope: Scope) -> Index:
    """The index of one scope: the keys of each item, and the items of each key."""
    codes: dict[str, int] = {}
    pairs = [
        (number, codes.setdefault(key, len(codes)))
        for number, scored in enumerate(columns.items)
        for key in keys_of(scored, scope)
    ]
    item, key = np.array(pairs, np.int64).reshape(-1, 2).T
    return Index(
        item=item,
        minute=columns.minute[item],
        key=key,
        names=tuple(codes),
        codes=codes,
        by_key=np.argsort(key, kind="stable"),
        starts=np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(key, minlength=len(codes)))]),
    )


def keys_of(scored: ScoredItem, scope: Scope) -> Sequence[str]:
    """The keys of a scope that an item counts under, each once."""
    return tuple(dict.fromkeys(_keys(scored, scope)))


def _keys(scored: ScoredItem, scope: Scope) -> Iterator[str]:
    if scope == "all":
        yield ""
    elif scope == "topic":
        yield scored.prediction.topic
    elif scope == "source":
        yield scored.item.source
    elif scope == "entity":
        yield from scored.item.entities
    else:
        yield from (f"{scored.prediction.topic} | {entity}" for entity in scored.item.entities)


def _epoch_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
