"""Time as a value that is handed in, so that the same code runs live, replayed and in tests."""

from collections.abc import Collection, Hashable, Mapping
from datetime import UTC, datetime
from typing import Protocol


def midnight(moment: datetime) -> datetime:
    """The start of the UTC day that `moment` lies in."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


class Clock(Protocol):
    """Anything that says what time it is, in UTC."""

    def now(self) -> datetime: ...


class WallClock:
    """The machine's own time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class StreamClock:
    """Stream time of messages read from several partitions: how far all of them have come.

    A partition that still has messages waiting holds the clock back, so that nothing is judged
    before the slower partition has told its part. The clock never runs backwards. It may be read
    from other threads than the one that advances it.
    """

    def __init__(self) -> None:
        self._latest: dict[Hashable, datetime] = {}
        self._now: datetime | None = None

    def advance(self, latest: Mapping[Hashable, datetime], waiting: Collection[Hashable] = ()) -> None:
        """Takes the latest publication time read per partition, and the partitions with more to read."""
        for partition, published_at in latest.items():
            self._latest[partition] = max(published_at, self._latest.get(partition, published_at))
        if not self._latest or not set(waiting) <= self._latest.keys():
            return
        reached = (
            min(self._latest[partition] for partition in waiting) if waiting else max(self._latest.values())
        )
        self._now = reached if self._now is None else max(self._now, reached)

    def now(self) -> datetime | None:
        """None before the first message."""
        return self._now
