"""The periodic work: roll dirty windows, evaluate rules, notify, prove the counts. Each job is safe to run again."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock

from alerts.engine import Engine
from alerts.outbox import Outbox
from alerts.own import COUNTS, advance_counts
from store.store import Store
from tidings.errors import TidingsError
from tidings.metrics import DIFFERING_WINDOWS, UNEXPLAINED_OFFSETS, WINDOWS_ROLLED

log = logging.getLogger(__name__)
_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)
_REST = 9


class Jobs:
    """`now` gives wall time or, when history is replayed, stream time (None before the first item)."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        outbox: Outbox,
        now: Callable[[], datetime | None],
        step: timedelta | None,
    ) -> None:
        self._store = store
        self._engine = engine
        self._outbox = outbox
        self._now = now
        self._step = step
        self._alerting = Lock()  # engine and proof write the same alerts, the outbox reads them
        self._looked_at = 0  # the latest roll that `look` has seen
        self._look_after = 0.0  # monotonic seconds
        self.evaluated: datetime | None = None  # the latest moment the rules were evaluated at

    def roll(self) -> int:
        """Recomputes dirty windows; returns how many minutes."""
        minutes = self._store.roll()
        WINDOWS_ROLLED.inc(minutes)
        return minutes

    def evaluate(self) -> None:
        """Evaluates the rules at `now`, and tells of what changed.

        With a `step` (stream time) it evaluates at every step since the last evaluation, so that
        a replay at any speed looks at the same moments as a live run would have.
        """
        self.notify()  # of what an evaluation saved before the process died
        now = self._now()
        if now is None:
            return
        self.roll()  # after `now` was read: every item up to it is in the windows
        moments = _moments(self.evaluated, now, self._step)
        for moment in moments:
            with self._alerting:
                changes = self._engine.evaluate(moment)
                self.evaluated = moment
                if changes:  # at once, so that a replay tells of every state, as a live run does
                    self._outbox.run()
        if self._step and moments:
            log.info("evaluated up to %s stream time", f"{moments[-1]:%Y-%m-%d %H:%M}")

    def look(self) -> None:
        """Evaluates the minute that is running, as soon as a roll (in whatever process) has changed a window.

        So an alert does not wait for its minute's end and for the next evaluation. By wall time only. After each look
        it rests nine times as long as that took: a tenth of the time at most goes into looking.
        """
        if time.monotonic() < self._look_after:
            return
        self.roll()
        rolled = self._store.latest_roll()
        if rolled == self._looked_at:
            return
        began = time.monotonic()
        with self._alerting:
            if self._engine.look(datetime.now(UTC)):
                self._outbox.run()
        self._looked_at, ended = rolled, time.monotonic()
        self._look_after = ended + _REST * (ended - began)

    def notify(self) -> None:
        """Writes the notifications that are due, by wall time, and starts their delivery; waits for no receiver."""
        with self._alerting:
            self._outbox.run()

    def stop(self, deliver_seconds: float = 0.0) -> bool:
        """Ends deliveries, after at most so many seconds for what could be sent now; whether all of that was sent.

        What waits stays in the store, and `notify` begins again.
        """
        delivered = self._outbox.wait(deliver_seconds)
        self._outbox.stop()
        return delivered

    def prove(self) -> None:
        """Compares the last day's windows with their items and accounts for every offset recorded in the last day.

        What does not agree is an alert, which lives on wall time: told once, resolved when a later proof finds nothing.
        """
        wall = datetime.now(UTC)
        now = self._now() or wall
        found = self._store.reconcile(now - _DAY, now + _MINUTE)
        unexplained = sum(one.unexplained for one in self._store.audit(wall - _DAY, wall + _MINUTE))
        DIFFERING_WINDOWS.set(found.differing)
        UNEXPLAINED_OFFSETS.set(unexplained)
        log.info(
            "proof: %d windows compared, %d differ, %d offsets unexplained",
            found.windows,
            found.differing,
            unexplained,
        )
        with self._alerting:
            active = self._store.active_alerts()
            firing = [one for one in active if one.fingerprint == COUNTS and one.state == "firing"]
            previous = firing[0] if firing else None
            alert = advance_counts(previous, found.differing, unexplained, wall)
            if alert is None:
                return
            self._store.save_alerts([alert])
            log.warning("alert %s: %s", alert.alert_id, alert.state)
            self._outbox.run()


def guarded(job: Callable[[], object], name: str) -> Callable[[], None]:
    """The job for a scheduler: an outage is one log line, and the next run tries again."""

    def run() -> None:
        try:
            job()
        except TidingsError as error:
            log.warning("%s will be tried again: %s", name, error)

    return run


def _moments(last: datetime | None, now: datetime, step: timedelta | None) -> list[datetime]:
    if step is None:
        return [now]
    seconds = int(step.total_seconds())
    end = datetime.fromtimestamp(now.timestamp() // seconds * seconds, now.tzinfo)
    if last is None:
        return [end]
    return [last + step * i for i in range(1, int((end - last) / step) + 1)]
