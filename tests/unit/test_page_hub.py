"""The live page's hub: one look for everybody, none for nobody, whole states, the slow skip to the newest."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from dashboards.page.language import Language
from dashboards.page.view import Seen, View
from service.page_hub import Hub, event
from store.client import Params, Row
from tidings.errors import Unavailable


class Looks:
    """Counts the looks and the queries; what it shows changes when `value` does."""

    def __init__(self) -> None:
        self.count = 0
        self.paths: list[str] = []
        self.queries = 0
        self.value = "a"
        self.fails: Exception | None = None
        self.seconds = 0.0  # that a look takes

    def query(self, sql: str, params: Params | None = None) -> list[Row]:
        self.queries += 1
        return [(sql,)]

    def close(self) -> None:
        pass

    def view(self, path: str = "/") -> View[str]:
        def read(reader: Any) -> str | None:
            self.count += 1
            self.paths.append(path)
            time.sleep(self.seconds)
            if self.fails:
                raise self.fails
            reader.query("SELECT 1", {"a": 1})
            return None if path == "/none" else self.value

        return View(path, "", "", read, lambda value, words: {}, first=path == "/first")

    def show(self, view: View[str], seen: Seen[str], language: Language) -> Mapping[str, str]:
        return {"tape": f"{seen.value} of {view.path} in {language}", "away": str(seen.away)}


def hub(looks: Looks, heartbeat: float = 5.0, most: int = 10, views: int = 5, every: float = 0.02) -> Hub:
    return Hub(looks, looks.show, most, views, every_seconds=every, heartbeat_seconds=heartbeat)


async def told(viewer: AsyncIterator[bytes]) -> bytes:
    return await asyncio.wait_for(anext(viewer), 5)


async def close(viewer: AsyncIterator[bytes]) -> None:
    await viewer.aclose()  # type: ignore[attr-defined]  # it is a generator


def test_all_viewers_share_one_look_and_each_hears_it_in_its_language() -> None:
    looks = Looks()

    async def play() -> None:
        shared = hub(looks)
        viewers = [shared.events(looks.view(), "zh" if n % 2 else "en") for n in range(6)]
        firsts = [await told(viewer) for viewer in viewers]
        states = await asyncio.gather(*map(told, viewers))
        assert all(first.startswith(b"retry:") for first in firsts)
        assert b"data: a of / in en" in states[0]
        assert b"data: a of / in zh" in states[1]
        assert looks.count <= 3
        for viewer in viewers:
            await close(viewer)
        await asyncio.sleep(0.1)
        assert not shared.is_running
        seen = looks.count
        await asyncio.sleep(0.1)
        assert looks.count == seen, "nobody looks: nothing is read"

    asyncio.run(play())


def test_pages_are_looked_at_for_those_who_watch_them_and_share_their_queries() -> None:
    looks = Looks()

    async def play() -> None:
        shared = hub(looks, every=0.5)
        pages = [looks.view(path) for path in ("/a", "/b", "/c")]
        viewers = [shared.events(view, "en") for view in pages]
        for viewer in viewers:
            await told(viewer)
        states = await asyncio.gather(*map(told, viewers))
        assert [b"a of /b in en" in state for state in states] == [False, True, False]
        assert looks.queries < looks.count, "the same question was asked once a round"
        for viewer in viewers:
            await close(viewer)

    asyncio.run(play())


def test_when_there_is_too_much_to_read_all_get_their_turn_and_the_store_its_rest() -> None:
    looks = Looks()
    looks.seconds = 0.02
    others = [f"/{n}" for n in range(10)]

    async def play() -> None:
        shared, began = hub(looks, views=20, every=0.04, most=20), time.monotonic()
        viewers = [shared.events(looks.view(path), "en") for path in ("/first", *["/crowd"] * 8, *others)]
        for viewer in viewers:
            await told(viewer)
        while min(looks.paths.count(path) for path in others) < 2:
            await asyncio.sleep(0.02)
            assert time.monotonic() - began < 10, "some wait for ever"
        first, crowd = looks.paths.count("/first"), looks.paths.count("/crowd")
        assert first > crowd > max(looks.paths.count(path) for path in others)
        assert looks.count * looks.seconds < 0.75 * (time.monotonic() - began)

    asyncio.run(play())


def test_a_page_opened_is_what_its_viewers_see_and_read_afresh_where_nobody_watches() -> None:
    looks = Looks()

    async def play() -> None:
        shared, view = hub(looks, every=5.0), looks.view()
        assert await shared.now(looks.view("/none")) is None
        assert await shared.now(view) == Seen("a")
        looks.value = "b"
        assert await shared.now(view) == Seen("b")
        before = looks.count
        assert await asyncio.gather(*(shared.now(view) for _ in range(20))) == [Seen("b")] * 20
        assert looks.count <= before + 2, "who come together read together"
        viewer = shared.events(view, "en")
        await told(viewer)
        await told(viewer)
        before, looks.value = looks.count, "c"
        assert await shared.now(looks.view()) == Seen("b"), "as the others see it"
        assert looks.count == before
        await close(viewer)

    asyncio.run(play())


def test_only_what_changed_is_sent_and_the_slow_get_the_newest() -> None:
    looks = Looks()

    async def play() -> None:
        viewer = hub(looks).events(looks.view(), "en")
        await told(viewer)
        await told(viewer)
        for value in "bcd":
            looks.value = value
            await asyncio.sleep(0.06)
        after = await told(viewer)
        assert after == event("tape", "d of / in en")

    asyncio.run(play())


def test_who_comes_back_is_not_shown_what_was() -> None:
    looks = Looks()

    async def play() -> None:
        shared = hub(looks)
        first, other = shared.events(looks.view(), "en"), shared.events(looks.view(), "zh")
        for viewer in (first, other):
            await told(viewer)
            await told(viewer)
        await close(first)
        looks.value = "b"
        await asyncio.sleep(0.1)
        again = shared.events(looks.view(), "en")
        await told(again)
        assert b"data: b of / in en" in await told(again)

    asyncio.run(play())


def test_while_the_store_is_away_it_says_so_and_shows_what_it_saw() -> None:
    looks = Looks()

    async def play() -> None:
        shared = hub(looks)
        viewer = shared.events(looks.view(), "en")
        await told(viewer)
        await told(viewer)
        looks.fails = Unavailable("away")
        assert await told(viewer) == event("away", "True")
        assert await shared.now(looks.view()) == Seen("a", away=True)
        looks.fails, looks.value = None, "back"
        while b"back of / in en" not in await told(viewer):
            pass

    asyncio.run(play())


def test_it_stays_in_touch_and_outlives_a_failure() -> None:
    looks = Looks()

    async def play() -> None:
        viewer = hub(looks, heartbeat=0.05).events(looks.view(), "en")
        await told(viewer)
        await told(viewer)
        looks.fails = RuntimeError("a mistake")
        assert re.match(rb": \w", await told(viewer)), "a comment, so that proxies keep the connection"
        looks.fails, looks.value = None, "back"
        while b"back of / in en" not in await told(viewer):
            pass

    asyncio.run(play())


def test_so_many_viewers_and_pages_and_no_more() -> None:
    looks = Looks()

    async def play() -> None:
        full = hub(looks, most=3, views=2)
        viewers = [full.events(looks.view(path), "en") for path in ("/a", "/b")]
        for viewer in viewers:
            await told(viewer)
        assert not full.has_room(looks.view("/c")), "a third page"
        assert full.has_room(looks.view("/b"))
        viewers.append(full.events(looks.view("/b"), "en"))
        await told(viewers[-1])
        assert not full.has_room(looks.view("/b")), "a fourth viewer"
        for n in range(20):
            await full.now(looks.view(f"/idle{n}"))
        assert len(full._watches) == 4, "two that are watched, and the last two that were opened"
        await close(viewers[0])
        assert full.has_room(looks.view("/c"))

    asyncio.run(play())


def test_an_event_is_framed_line_by_line() -> None:
    assert event("tape", "one\r\ntwo") == b"event: tape\ndata: one\ndata: two\n\n"
