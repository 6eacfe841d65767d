"""Windows that read the same thing once: two hundred rules over one scope cost the reads of one."""

from collections.abc import Hashable, Sequence
from datetime import datetime
from typing import Any

from alerts.protocols import Windows
from tidings.clock import midnight
from tidings.types import NO_FILTERS, Evidence, Filters, Scope, Window
from tidings.weighed import Weighed, Weights

_Period = tuple[Scope, datetime, datetime, Filters]


class ReadOnce:
    """Reads through to `windows` and remembers for one evaluation: what is stored meanwhile is not seen.

    Totals read with a lower minimum answer a higher one; the rest is remembered key by key. Totals of
    whole past days (the size of a baseline) are remembered until the day is over.
    """

    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self._now: datetime | None = None
        self._first: list[datetime | None] = []
        self._totals: dict[_Period, tuple[float, list[Window]]] = {}
        self._keyed: dict[Hashable, dict[str, Any]] = {}

    def begin(self, now: datetime) -> None:
        """Forgets what may have changed since the last evaluation."""
        last, self._now = self._now, now
        today = midnight(now)
        if last is not None and today <= last <= now:
            past = {
                read: total
                for read, total in self._totals.items()
                if _is_days(read) and read[2] <= today < last  # read at midnight itself: items may follow
            }
        else:
            past = {}
        self._first, self._totals, self._keyed = [], past, {}

    def first_start(self) -> datetime | None:
        if not self._first:
            self._first.append(self._windows.first_start())
        return self._first[0]

    def totals(
        self, scope: Scope, start: datetime, end: datetime, minimum: float, filters: Filters = NO_FILTERS
    ) -> list[Window]:
        read = (scope, start, end, filters)
        known = self._totals.get(read)
        if known is None or minimum < known[0]:
            known = (minimum, self._windows.totals(scope, start, end, minimum, filters))
            self._totals[read] = known
        if minimum == known[0]:
            return known[1]
        return [total for total in known[1] if total.negative_story_sum >= minimum]

    def series(
        self,
        scope: Scope,
        keys: Sequence[str],
        start: datetime,
        end: datetime,
        seconds: int,
        filters: Filters = NO_FILTERS,
    ) -> dict[str, list[Window]]:
        known = self._keyed.setdefault(("series", scope, start, end, seconds, filters), {})
        if missing := [key for key in keys if key not in known]:
            known |= self._windows.series(scope, missing, start, end, seconds, filters)
        return {key: known[key] for key in keys}

    def sources(
        self,
        scope: Scope,
        keys: Sequence[str],
        start: datetime,
        end: datetime,
        filters: Filters = NO_FILTERS,
    ) -> dict[str, int]:
        known = self._keyed.setdefault(("sources", scope, start, end, filters), {})
        if missing := [key for key in keys if key not in known]:
            known |= self._windows.sources(scope, missing, start, end, filters)
        return {key: known[key] for key in keys}

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
        known = self._keyed.setdefault(("weighed", scope, start, end, seconds, weights, filters), {})
        if missing := [key for key in keys if key not in known]:
            known |= self._windows.weighed(scope, missing, start, end, seconds, weights, filters)
        return {key: known[key] for key in keys}

    def evidence(
        self,
        scope: Scope,
        key: str,
        start: datetime,
        end: datetime,
        limit: int,
        filters: Filters = NO_FILTERS,
    ) -> tuple[Evidence, ...]:
        known = self._keyed.setdefault(("evidence", scope, start, end, limit, filters), {})
        if key not in known:
            known[key] = self._windows.evidence(scope, key, start, end, limit, filters)
        found: tuple[Evidence, ...] = known[key]
        return found


def _is_days(read: _Period) -> bool:
    """Whether it is of whole UTC days."""
    return all((moment.hour, moment.minute) == (0, 0) for moment in read[1:3])
