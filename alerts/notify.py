"""Sends what is unsent: each receiver on its own, retried with back-off, never twice on purpose."""

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from alerts.protocols import History, Receiver
from tidings.clock import Clock, WallClock
from tidings.errors import TidingsError, Unavailable
from tidings.metrics import NOTIFICATIONS
from tidings.types import Alert

FIRST_RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 900.0

_log = logging.getLogger(__name__)
_Key = tuple[str, str, str]  # alert_id, state, receiver


class Notifier:
    """Delivers alerts to receivers at least once; the history is marked after each delivery.

    A receiver is told of an alert's present state. If the alert resolved before a receiver could be
    reached, that receiver gets the one 'resolved' message, which says when it fired, and why. Back-off is
    counted in wall time and kept in memory: after a restart the first try comes at once.
    """

    def __init__(
        self,
        history: History,
        receivers: Sequence[Receiver],
        clock: Clock | None = None,
        jitter: Callable[[], float] | None = None,
    ) -> None:
        """`jitter` gives numbers in [0, 1)."""
        self._history = history
        self._receivers = {receiver.name: receiver for receiver in receivers}
        self._clock = clock or WallClock()
        self._jitter = jitter or random.SystemRandom().random
        self._waits: dict[_Key, tuple[int, datetime]] = {}  # failures so far, and when to try again
        self._told: set[_Key] = set()  # delivered, but not yet known to be saved

    @property
    def receivers(self) -> tuple[str, ...]:
        """The names of the receivers."""
        return tuple(self._receivers)

    def flush(self) -> int:
        """Tries everything that is due; returns how many notifications were delivered.

        A receiver found unavailable is not asked again in the same flush.
        """
        waiting = [a for a in self._history.active_alerts() if a.unsent and a.state in ("firing", "resolved")]
        due = {(a.alert_id, a.state, name) for a in waiting for name in a.unsent}
        self._waits = {key: wait for key, wait in self._waits.items() if key in due}
        self._told &= due
        sent, down = 0, set[str]()
        for alert in sorted(waiting, key=lambda a: a.fired_at or a.started_at):
            left = alert.unsent
            for name in alert.unsent:
                outcome = self._deliver(alert, name, name in down)
                if outcome == "waits":
                    continue
                NOTIFICATIONS.labels(name, outcome).inc()
                sent += outcome == "sent"
                if outcome == "retry":
                    down.add(name)
                else:
                    left = tuple(other for other in left if other != name)
                    self._history.save_alerts([replace(alert, unsent=left)])
        return sent

    def _deliver(self, alert: Alert, name: str, down: bool) -> str:
        key = (alert.alert_id, alert.state, name)
        receiver = self._receivers.get(name)
        failures, not_before = self._waits.get(key, (0, None))
        if key in self._told:
            return "saved"
        if receiver is None:
            _log.warning("alert %s: receiver %r is no longer configured; dropped", alert.alert_id, name)
            return "dropped"
        if down or (not_before is not None and self._clock.now() < not_before):
            return "waits"
        try:
            receiver.send(alert)
        except Unavailable as error:
            self._wait(key, failures, str(error))
            return "retry"
        except TidingsError as error:
            _log.error("alert %s: %s cannot be sent to %s and is given up: %s", *key[:2], name, error)
            return "failed"
        except Exception as error:
            # A defect of ours must neither lose the alert nor stop other receivers. Its text is not
            # logged: it may hold an address with a secret in it.
            self._wait(key, failures, f"unexpected {type(error).__name__}")
            return "retry"
        self._told.add(key)
        return "sent"

    def _wait(self, key: _Key, failures: int, reason: str) -> None:
        longest = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0 ** min(failures, 20))
        seconds = longest * (0.5 + 0.5 * self._jitter())
        self._waits[key] = (failures + 1, self._clock.now() + timedelta(seconds=seconds))
        _log.warning("alert %s: %s not sent to %s, again in %.0f s: %s", *key, seconds, reason)
