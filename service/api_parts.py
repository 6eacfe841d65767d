"""What the API's routes work with, made from the settings; and how they do slow things beside the event loop."""

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread

from classifier.model import Model
from service.api_batcher import Batcher
from service.api_keys import Keys
from service.api_push import Push
from store.reader import open_reader
from store.store import Store
from tidings.errors import Unavailable
from tidings.settings import Settings

T = TypeVar("T")
_WAIT_SECONDS = 10
_READS, _PUSHES, _EXPLANATIONS = 4, 8, 2  # at once


class Threads:
    """Runs blocking functions in at most `count` threads; who waits for one too long is told to come back."""

    def __init__(self, count: int) -> None:
        self._slots = anyio.CapacityLimiter(count)

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """The function's answer; raises Unavailable when no thread was free within ten seconds."""
        borrower = object()
        with anyio.move_on_after(_WAIT_SECONDS) as waiting:
            await self._slots.acquire_on_behalf_of(borrower)
        if waiting.cancelled_caught:
            raise Unavailable("too many requests of this kind at once", 2)
        try:
            return await anyio.to_thread.run_sync(lambda: function(*arguments), limiter=_free())
        finally:
            self._slots.release_on_behalf_of(borrower)


class Parts:
    """Opens nothing before the first request; `close` ends what has been opened since."""

    def __init__(
        self, settings: Settings, store: Store, model: Callable[[], Model], keys: Keys | None
    ) -> None:
        self.settings = settings
        self.store = store
        self.model = model
        self.keys = keys
        self.reader = open_reader(settings.store)
        self.scorer = Batcher(lambda: model().predict)
        self.push = Push(settings.kafka)
        self.reads, self.pushes, self.explanations = (Threads(n) for n in (_READS, _PUSHES, _EXPLANATIONS))

    def close(self) -> None:
        """Scores what waits, then disconnects."""
        self.scorer.close()
        self.push.close()
        self.reader.close()


def _free() -> anyio.CapacityLimiter:
    """The bound is that of Threads; anyio's own would be shared with everything else in the process."""
    return anyio.CapacityLimiter(1)
