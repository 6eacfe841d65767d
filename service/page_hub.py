"""The live page's hub: one look at the store every few seconds for all who watch, and none when nobody does."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Generic, TypeVar

import anyio.to_thread

from dashboards.page.language import Language

log = logging.getLogger(__name__)
T = TypeVar("T")
EVERY_SECONDS = 2.0
HEARTBEAT_SECONDS = 15.0
_FIRST = b"retry: 3000\n\n"
_HEARTBEAT = b": still here\n\n"


class Hub(Generic[T]):
    """`read` looks at the store, given what it saw last (in a thread); `show` makes the events of a language of it.

    A viewer holds no queue: it is woken, takes the newest state, and is sent the events that changed since its last.
    Who reads slowly so skips what is old. To be used within one event loop.
    """

    def __init__(
        self,
        read: Callable[[T | None], T],
        show: Callable[[T, Language], Mapping[str, str]],
        most_viewers: int,
        every_seconds: float = EVERY_SECONDS,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._read = read
        self._show = show
        self._most = most_viewers
        self._every = every_seconds
        self._heartbeat = heartbeat_seconds
        self._viewers: Counter[Language] = Counter()
        self._seen: T | None = None
        self._seen_at = float("-inf")
        self._reading = asyncio.Lock()
        self._states: dict[Language, dict[str, bytes]] = {}
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_full(self) -> bool:
        """Whether no more viewers are let in."""
        return self._viewers.total() >= self._most

    @property
    def is_running(self) -> bool:
        """Whether the store is being looked at for somebody."""
        return self._task is not None and not self._task.done()

    async def now(self) -> T:
        """What was seen in the last few seconds, or is seen now; raises what `read` raises."""
        async with self._reading:
            if self._seen is None or time.monotonic() - self._seen_at >= self._every:
                self._seen = await anyio.to_thread.run_sync(self._read, self._seen)
                self._seen_at = time.monotonic()
            return self._seen

    async def events(self, language: Language) -> AsyncIterator[bytes]:
        """The stream of one viewer, until it goes away."""
        self._viewers[language] += 1
        if not self.is_running:
            self._task = asyncio.create_task(self._run())
        try:
            yield _FIRST
            sent: dict[str, bytes] = {}
            told_at = time.monotonic()
            while True:
                changed, state = self._changed, self._states.get(language, {})
                fresh = [data for name, data in state.items() if data != sent.get(name)]
                if fresh:
                    yield b"".join(fresh)
                    sent, told_at = state, time.monotonic()
                elif time.monotonic() - told_at >= self._heartbeat:
                    yield _HEARTBEAT
                    told_at = time.monotonic()
                if changed.is_set():  # a newer state came while this one was sent
                    continue
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), self._heartbeat)
        finally:
            self._viewers[language] -= 1

    async def _run(self) -> None:
        while self._viewers.total():
            try:
                seen = await self.now()
                languages = [language for language, count in self._viewers.items() if count]
                for language in languages:
                    shown = await anyio.to_thread.run_sync(self._show, seen, language)
                    self._states[language] = {name: event(name, data) for name, data in shown.items()}
            except Exception:
                log.exception("the live page could not be brought up to date; it tries again")
            self._changed.set()
            self._changed = asyncio.Event()
            await asyncio.sleep(self._every)
        self._states.clear()


def event(name: str, data: str) -> bytes:
    """A server-sent event (HTML Standard, 9.2.6)."""
    lines = data.replace("\r", "").split("\n")
    return "".join([f"event: {name}\n", *(f"data: {line}\n" for line in lines), "\n"]).encode(
        "utf-8", "replace"
    )
