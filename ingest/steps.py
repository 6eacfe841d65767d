"""The steps of a batch: beside the consumer's own polling, and again and again while something is unavailable."""

import logging
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event
from types import TracebackType
from typing import Protocol, Self, TypeVar

from tidings import metrics
from tidings.errors import Unavailable

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")
# How long the group goes without a word from this thread. A step that is done sooner costs no poll.
_QUIET_SECONDS = 0.25


class Member(Protocol):
    """A member of a consumer group, used from one thread only."""

    def keep_alive(self) -> bool:
        """Polls without reading; True while the group is rebalancing: call again at once."""
        ...


@dataclass(frozen=True)
class Backoff:
    """Seconds to wait before try n (0, 1, …): doubling from `first` up to `longest`, less up to a half."""

    first: float = 0.5
    longest: float = 30.0

    def seconds(self, attempt: int) -> float:
        delay = min(self.longest, self.first * 2.0 ** min(attempt, 32))
        return delay * random.uniform(0.5, 1.0)  # noqa: S311  (spreads retries; nothing secret)


class StoppedWaiting(Exception):
    """Stop was asked for while something was unavailable."""


class Steps:
    """Runs steps until they are done; meanwhile the member tells its group that it lives.

    What is Unavailable is tried again after growing pauses, for as long as it takes: `stop` ends the waiting with
    StoppedWaiting. Every other error ends the step and is raised.
    """

    def __init__(self, member: Member, stop: Event, backoff: Backoff) -> None:
        self._member = member
        self._stop = stop
        self._backoff = backoff
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tidings-step")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._worker.shutdown()

    def here(self, step: str, action: Callable[[], _Result]) -> _Result:
        """Runs what uses the consumer, in the thread that calls."""
        attempt = 0
        while True:
            try:
                with metrics.BATCH_SECONDS.labels(step).time():
                    return action()
            except Unavailable as error:
                metrics.RETRIES.labels(step, type(error).__name__).inc()
                seconds = self._backoff.seconds(attempt)
                _log.warning("%s: %s; trying again in %.1f s", step, error, seconds)
                self._pause(seconds)
                attempt += 1

    def aside(self, step: str, action: Callable[[], _Result]) -> _Result:
        """Runs what may take long in a thread of its own, while the calling thread keeps the member alive."""

        def run() -> _Result:
            future = self._worker.submit(action)
            quiet = _QUIET_SECONDS
            while wait([future], timeout=quiet).not_done:
                quiet = self._keep_alive()
            return future.result()

        return self.here(step, run)

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        quiet = _QUIET_SECONDS
        while (left := end - time.monotonic()) > 0:
            if self._stop.wait(min(left, quiet)):
                raise StoppedWaiting
            quiet = self._keep_alive()

    def _keep_alive(self) -> float:
        """Seconds until the member should be kept alive again."""
        try:
            return 0.0 if self._member.keep_alive() else _QUIET_SECONDS
        except Unavailable as error:
            _log.debug("keep-alive: %s", error)
            return _QUIET_SECONDS
