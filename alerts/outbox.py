"""The outbox: a notification is written down before it is sent and marked after, so that none is lost or repeated."""

import logging
import random
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import timedelta

from alerts.courier import Courier
from alerts.protocols import NotificationLog, Receiver
from alerts.routing import Policy, Situation, due
from tidings.clock import Clock, WallClock
from tidings.metrics import NOTIFICATIONS
from tidings.types import Notification, Told

STOP_SECONDS = 15.0
_TRIED_ANEW = timedelta(days=7)
_POLL_SECONDS = 0.01

_log = logging.getLogger(__name__)


class Outbox:
    """Decides what is due, writes it to the log, and hands what waits there to the receivers' couriers.

    All times are wall time, also when history is replayed: receivers and people live in it. The log is all it
    remembers: after a restart, or in another process, `run` goes on where this one was. One process at a time runs it.
    """

    def __init__(
        self,
        log: NotificationLog,
        receivers: Sequence[Receiver],
        policy: Policy | None = None,
        clock: Clock | None = None,
        jitter: Callable[[], float] | None = None,
        active: Callable[[], bool] = lambda: True,
    ) -> None:
        """`jitter` gives numbers in [0, 1); `active` is asked before each notification is sent."""
        self._log = log
        self._policy = policy or Policy()
        self._clock = clock or WallClock()
        self._begun = False
        jitter = jitter or random.SystemRandom().random
        self._couriers = {
            one.name: Courier(one, log.save_notifications, self._clock, jitter, active) for one in receivers
        }

    def run(self) -> int:
        """Writes what is due and starts its delivery; returns how many notifications. Does not wait for receivers."""
        if not self._begun:
            self._try_anew()
            self._begun = True
        written = self._write_due() if self._couriers else 0
        waiting = self._log.waiting_notifications()
        for name, courier in self._couriers.items():
            courier.offer([note for note in waiting if note.receiver == name])
        self._drop([note for note in waiting if note.receiver not in self._couriers])
        return written

    def wait(self, seconds: float) -> bool:
        """Waits until nothing is being sent, or could be sent now, at most so long; whether that came about."""
        end = time.monotonic() + seconds
        while any(courier.busy for courier in self._couriers.values()):
            if time.monotonic() > end:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def stop(self) -> None:
        """Ends deliveries after those in hand; what waits stays in the log. `run` begins again."""
        end = time.monotonic() + STOP_SECONDS
        for courier in self._couriers.values():
            courier.stop(max(0.0, end - time.monotonic()))

    def _try_anew(self) -> None:
        """What was refused for good before this process began, for somebody may have put the settings right since."""
        failed = self._log.failed_notifications(self._clock.now() - _TRIED_ANEW)
        if not failed:
            return
        alerts = self._log.routable_alerts(tuple(self._couriers))
        firing = {alert.alert_id for alert in alerts if alert.state == "firing"}
        told = self._log.told(sorted(firing), self._clock.now())
        anew = [note for note in failed if _is_open(note, told, firing)]
        for note in anew:
            _log.info("notification %s to %s is tried once more", note.notification_id, note.receiver)
        if anew:
            self._log.save_notifications(
                [replace(note, state="waiting", next_attempt_at=None) for note in anew]
            )

    def _write_due(self) -> int:
        now = self._clock.now()
        alerts = self._log.routable_alerts(tuple(self._couriers))
        if not alerts:
            return 0
        ids = [alert.alert_id for alert in alerts]
        situation = Situation(
            alerts=alerts,
            told=self._log.told(ids, now - self._policy.memory),
            silences=self._log.silences(now),
            acknowledgements=self._log.acknowledgements(ids),
        )
        notes = due(situation, tuple(self._couriers), self._policy, now)
        if notes:
            self._log.save_notifications(notes)
        return len(notes)

    def _drop(self, notes: Sequence[Notification]) -> None:
        if not notes:
            return
        for note in notes:
            _log.warning(
                "notification %s: receiver %r is no longer configured; dropped",
                *(note.notification_id, note.receiver),
            )
            NOTIFICATIONS.labels(note.receiver, "dropped").inc()
        error = "the receiver is no longer configured"
        self._log.save_notifications([replace(note, state="dropped", error=error) for note in notes])


def _is_open(note: Notification, told: Sequence[Told], firing: Collection[str]) -> bool:
    """Whether one of its alerts still fires of which its receiver was told nothing later."""
    later = [one for one in told if one.receiver == note.receiver and one.created_at > note.created_at]
    heard = {alert_id for one in later for alert_id in one.states}
    return any(alert.alert_id in firing and alert.alert_id not in heard for alert in note.alerts)
