"""Notifications in the store, and what people said about alerts: every version is kept, the latest one counts."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from store.alert_log import alerts_by_id, routable_alerts
from store.client import Client
from store.reader import Reader
from tidings.types import Acknowledgement, Alert, AlertState, Notification, Silence, Told

_NOTIFICATION = (
    "notification_id", "receiver", "group_key", "reason", "alert_ids", "alert_states", "created_at", "state",
    "attempts", "next_attempt_at", "sent_at", "error",
)  # fmt: skip
_SILENCE = ("silence_id", "matchers", "author", "reason", "starts_at", "ends_at")
_ACKNOWLEDGEMENT = ("alert_id", "author", "note", "acknowledged_at", "snoozed_until")
# Names of our own columns.
_SELECT = f"SELECT {', '.join(_NOTIFICATION)} FROM notification_log FINAL"
_TOLD = (
    "SELECT notification_id, receiver, group_key, reason, created_at, alert_ids, alert_states"
    " FROM notification_log FINAL WHERE state != 'dropped'"
)
_SELECT_SILENCE = f"SELECT {', '.join(_SILENCE)} FROM silence_rows FINAL"
_SELECT_ACKNOWLEDGEMENT = f"SELECT {', '.join(_ACKNOWLEDGEMENT)} FROM acknowledgement_rows FINAL"


class OutboxLog:
    """Serves the alerts' NotificationLog, and the people who ask it."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def routable_alerts(self, receivers: Sequence[str]) -> list[Alert]:
        """Alerts that are not resolved, and those of whose firing, but not of whose end, some receiver was told."""
        return routable_alerts(self._client, receivers)

    def told(self, alert_ids: Sequence[str], since: datetime) -> list[Told]:
        """Notifications that were not dropped: those about any of these alerts, and all made at `since` or later."""
        # Each condition has an index, both with OR have none.
        rows = self._client.query(
            f"SELECT * FROM ({_TOLD} AND created_at >= {{since:DateTime64(3,'UTC')}} UNION DISTINCT"
            f" {_TOLD} AND hasAny(alert_ids, {{ids:Array(String)}})) ORDER BY created_at, notification_id",
            {"since": since, "ids": list(alert_ids)},
        )
        return [
            Told(key, receiver, group, reason, created_at, dict(zip(ids, states, strict=True)))
            for key, receiver, group, reason, created_at, ids, states in rows
        ]

    def waiting_notifications(self) -> list[Notification]:
        """Notifications in state waiting, the oldest first. Their alerts have the state that is to be told."""
        # Of any version, which an index finds; then by the key, of which the latest version counts.
        once = "SELECT created_at, notification_id FROM notification_log WHERE state = 'waiting'"
        rows = self._client.query(
            f"{_SELECT} WHERE (created_at, notification_id) IN ({once}) AND state = 'waiting'"
            " ORDER BY created_at, notification_id"
        )
        return self._notifications(rows)

    def failed_notifications(self, since: datetime) -> list[Notification]:
        """Notifications in state failed, made at `since` or later, the oldest first."""
        rows = self._client.query(
            f"{_SELECT} WHERE state = 'failed' AND created_at >= {{since:DateTime64(3,'UTC')}}"
            " ORDER BY created_at, notification_id",
            {"since": since},
        )
        return self._notifications(rows)

    def notifications_of(self, alert_id: str) -> list[Notification]:
        """Notifications about the alert, the oldest first."""
        rows = self._client.query(
            f"{_SELECT} WHERE has(alert_ids, {{id:String}}) ORDER BY created_at, notification_id",
            {"id": alert_id},
        )
        return self._notifications(rows)

    def save_notifications(self, notifications: Sequence[Notification]) -> None:
        """Adds these as the latest versions; acknowledged when it returns."""
        self._client.insert("notification_log", _NOTIFICATION, [_row(note) for note in notifications])

    def silences(self, since: datetime) -> list[Silence]:
        """Silences that end after `since`, the first to end first."""
        return silences(self._client, since)

    def save_silence(self, silence: Silence) -> None:
        """Adds it as the latest version."""
        values = [getattr(silence, name) for name in _SILENCE]
        values[1] = json.dumps(silence.matchers, ensure_ascii=False)
        self._client.insert("silence_rows", _SILENCE, [tuple(values)])

    def acknowledgements(self, alert_ids: Sequence[str]) -> list[Acknowledgement]:
        """The latest one of each of these alerts that has any."""
        return acknowledgements(self._client, alert_ids)

    def save_acknowledgement(self, acknowledgement: Acknowledgement) -> None:
        """Adds it as the latest of its alert."""
        row = tuple(getattr(acknowledgement, name) for name in _ACKNOWLEDGEMENT)
        self._client.insert("acknowledgement_rows", _ACKNOWLEDGEMENT, [row])

    def _notifications(self, rows: Sequence[tuple[Any, ...]]) -> list[Notification]:
        """With the alerts that are in the store: erased texts are in no copy."""
        wanted = sorted({alert_id for row in rows for alert_id in row[4]})
        alerts = {alert.alert_id: alert for alert in alerts_by_id(self._client, wanted)}
        return [_notification(row, alerts) for row in rows]


def silences(reader: Reader, since: datetime) -> list[Silence]:
    """Silences that end after `since`, the first to end first."""
    rows = reader.query(
        f"{_SELECT_SILENCE} WHERE ends_at > {{since:DateTime64(3,'UTC')}} ORDER BY ends_at, silence_id",
        {"since": since},
    )
    return [Silence(silence_id, json.loads(matchers), *rest) for silence_id, matchers, *rest in rows]


def acknowledgements(reader: Reader, alert_ids: Sequence[str]) -> list[Acknowledgement]:
    """The latest one of each of these alerts that has any."""
    rows = reader.query(
        f"{_SELECT_ACKNOWLEDGEMENT} WHERE alert_id IN {{ids:Array(String)}} ORDER BY alert_id",
        {"ids": list(alert_ids)},
    )
    return [Acknowledgement(*row) for row in rows]


def _row(note: Notification) -> tuple[Any, ...]:
    ids, states = [a.alert_id for a in note.alerts], [a.state for a in note.alerts]
    about = (note.notification_id, note.receiver, note.group, note.reason, ids, states)
    return (
        *about,
        note.created_at,
        note.state,
        note.attempts,
        note.next_attempt_at,
        note.sent_at,
        note.error,
    )


def _notification(row: tuple[Any, ...], alerts: dict[str, Alert]) -> Notification:
    notification_id, receiver, group, reason, ids, states, *rest = row
    told = [_in_state(alerts[key], state) for key, state in zip(ids, states, strict=True) if key in alerts]
    return Notification(notification_id, receiver, group, reason, tuple(told), *rest)


def _in_state(alert: Alert, state: AlertState) -> Alert:
    """The alert as it was told: one that has ended since was firing then."""
    if alert.state == state:
        return alert
    return replace(alert, state=state, resolved_at=alert.resolved_at if state == "resolved" else None)
