"""Takes one receiver its notifications: in order, retried with back-off, in a thread of its own.

A thread per receiver rather than a shared pool: sending blocks, receivers are few, and in a pool the one that hangs
takes the workers of all the others.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Event, Lock, Thread

from alerts.protocols import Receiver
from tidings.clock import Clock
from tidings.errors import TidingsError, Unavailable
from tidings.metrics import NOTIFICATIONS
from tidings.types import Notification

FIRST_RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 900.0
LONGEST_ASKED_SECONDS = 3600.0  # a Retry-After beyond this is not believed

_log = logging.getLogger(__name__)
_Save = Callable[[Sequence[Notification]], None]


class Courier:
    """One receiver's notifications. What it was handed is saved by `save` after each attempt, until that succeeds.

    Delivery is at least once: a process that dies between sending and saving sends again, under the same
    notification_id. A notification does not overtake an earlier one about the same alert. One that failed is dropped
    when a later one tells of all its alerts: if an alert ended before it could be told, its end, which says when it
    fired and why, is told alone.
    """

    def __init__(
        self,
        receiver: Receiver,
        save: _Save,
        clock: Clock,
        jitter: Callable[[], float],
        active: Callable[[], bool],
    ) -> None:
        """`jitter` gives numbers in [0, 1); while `active` says no nothing is sent, for another process does it."""
        self._receiver = receiver
        self._save = save
        self._clock = clock
        self._jitter = jitter
        self._active = active
        self._lock = Lock()
        self._waiting: dict[str, Notification] = {}
        self._unsaved: dict[str, Notification] = {}
        self._finished: set[str] = set()
        self._pause_until: datetime | None = None
        self._sending = False
        self._wake, self._stop = Event(), Event()  # each thread has a stop of its own
        self._thread: Thread | None = None

    def offer(self, waiting: Sequence[Notification]) -> None:
        """Takes what the log says is waiting; what is known or done is left as it is. Starts the thread."""
        with self._lock:
            for note in waiting:
                if note.notification_id not in self._finished:
                    self._waiting.setdefault(note.notification_id, note)
            idle = not self._waiting and not self._unsaved
        if self._thread is None and not idle:
            self._stop = Event()
            name = f"courier-{self._receiver.name}"
            self._thread = Thread(target=self._run, args=(self._stop,), name=name, daemon=True)
            self._thread.start()
        self._wake.set()

    def step(self) -> float | None:
        """Sends at most one notification; returns the seconds until there is more to do, None when nothing waits."""
        if not self._save_rest() or not self._active():
            return FIRST_RETRY_SECONDS
        now = self._clock.now()
        with self._lock:
            dropped = _superseded(list(self._waiting.values()))
            note, seconds = self._next(now, {one.notification_id for one in dropped})
            self._sending = note is not None
        try:
            for one in dropped:
                self._close(replace(one, state="dropped", next_attempt_at=None))
            if note is None:
                return seconds
            self._attempt(note)
        finally:
            self._sending = False
        return 0.0 if self._save_rest() else FIRST_RETRY_SECONDS

    @property
    def busy(self) -> bool:
        """Whether it sends, or could: something is due now, or not saved yet."""
        with self._lock:
            note, _ = self._next(self._clock.now())
            return self._sending or bool(self._unsaved) or note is not None

    def stop(self, seconds: float) -> None:
        """Ends the thread after the attempt in hand, waiting for that so long; what waits stays in the log."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(seconds)
            self._thread = None
        with self._lock:
            self._waiting.clear()

    def _run(self, stop: Event) -> None:
        while not stop.is_set():
            self._wake.clear()
            try:
                seconds = self.step()
            except Exception as error:  # a defect of ours must not end deliveries; its text may hold a secret
                _log.error("receiver %s: unexpected %s", self._receiver.name, type(error).__name__)
                seconds = FIRST_RETRY_SECONDS
            if seconds != 0:
                self._wake.wait(seconds)

    def _next(self, now: datetime, without: Collection[str] = ()) -> tuple[Notification | None, float | None]:
        """What may be sent now, or else the seconds until something may."""
        heads, earlier = list[Notification](), set[str]()
        for note in sorted(self._waiting.values(), key=lambda note: note.created_at):
            about = {alert.alert_id for alert in note.alerts}
            if note.notification_id not in without and not about & earlier:
                heads.append(note)
                earlier |= about
        if not heads:
            return None, None
        times = [max(filter(None, (note.next_attempt_at, self._pause_until)), default=now) for note in heads]
        at = times.index(min(times))
        wait = (times[at] - now).total_seconds()
        return (heads[at], 0.0) if wait <= 0 else (None, wait)

    def _attempt(self, note: Notification) -> None:
        note = replace(note, attempts=note.attempts + 1, next_attempt_at=None)
        if not note.alerts:
            self._close(replace(note, state="dropped", error="its alerts are no longer in the store"))
            return
        try:
            self._receiver.send(note)
        except Unavailable as error:
            self._retry(note, str(error), error.retry_after_seconds)
        except TidingsError as error:
            _log.error(
                "notification %s (%s) cannot be sent to %s and is given up: %s",
                *(note.notification_id, note.reason, note.receiver, error),
            )
            self._close(replace(note, state="failed", error=str(error)))
        except Exception as error:  # its text is not kept: it may hold an address with a secret in it
            self._retry(note, f"unexpected {type(error).__name__}", None)
        else:
            self._close(replace(note, state="sent", sent_at=self._clock.now(), error=""))

    def _retry(self, note: Notification, error: str, asked_seconds: float | None) -> None:
        now = self._clock.now()
        longest = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0 ** min(note.attempts - 1, 20))
        asked = min(asked_seconds or 0.0, LONGEST_ASKED_SECONDS)
        seconds = max(longest * (0.5 + 0.5 * self._jitter()), asked)
        note = replace(note, next_attempt_at=now + timedelta(seconds=seconds), error=error)
        with self._lock:
            # The receiver is down for the others as well: the next one is not tried at once.
            self._pause_until = now + timedelta(seconds=max(asked, min(seconds, FIRST_RETRY_SECONDS)))
            self._waiting[note.notification_id] = note
            self._unsaved[note.notification_id] = note
        NOTIFICATIONS.labels(note.receiver, "retry").inc()
        _log.warning(
            "notification %s (%s) not sent to %s, again in %.0f s: %s",
            *(note.notification_id, note.reason, note.receiver, seconds, error),
        )

    def _close(self, note: Notification) -> None:
        with self._lock:
            self._waiting.pop(note.notification_id, None)
            self._finished.add(note.notification_id)
            self._unsaved[note.notification_id] = note
        NOTIFICATIONS.labels(note.receiver, note.state).inc()

    def _save_rest(self) -> bool:
        """Marks in the log what is done; False when the store cannot be reached."""
        with self._lock:
            rest = list(self._unsaved.values())
        if not rest:
            return True
        try:
            self._save(rest)
        except Unavailable as error:
            _log.warning("receiver %s: what was sent is marked later: %s", self._receiver.name, error)
            return False
        with self._lock:
            for note in rest:
                if self._unsaved.get(note.notification_id) is note:
                    del self._unsaved[note.notification_id]
        return True


def _superseded(waiting: Sequence[Notification]) -> list[Notification]:
    """Those that failed before, all of whose alerts a later one tells of."""
    found, later = list[Notification](), dict[str, str]()
    for note in sorted(waiting, key=lambda note: note.created_at, reverse=True):
        about = {alert.alert_id for alert in note.alerts}
        if note.attempts and about and about <= later.keys():
            by = later[min(about)]
            found.append(replace(note, error=f"replaced by {by} after: {note.error}"))
        later |= dict.fromkeys(about, note.notification_id)
    return found
