"""What the alerts wing needs from others, as small protocols that wiring fills in."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from tidings.types import Alert, Evidence, Scope, Window, Word


class Windows(Protocol):
    """Reads time windows. All bounds are whole minutes, UTC, half open: [start, end)."""

    def first_start(self) -> datetime | None:
        """The start of the earliest window there is; None when there is none."""
        ...

    def totals(self, scope: Scope, start: datetime, end: datetime, minimum: float) -> list[Window]:
        """One window per key over all of [start, end) whose negative_story_sum is at least `minimum`."""
        ...

    def series(
        self, scope: Scope, keys: Sequence[str], start: datetime, end: datetime, seconds: int
    ) -> dict[str, list[Window]]:
        """For every key its windows of `seconds` from `start` to `end`, zero-filled."""
        ...

    def evidence(
        self, scope: Scope, key: str, start: datetime, end: datetime, limit: int
    ) -> tuple[Evidence, ...]:
        """Stories of `key`, most negative first."""
        ...


class Explain(Protocol):
    """Says why a text was scored as it was. May be slow: it is asked of what is shown, and of nothing else."""

    def __call__(self, text: str) -> tuple[Word, ...]:
        """The few words that moved the score most, the strongest first. Whatever it raises, the alert goes on."""
        ...


class History(Protocol):
    """Keeps alerts; the latest version of each alert_id counts."""

    def active_alerts(self) -> list[Alert]:
        """Alerts that are not resolved, or of which some receiver has yet to hear."""
        ...

    def save_alerts(self, alerts: Sequence[Alert]) -> None:
        """Adds these as the latest versions."""
        ...


class Receiver(Protocol):
    """Somewhere to send alerts. `name` is what `Alert.unsent` holds."""

    @property
    def name(self) -> str: ...

    def send(self, alert: Alert) -> None:
        """Tells of the alert's present state; Unavailable: try again; any other TidingsError: give up."""
        ...
