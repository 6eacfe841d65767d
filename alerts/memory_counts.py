"""The counting behind windows in memory, over one choice of items."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from alerts.memory_columns import Columns, Floats, Index, Ints, index_of
from tidings.types import Evidence, Scope, Window
from tidings.weighed import Weighed, Weights


class Counts:
    """The methods of `Windows` (alerts/protocols.py) without filters, over `columns`."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._indexes: dict[Scope, Index] = {}
        self._known = len(columns.items)

    def advance_to(self, now: datetime) -> None:
        """From here on only items published before the whole minute `now` are there."""
        self._known = int(np.searchsorted(self._columns.minute, _epoch(now)))

    def first_start(self) -> datetime | None:
        """The start of the earliest window there is; None when there is none."""
        return datetime.fromtimestamp(int(self._columns.minute[0]), UTC) if self._known else None

    def totals(self, scope: Scope, start: datetime, end: datetime, minimum: float) -> list[Window]:
        """One window per key over all of [start, end) whose negative_story_sum is at least `minimum`, by key."""
        index = self._index(scope)
        low, high = np.searchsorted(index.minute, (_epoch(start), _epoch(end)))
        entries = self._visible(index, np.arange(low, high))
        keys, place = np.unique(index.key[entries], return_inverse=True)
        negative = np.bincount(place, self._story_sums(index, entries), len(keys))
        wanted = np.flatnonzero(negative >= minimum)
        if not len(wanted):
            return []
        sums = self._sums(index, entries, place, len(keys))
        seconds = int((end - start).total_seconds())
        found = [_window(scope, index.names[keys[k]], start, seconds, sums[:, k]) for k in wanted]
        return sorted(found, key=lambda window: window.key)

    def series(
        self,
        scope: Scope,
        keys: Sequence[str],
        start: datetime,
        end: datetime,
        seconds: int,
    ) -> dict[str, list[Window]]:
        """For every key its windows of `seconds` from `start` to `end`, zero-filled; the last may be cut short."""
        index = self._index(scope)
        begin, count = _epoch(start), max(0, -(-int((end - start).total_seconds()) // seconds))
        starts = [start + timedelta(seconds=seconds * i) for i in range(count)]
        found = {}
        for key in keys:
            entries = self._of_key(index, key, start, end)
            place = (index.minute[entries] - begin) // seconds
            sums = self._sums(index, entries, place, count)
            found[key] = [_window(scope, key, at, seconds, sums[:, i]) for i, at in enumerate(starts)]
        return found

    def evidence(
        self,
        scope: Scope,
        key: str,
        start: datetime,
        end: datetime,
        limit: int,
    ) -> tuple[Evidence, ...]:
        """Stories of `key` that count in [start, end), most negative first; `reach` is their items so far."""
        index, columns = self._index(scope), self._columns
        numbers = index.item[self._of_key(index, key, start, end)].tolist()
        read = [n for n in numbers if columns.first[n] and not columns.items[n].prediction.flag]
        read.sort(key=lambda n: (-columns.items[n].prediction.p_negative, n))
        return tuple(self._evidence(n) for n in read[:limit])

    def sources(
        self,
        scope: Scope,
        keys: Sequence[str],
        start: datetime,
        end: datetime,
    ) -> dict[str, int]:
        """How many sources the negative stories of each key have between them."""
        index, columns = self._index(scope), self._columns
        found = {}
        for key in keys:
            numbers = index.item[self._of_key(index, key, start, end)]
            told = numbers[columns.first[numbers] & columns.negative[numbers]]
            found[key] = len(np.unique(columns.source[told]))
        return found

    def weighed(
        self,
        scope: Scope,
        keys: Sequence[str],
        start: datetime,
        end: datetime,
        seconds: int,
        weights: Weights,
    ) -> dict[str, list[Weighed]]:
        """As `series`, weighed by source."""
        index, columns = self._index(scope), self._columns
        begin, count = _epoch(start), max(0, -(-int((end - start).total_seconds()) // seconds))
        of_source = dict(weights)
        found = {}
        for key in keys:
            entries = self._of_key(index, key, start, end)
            place, items = (index.minute[entries] - begin) // seconds, index.item[entries]
            w = np.array([of_source.get(columns.items[n].item.source, 1.0) for n in items.tolist()])
            story = w * columns.first[items]
            values = (
                *(story, story * w, story * columns.p_negative[items]),
                *(w, w * w, w * columns.sentiment[items]),
            )
            sums = np.stack([np.bincount(place, value, count) for value in values])
            found[key] = [Weighed(*each) for each in sums.T.tolist()]
        return found

    def _index(self, scope: Scope) -> Index:
        if scope not in self._indexes:
            self._indexes[scope] = index_of(self._columns, scope)
        return self._indexes[scope]

    def _of_key(self, index: Index, key: str, start: datetime, end: datetime) -> Ints:
        entries = index.entries(key)
        low, high = np.searchsorted(index.minute[entries], (_epoch(start), _epoch(end)))
        return self._visible(index, entries[low:high])

    def _visible(self, index: Index, entries: Ints) -> Ints:
        """The entries whose items are known by now."""
        return entries[index.item[entries] < self._known]

    def _story_sums(self, index: Index, entries: Ints) -> Floats:
        items = index.item[entries]
        return self._columns.p_negative[items] * self._columns.first[items]

    def _sums(self, index: Index, entries: Ints, place: Ints, count: int) -> Floats:
        """The seven sums of a Window, one row each, for the windows 0 … count - 1 that `place` puts entries in."""
        columns, items = self._columns, index.item[entries]
        first = columns.first[items]
        weights = (
            np.ones(len(items)),
            columns.negative[items],
            columns.positive[items],
            columns.sentiment[items],
            first,
            first & columns.negative[items],
            self._story_sums(index, entries),
        )
        return np.stack([np.bincount(place, weight, count) for weight in weights])

    def _evidence(self, number: int) -> Evidence:
        columns, scored = self._columns, self._columns.items[number]
        item, prediction = scored.item, scored.prediction
        # A story's items lie within one UTC day, after its first.
        day_end = _epoch(item.published_at) // 86_400 * 86_400 + 86_400
        last = min(self._known, int(np.searchsorted(columns.minute, day_end)))
        reach = int(np.count_nonzero(columns.story[number:last] == columns.story[number]))
        return Evidence(
            item.item_id,
            item.headline,
            item.published_at,
            item.source,
            item.url,
            prediction.sentiment,
            prediction.p_negative,
            reach,
        )


def _window(scope: Scope, key: str, start: datetime, seconds: int, sums: Floats) -> Window:
    items, negative, positive, sentiment, stories, negative_stories, negative_sum = sums.tolist()
    return Window(
        scope, key, start, seconds, int(items), int(negative), int(positive), sentiment,
        int(stories), int(negative_stories), negative_sum,
    )  # fmt: skip


def _epoch(moment: datetime) -> int:
    return int(moment.timestamp())
