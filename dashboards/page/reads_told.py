"""What the page reads of who was told of an alert, who has seen it, and who asked for silence."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from store.reader import Reader
from tidings.types import Acknowledgement, NotificationReason, NotificationState, Silence

MOST_DELIVERIES = 50
_AT = "DateTime64(3,'UTC')"


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
    if not alert_ids:
        return {}
    rows = reader.query(
        "SELECT alert_id, author, note, acknowledged_at, snoozed_until FROM acknowledgement_rows FINAL"
        " WHERE alert_id IN {ids:Array(String)}",
        {"ids": list(alert_ids)},
    )
    return {
        alert_id: Acknowledgement(alert_id, author, note, at.astimezone(UTC), _utc(until))
        for alert_id, author, note, at, until in rows
    }


def silences(reader: Reader, now: datetime) -> list[Silence]:
    """Silences in force."""
    rows = reader.query(
        "SELECT silence_id, matchers, author, reason, starts_at, ends_at FROM silence_rows FINAL"
        f" WHERE starts_at <= {{now:{_AT}}} AND ends_at > {{now:{_AT}}} ORDER BY ends_at, silence_id",
        {"now": now},
    )
    return [
        Silence(key, json.loads(matchers), author, reason, start.astimezone(UTC), end.astimezone(UTC))
        for key, matchers, author, reason, start, end in rows
    ]


def _utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment else None
