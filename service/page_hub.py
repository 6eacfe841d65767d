"""The live page's hub: one look at the store every few seconds for all who watch a page, none when nobody does."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Any, Generic, TypeVar

import anyio
import anyio.to_thread

from dashboards.page.language import Language
from dashboards.page.view import Seen, View
from service.page_reader import OneRound
from store.reader import Reader
from tidings.errors import TidingsError

log = logging.getLogger(__name__)
T = TypeVar("T")
EVERY_SECONDS = 2.0
HEARTBEAT_SECONDS = 15.0
MOST_VIEWS = 64  # pages that may be watched at once; as many that are not are remembered
_AT_ONCE = 4  # reads, so that viewers leave the machine to the stream
_FIRST = b"retry: 3000\n\n"
_HEARTBEAT = b": still here\n\n"
Show = Callable[[View[Any], Seen[Any], Language], Mapping[str, str]]


class Hub:
    """`show` makes the events of a language of what was seen; both it and the views' reads run in threads.

    A viewer holds no queue: it is woken, takes the newest state, and is sent the events that changed since its last.
    Who reads slowly so skips what is old. To be used within one event loop.
    """

    def __init__(
        self,
        reader: Reader,
        show: Show,
        most_viewers: int,
        most_views: int = MOST_VIEWS,
        every_seconds: float = EVERY_SECONDS,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._reader = reader
        self._show = show
        self._most = most_viewers
        self._most_views = most_views
        self._every = every_seconds
        self._heartbeat = heartbeat_seconds
        self._watches: dict[View[Any], _Watch[Any]] = {}
        self._slots = anyio.CapacityLimiter(_AT_ONCE)
        self._task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """Whether the store is being looked at for somebody."""
        return self._task is not None and not self._task.done()

    def has_room(self, view: View[Any]) -> bool:
        """Whether one more viewer may watch it."""
        watched = self._watched()
        known = any(watch.view == view for watch in watched)
        viewers = sum(watch.viewers.total() for watch in watched)
        return viewers < self._most and (known or len(watched) < self._most_views)

    async def now(self, view: View[T]) -> Seen[T] | None:
        """What the view shows: seen in the last few seconds where somebody watches it, else read now, once for all
        who wait. None: nothing is there. Raises what `read` raises, unless it was seen before."""
        return await self._look(self._watch(view), self._reader)

    async def events(self, view: View[Any], language: Language) -> AsyncIterator[bytes]:
        """The stream of one viewer, until it goes away."""
        watch = self._watch(view)
        watch.viewers[language] += 1
        if not self.is_running:
            self._task = asyncio.create_task(self._run())
        try:
            yield _FIRST
            sent: dict[str, bytes] = {}
            told_at = time.monotonic()
            while True:
                changed, state = watch.changed, watch.states.get(language, {})
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
            watch.viewers[language] -= 1
            if not watch.viewers[language]:
                watch.states.pop(language, None)  # nobody keeps it up to date

    async def _run(self) -> None:
        """Views that come first, then those whose viewers together have waited the longest.

        A round that takes long leaves the rest to the next, so that many pages are brought up to date less often, and
        never all of the time.
        """
        while watched := self._watched():
            began = time.monotonic()
            reader = OneRound(self._reader)
            for watch in sorted(watched, key=lambda one: one.turn(began), reverse=True):
                await self._update(watch, reader)
                if time.monotonic() - began >= self._every:
                    break
            await asyncio.sleep(self._every)

    async def _update(self, watch: "_Watch[Any]", reader: Reader) -> None:
        try:
            seen = await self._look(watch, reader)
            if seen is None:
                return  # it is no longer there; what was shown of it stays
            for language in [language for language, count in watch.viewers.items() if count]:
                shown = await anyio.to_thread.run_sync(self._show, watch.view, seen, language)
                watch.states[language] = {name: event(name, data) for name, data in shown.items()}
        except Exception:
            log.exception("%s could not be brought up to date; it is tried again", watch.view.path)
        watch.changed.set()
        watch.changed = asyncio.Event()

    async def _look(self, watch: "_Watch[T]", reader: Reader) -> Seen[T] | None:
        fresh_since = time.monotonic() - (self._every if watch.viewers.total() else 0)
        async with watch.reading:
            if watch.seen_at < fresh_since:
                began = time.monotonic()
                watch.seen = await anyio.to_thread.run_sync(
                    _read, watch.view, watch.seen, reader, limiter=self._slots
                )
                watch.seen_at = began
            return watch.seen

    def _watch(self, view: View[T]) -> "_Watch[T]":
        found = self._watches.pop(view, None) or _Watch(view)
        self._watches[view] = found  # as the latest
        idle = [one for one in self._watches.values() if not one.viewers.total()]
        for one in idle[: -self._most_views]:
            del self._watches[one.view]
        return found

    def _watched(self) -> "list[_Watch[Any]]":
        return [watch for watch in self._watches.values() if watch.viewers.total()]


class _Watch(Generic[T]):
    """One view: who watches it, what was seen last (from when on), and its events in each language."""

    def __init__(self, view: View[T]) -> None:
        self.view = view
        self.viewers: Counter[Language] = Counter()
        self.seen: Seen[T] | None = None
        self.seen_at = float("-inf")
        self.reading = asyncio.Lock()
        self.states: dict[Language, dict[str, bytes]] = {}
        self.changed = asyncio.Event()

    def turn(self, now: float) -> tuple[bool, float]:
        """The larger comes earlier: how long its viewers have waited, all together, in seconds."""
        return self.view.first, (now - self.seen_at) * self.viewers.total()


def _read(view: View[T], before: Seen[T] | None, reader: Reader) -> Seen[T] | None:
    try:
        value = view.read(reader)
    except TidingsError as error:
        if before is None:
            raise
        log.warning("%s shows what was seen before: %s", view.path, error)
        return Seen(before.value, away=True)
    return None if value is None else Seen(value)


def event(name: str, data: str) -> bytes:
    """A server-sent event (HTML Standard, 9.2.6)."""
    lines = data.replace("\r", "").split("\n")
    return "".join([f"event: {name}\n", *(f"data: {line}\n" for line in lines), "\n"]).encode(
        "utf-8", "replace"
    )
