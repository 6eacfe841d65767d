"""Time as a value that is handed in, so that the same code runs live, replayed and in tests."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Anything that says what time it is, in UTC."""

    def now(self) -> datetime: ...


class WallClock:
    """The machine's own time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class StreamClock:
    """Stream time: the latest publication time seen. It never runs backwards."""

    def __init__(self) -> None:
        self._now = datetime.fromtimestamp(0, UTC)

    def advance(self, published_at: datetime) -> None:
        """Moves the clock to `published_at` if that is later."""
        self._now = max(self._now, published_at)

    def now(self) -> datetime:
        return self._now
