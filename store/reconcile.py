"""Windows against items: what the windows say, and what a count from scratch says."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from store import windows
from store.client import Client
from store.windows import SUMS, recount_sql

TOLERANCE = 1e-6  # sums of the same floats in another order differ by far less
MOST_PER_DAY = 10_000  # differing windows of one day that are told; a run after a repair tells of the rest
_FLOATS = ("sentiment_sum", "negative_story_sum")
_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)


def _sides(windows: bool) -> str:
    """The sums as what the windows say (w_…) and what the items say (c_…): one of the two is zeros."""
    return ", ".join(
        f"{name if windows else '0'} AS w_{name}, {'0' if windows else name} AS c_{name}" for name in SUMS
    )


def _differs(name: str) -> str:
    w, c = f"sum(w_{name})", f"sum(c_{name})"
    return f"abs({w} - {c}) > {TOLERANCE} * greatest(1, abs({c}))" if name in _FLOATS else f"{w} != {c}"


_COMPARE = f"""
SELECT k, n, at, {", ".join(f"sum(w_{name}), sum(c_{name})" for name in SUMS)}
FROM (
    SELECT toString(scope) AS k, key AS n, start AS at, {_sides(windows=True)}
    FROM window_rows FINAL
    WHERE start >= {{start:DateTime64(3,'UTC')}} AND start < {{end:DateTime64(3,'UTC')}}
    UNION ALL
    SELECT toString(scope) AS k, key AS n, start AS at, {_sides(windows=False)}
    FROM ({recount_sql()})
)
WHERE at NOT IN {{waiting:Array(UInt32)}}
GROUP BY k, n, at
HAVING {" OR ".join(_differs(name) for name in SUMS)}
ORDER BY at, k, n
LIMIT {MOST_PER_DAY}
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """One sum of one window: `what` names it."""

    scope: str
    key: str
    start: datetime
    what: str
    windows_say: float
    items_say: float


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """`windows` were compared; `waiting` minutes were not, because they are yet to be rolled or changed meanwhile."""

    windows: int
    waiting: int
    differences: tuple[Difference, ...]

    @property
    def differing(self) -> int:
        """How many windows differ, in however many of their sums."""
        return len({(d.scope, d.key, d.start) for d in self.differences})


def reconcile(client: Client, start: datetime, end: datetime) -> Reconciliation:
    """Compares every one-minute window of the whole minutes around [start, end) with its items, a UTC day at a time.

    Writing may go on meanwhile: a minute that is marked or rolled during the comparison is left out.
    """
    compared = waiting = 0
    found: list[Difference] = []
    for first, last in _days(start, end):
        before = _marks(client, first, last)
        dirty = {minute for minute, (marked, rolled) in before.items() if marked > rolled}
        period = {
            "start": first,
            "end": last,
            "waiting": [int(minute.timestamp()) for minute in sorted(dirty)],
        }
        rows = client.query(_COMPARE, period)
        ((count,),) = client.query(
            "SELECT count() FROM window_rows FINAL WHERE start >= {start:DateTime64(3,'UTC')}"
            " AND start < {end:DateTime64(3,'UTC')} AND start NOT IN {waiting:Array(UInt32)}",
            period,
        )
        after = _marks(client, first, last)
        moved = {minute for minute, marks in after.items() if before.get(minute) != marks} - dirty
        compared, waiting = compared + int(count), waiting + len(dirty | moved)
        found += [difference for row in rows if row[2] not in moved for difference in differences_of(row)]
    return Reconciliation(compared, waiting, tuple(found))


def repair(client: Client, differences: Sequence[Difference]) -> int:
    """Marks the minutes of these differences dirty, so that the next roll recounts them; returns how many."""
    minutes = {difference.start for difference in differences}
    windows.mark(client, minutes)
    return len(minutes)


def differences_of(row: Sequence[Any]) -> list[Difference]:
    """The sums of (scope, key, start, then of each sum what the windows and what the items say) that differ."""
    scope, key, start, *sums = row
    pairs = zip(SUMS, sums[::2], sums[1::2], strict=True)
    return [
        Difference(scope, key, start, name, float(said), float(counted))
        for name, said, counted in pairs
        if abs(said - counted) > (TOLERANCE * max(1, abs(counted)) if name in _FLOATS else 0)
    ]


def _days(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The whole minutes around [start, end), cut at UTC midnights."""
    at = start.astimezone(UTC).replace(second=0, microsecond=0)
    floor = end.astimezone(UTC).replace(second=0, microsecond=0)
    until = floor if floor == end else floor + _MINUTE
    while at < until:
        midnight = at.replace(hour=0, minute=0) + _DAY
        yield at, min(midnight, until)
        at = midnight


def _marks(client: Client, start: datetime, end: datetime) -> Mapping[datetime, tuple[int, int]]:
    rows = client.query(
        "SELECT minute, max(marked), max(rolled) FROM dirty_minutes WHERE minute >= {start:DateTime64(3,'UTC')}"
        " AND minute < {end:DateTime64(3,'UTC')} GROUP BY minute",
        {"start": start, "end": end},
    )
    return {minute: (int(marked), int(rolled)) for minute, marked, rolled in rows}
