"""Windows over items in memory: the same counts as the store's, fast enough to run years in a minute."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from alerts.memory_columns import Ints, columns_of
from alerts.memory_counts import Counts
from tidings.types import NO_FILTERS, Evidence, Filters, Scope, ScoredItem, Window
from tidings.weighed import Weighed, Weights


class MemoryWindows:
    """`Windows` (alerts/protocols.py) over scored items. `advance_to` says what of them is known so far.

    A story counts once a UTC day, in the minute of its earliest item, with that item's prediction and keys. Filters
    choose the items first: stories are those of the chosen items.
    """

    def __init__(self, items: Iterable[ScoredItem]) -> None:
        self._columns = columns_of(items)
        self._counts = {NO_FILTERS: Counts(self._columns)}
        self._now: datetime | None = None

    @property
    def minutes(self) -> Ints:
        """The epoch second of each item's minute, ascending."""
        return self._columns.minute

    def advance_to(self, now: datetime) -> None:
        """From here on only items published before the whole minute `now` are there: nobody looks ahead."""
        self._now = now
        for counts in self._counts.values():
            counts.advance_to(now)

    def first_start(self) -> datetime | None:
        """The start of the earliest window there is; None when there is none."""
        return self._counts[NO_FILTERS].first_start()

    def totals(
        self, scope: Scope, start: datetime, end: datetime, minimum: float, filters: Filters = NO_FILTERS
    ) -> list[Window]:
        """One window per key over all of [start, end) whose negative_story_sum is at least `minimum`, by key."""
        return self._of(filters).totals(scope, start, end, minimum)

    def series(
        self,
        scope: Scope,
        keys: Sequence[str],
        start: datetime,
        end: datetime,
        seconds: int,
        filters: Filters = NO_FILTERS,
    ) -> dict[str, list[Window]]:
        """For every key its windows of `seconds` from `start` to `end`, zero-filled; the last may be cut short."""
        return self._of(filters).series(scope, keys, start, end, seconds)

    def sources(
        self,
        scope: Scope,
        keys: Sequence[str],
        start: datetime,
        end: datetime,
        filters: Filters = NO_FILTERS,
    ) -> dict[str, int]:
        """For every key how many distinct sources its negative stories have, each story by its earliest item."""
        return self._of(filters).sources(scope, keys, start, end)

    def weighed(
        self,
        scope: Scope,
        keys: Sequence[str],
        start: datetime,
        end: datetime,
        seconds: int,
        weights: Weights,
        filters: Filters = NO_FILTERS,
    ) -> dict[str, list[Weighed]]:
        """As `series`, weighed by source."""
        return self._of(filters).weighed(scope, keys, start, end, seconds, weights)

    def evidence(
        self,
        scope: Scope,
        key: str,
        start: datetime,
        end: datetime,
        limit: int,
        filters: Filters = NO_FILTERS,
    ) -> tuple[Evidence, ...]:
        """Stories of `key` that count in [start, end), most negative first; `reach` is their items so far."""
        return self._of(filters).evidence(scope, key, start, end, limit)

    def _of(self, filters: Filters) -> Counts:
        if filters not in self._counts:
            chosen = (scored for scored in self._columns.items if _passes(scored, filters))
            self._counts[filters] = Counts(columns_of(chosen))
            if self._now is not None:
                self._counts[filters].advance_to(self._now)
        return self._counts[filters]


def _passes(scored: ScoredItem, filters: Filters) -> bool:
    return (
        (not filters.sources or scored.item.source in filters.sources)
        and (not filters.kinds or scored.item.kind in filters.kinds)
        and (not filters.languages or scored.item.lang in filters.languages)
    )
