"""Windows against items: what both tables of the windows say, and what a count from scratch says."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from store import windows
from store.client import Client
from store.windows import SUMS, recount_sql
from tidings.clock import midnight

TOLERANCE = 1e-6  # sums of the same floats in another order differ by far less
MOST_PER_DAY = 10_000  # differing windows of one day that are told; a run after a repair tells of the rest
_FLOATS = ("sentiment_sum", "negative_story_sum")
_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)


_SIDES = "wkc"  # what window_rows says, what key_windows says, and what is counted


def _side(mine: str, source: str) -> str:
    """The sums of one side under names of its own (w_…, k_… or c_…), and zeros for the others."""
    sums = ", ".join(f"{name if side == mine else '0'} AS {side}_{name}" for name in SUMS for side in _SIDES)
    return f"SELECT toString(scope) AS k, key AS n, start AS at, {sums} FROM {source}"


def _differs(name: str) -> str:
    c = f"sum(c_{name})"
    allowed = f"{TOLERANCE} * greatest(1, abs({c}))" if name in _FLOATS else "0"
    return " OR ".join(f"abs(sum({side}_{name}) - {c}) > {allowed}" for side in "wk")


# PREWHERE, else FINAL would read all columns of the month; start is in the key, so no version is missed by it.
_PERIOD = "start >= {start:DateTime64(3,'UTC')} AND start < {end:DateTime64(3,'UTC')}"
_COMPARE = f"""
SELECT k, n, at, {", ".join(f"sum({side}_{name})" for name in SUMS for side in _SIDES)}
FROM (
    {_side("w", f"window_rows FINAL WHERE {_PERIOD}")}
    UNION ALL
    {_side("k", f"key_windows FINAL PREWHERE {_PERIOD}")}
    UNION ALL
    {_side("c", f"({recount_sql()})")}
)
WHERE at NOT IN {{waiting:Array(UInt32)}}
GROUP BY k, n, at
HAVING {" OR ".join(_differs(name) for name in SUMS)}
ORDER BY at, k, n
LIMIT {MOST_PER_DAY}
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """One sum of one window: `what` names it; of two tables of windows `windows_say` is what a wrong one says."""

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
    windows.adopt(client, minutes)
    return len(minutes)


def differences_of(row: Sequence[Any]) -> list[Difference]:
    """The sums of (scope, key, start, then of each sum what both tables and what the items say) that differ."""
    scope, key, start, *sums = row
    found = []
    for name, in_rows, by_key, counted in zip(SUMS, sums[::3], sums[1::3], sums[2::3], strict=True):
        allowed = TOLERANCE * max(1, abs(counted)) if name in _FLOATS else 0
        wrong = [said for said in (in_rows, by_key) if abs(said - counted) > allowed]
        if wrong:
            found.append(Difference(scope, key, start, name, float(wrong[0]), float(counted)))
    return found


def _days(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The whole minutes around [start, end), cut at UTC midnights."""
    at = start.astimezone(UTC).replace(second=0, microsecond=0)
    floor = end.astimezone(UTC).replace(second=0, microsecond=0)
    until = floor if floor == end else floor + _MINUTE
    while at < until:
        following = midnight(at) + _DAY
        yield at, min(following, until)
        at = following


def _marks(client: Client, start: datetime, end: datetime) -> Mapping[datetime, tuple[int, int]]:
    rows = client.query(
        "SELECT minute, max(marked), max(rolled) FROM dirty_minutes WHERE minute >= {start:DateTime64(3,'UTC')}"
        " AND minute < {end:DateTime64(3,'UTC')} GROUP BY minute",
        {"start": start, "end": end},
    )
    return {minute: (int(marked), int(rolled)) for minute, marked, rolled in rows}
