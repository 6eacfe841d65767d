"""What the alerts wing needs from others, as small protocols that wiring fills in."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from tidings.types import (
    NO_FILTERS,
    Acknowledgement,
    Alert,
    Evidence,
    Filters,
    Mention,
    Notification,
    Scope,
    Silence,
    Told,
    Window,
    Word,
)
from tidings.weighed import Weighed, Weights


class Windows(Protocol):
    """Reads time windows. All bounds are whole minutes, UTC, half open: [start, end).

    Filters choose the items; stories are those of the chosen items. A story counts in the minute of its earliest
    item of the UTC day, with that item's prediction, source and keys. The key of scope topic_entity is
    "TOPIC | ENTITY". Without filters, and of any other scope, reads are sums over windows; with them they count
    from the items, and cost a read of the items of the period.
    """

    def first_start(self) -> datetime | None:
        """The start of the earliest window there is; None when there is none."""
        ...

    def totals(
        self, scope: Scope, start: datetime, end: datetime, minimum: float, filters: Filters = NO_FILTERS
    ) -> list[Window]:
        """One window per key over all of [start, end) whose negative_story_sum is at least `minimum`."""
        ...

    def series(
        self,
        scope: Scope,
        keys: Sequence[str],
        start: datetime,
        end: datetime,
        seconds: int,
        filters: Filters = NO_FILTERS,
    ) -> dict[str, list[Window]]:
        """For every key its windows of `seconds` from `start` to `end`, zero-filled."""
        ...

    def sources(
        self,
        scope: Scope,
        keys: Sequence[str],
        start: datetime,
        end: datetime,
        filters: Filters = NO_FILTERS,
    ) -> dict[str, int]:
        """For every key how many distinct sources its negative stories have, each story by its earliest item."""
        ...

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
        """As `series`, weighed by source. Counted from the items, so it costs a read of them."""
        ...

    def evidence(
        self,
        scope: Scope,
        key: str,
        start: datetime,
        end: datetime,
        limit: int,
        filters: Filters = NO_FILTERS,
    ) -> tuple[Evidence, ...]:
        """Stories of `key`, most negative first."""
        ...


class Explain(Protocol):
    """Says why a text was scored as it was. May be slow: it is asked of what is shown, and of nothing else."""

    def __call__(self, text: str) -> tuple[Word, ...]:
        """The few words that moved the score most, the strongest first. Whatever it raises, the alert goes on."""
        ...


class NamesIn(Protocol):
    """Says whom a headline names, by the keys of the scope entity, and where."""

    def __call__(self, headline: str) -> Sequence[Mention]:
        """The names in their order; a shorter form of a longer name ("Stanford") may stand as it is."""
        ...


class History(Protocol):
    """Keeps alerts; the latest version of each alert_id counts."""

    def active_alerts(self) -> list[Alert]:
        """Alerts that are not resolved."""
        ...

    def save_alerts(self, alerts: Sequence[Alert]) -> None:
        """Adds these as the latest versions."""
        ...


class NotificationLog(Protocol):
    """Keeps notifications, and what people said about alerts; the latest version of each notification_id counts."""

    def routable_alerts(self, receivers: Sequence[str]) -> list[Alert]:
        """Alerts that are not resolved, and those of whose firing, but not of whose end, some receiver was told."""
        ...

    def told(self, alert_ids: Sequence[str], since: datetime) -> list[Told]:
        """Notifications that were not dropped: those about any of these alerts, and all made at `since` or later."""
        ...

    def waiting_notifications(self) -> list[Notification]:
        """Notifications in state waiting, the oldest first."""
        ...

    def failed_notifications(self, since: datetime) -> list[Notification]:
        """Notifications in state failed, made at `since` or later."""
        ...

    def save_notifications(self, notifications: Sequence[Notification]) -> None:
        """Adds these as the latest versions."""
        ...

    def silences(self, since: datetime) -> list[Silence]:
        """Silences that end after `since`."""
        ...

    def acknowledgements(self, alert_ids: Sequence[str]) -> list[Acknowledgement]:
        """The latest one of each of these alerts that has any."""
        ...


class Receiver(Protocol):
    """Somewhere to send notifications. `name` is what `Notification.receiver` holds."""

    @property
    def name(self) -> str: ...

    def send(self, notification: Notification) -> None:
        """Tells of its alerts; Unavailable: try again; any other TidingsError: give up."""
        ...
