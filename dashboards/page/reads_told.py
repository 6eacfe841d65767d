"""What the page reads of who was told of an alert, and who has seen it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from store import outbox
from store.reader import Reader
from tidings.types import Acknowledgement, NotificationReason, NotificationState

MOST_DELIVERIES = 50


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message about an alert to one receiver: why, with how many other alerts, and what became of it.

    `error` is why the last attempt failed (without secrets).
    """

    receiver: str
    reason: NotificationReason
    others: int
    state: NotificationState
    attempts: int
    created_at: datetime
    next_attempt_at: datetime | None
    sent_at: datetime | None
    error: str


def deliveries(reader: Reader, alert_id: str) -> list[Delivery]:
    """The messages about the alert, the latest first."""
    rows = reader.query(
        "SELECT receiver, reason, length(alert_ids) - 1, state, attempts, created_at,"
        " next_attempt_at, sent_at, error FROM notification_log FINAL WHERE has(alert_ids, {id:String})"
        " ORDER BY created_at DESC, receiver, notification_id LIMIT {most:UInt32}",
        {"id": alert_id, "most": MOST_DELIVERIES},
    )
    return [
        Delivery(
            receiver,
            reason,
            int(others),
            state,
            int(attempts),
            made.astimezone(UTC),
            _utc(again),
            _utc(sent),
            error,
        )
        for receiver, reason, others, state, attempts, made, again, sent, error in rows
    ]


def acknowledgements(reader: Reader, alert_ids: Sequence[str]) -> dict[str, Acknowledgement]:
    """Who has seen them last, of the alerts that somebody has."""
    found = outbox.acknowledgements(reader, alert_ids) if alert_ids else []
    return {one.alert_id: one for one in found}


def _utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment else None
