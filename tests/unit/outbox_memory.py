"""A small pure log of notifications for the tests of routing and outbox, and a receiver that keeps what it gets."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock

from tests.unit.alerts_memory import START
from tidings.errors import Unavailable
from tidings.types import Acknowledgement, Alert, Notification, Silence, Told


@dataclass
class Turned:
    """A clock that tests turn."""

    at: datetime = START

    def now(self) -> datetime:
        return self.at


@dataclass
class MemoryLog:
    """Keeps the latest version of everything, as the store does; `down` refuses to save."""

    alerts: dict[str, Alert] = field(default_factory=dict)
    notes: dict[str, Notification] = field(default_factory=dict)
    quiet: list[Silence] = field(default_factory=list)
    seen: list[Acknowledgement] = field(default_factory=list)
    down: bool = False
    lock: Lock = field(default_factory=Lock)

    def put(self, *alerts: Alert) -> None:
        self.alerts |= {alert.alert_id: alert for alert in alerts}

    def routable_alerts(self, receivers: Sequence[str]) -> list[Alert]:
        states: dict[tuple[str, str], set[str]] = {}
        for note in self.notes.values():
            for alert in note.alerts:
                if note.state != "dropped" and note.receiver in receivers:
                    states.setdefault((note.receiver, alert.alert_id), set()).add(alert.state)
        open_ids = {alert_id for (_, alert_id), said in states.items() if "resolved" not in said}
        return [a for a in self.alerts.values() if a.state != "resolved" or a.alert_id in open_ids]

    def told(self, alert_ids: Sequence[str], since: datetime) -> list[Told]:
        return [
            Told(n.notification_id, n.receiver, n.group, n.reason, n.created_at, states)
            for n in self.notes.values()
            if n.state != "dropped"
            and (
                (states := {a.alert_id: a.state for a in n.alerts}).keys() & alert_ids
                or n.created_at >= since
            )
        ]

    def waiting_notifications(self) -> list[Notification]:
        with self.lock:
            return sorted(
                (n for n in self.notes.values() if n.state == "waiting"), key=lambda n: n.created_at
            )

    def failed_notifications(self, since: datetime) -> list[Notification]:
        return [n for n in self.notes.values() if n.state == "failed" and n.created_at >= since]

    def save_notifications(self, notifications: Sequence[Notification]) -> None:
        if self.down:
            raise Unavailable("store: connection refused")
        with self.lock:
            for note in notifications:
                self.notes[note.notification_id] = note

    def silences(self, since: datetime) -> list[Silence]:
        return [one for one in self.quiet if one.ends_at > since]

    def acknowledgements(self, alert_ids: Sequence[str]) -> list[Acknowledgement]:
        return [one for one in self.seen if one.alert_id in alert_ids]


@dataclass
class Inbox:
    """A receiver that keeps what it gets, or raises what it is told to."""

    name: str
    error: Exception | None = None
    tried: int = 0
    got: list[Notification] = field(default_factory=list)

    def send(self, notification: Notification) -> None:
        self.tried += 1
        if self.error:
            raise self.error
        self.got.append(notification)

    @property
    def heard(self) -> list[tuple[str, str]]:
        """(alert_id, state) in the order of arrival."""
        return [(alert.alert_id, alert.state) for note in self.got for alert in note.alerts]


def alert_of(key: str, at: datetime = START, **changes: object) -> Alert:
    """A firing entity alert on `key`."""
    alert = Alert(
        alert_id=f"{key}-1", fingerprint=key, rule="spike", scope="entity", key=key, severity="critical",
        state="firing", value=23.2, expected=0.81, p_value=2e-12, window_seconds=600, started_at=at, fired_at=at,
        labels={"scope": "entity", "key": key},
    )  # fmt: skip
    return replace(alert, **changes)  # type: ignore[arg-type]  # the fields of Alert, by name


def ended(alert: Alert, at: datetime) -> Alert:
    return replace(alert, state="resolved", resolved_at=at)
