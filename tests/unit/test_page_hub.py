"""The live page's hub: one look for everybody, none for nobody, whole states, the slow skip to the newest."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping

from dashboards.page.language import Language
from service.page_hub import Hub, event


class Looks:
    """Counts the looks; what it shows changes when `value` does."""

    def __init__(self) -> None:
        self.count = 0
        self.value = "a"
        self.fails = False

    def read(self, before: str | None) -> str:
        self.count += 1
        if self.fails:
            raise RuntimeError("away")
        return self.value

    def show(self, seen: str, language: Language) -> Mapping[str, str]:
        return {"tape": f"{seen} in {language}", "status": "as ever"}


def hub(looks: Looks, heartbeat: float = 5.0, most: int = 10) -> Hub[str]:
    return Hub(looks.read, looks.show, most, every_seconds=0.02, heartbeat_seconds=heartbeat)


async def told(viewer: AsyncIterator[bytes]) -> bytes:
    return await asyncio.wait_for(anext(viewer), 5)


def test_all_viewers_share_one_look_and_each_hears_it_in_its_language() -> None:
    looks = Looks()

    async def play() -> None:
        shared = hub(looks)
        viewers = [shared.events("zh" if n % 2 else "en") for n in range(6)]
        firsts = [await told(viewer) for viewer in viewers]
        states = await asyncio.gather(*map(told, viewers))
        assert all(first.startswith(b"retry:") for first in firsts)
        assert b"data: a in en" in states[0]
        assert b"data: a in zh" in states[1]
        assert looks.count <= 3
        for viewer in viewers:
            await viewer.aclose()  # type: ignore[attr-defined]  # it is a generator
        await asyncio.sleep(0.1)
        assert not shared.is_running
        seen = looks.count
        await asyncio.sleep(0.1)
        assert looks.count == seen, "nobody looks: nothing is read"

    asyncio.run(play())


def test_only_what_changed_is_sent_and_the_slow_get_the_newest() -> None:
    looks = Looks()

    async def play() -> None:
        viewer = hub(looks).events("en")
        await told(viewer)
        await told(viewer)
        for value in "bcd":
            looks.value = value
            await asyncio.sleep(0.06)
        after = await told(viewer)
        assert after == event("tape", "d in en")

    asyncio.run(play())


def test_it_stays_in_touch_and_outlives_a_failure() -> None:
    looks = Looks()

    async def play() -> None:
        viewer = hub(looks, heartbeat=0.05).events("en")
        await told(viewer)
        await told(viewer)
        looks.fails = True
        assert re.match(rb": \w", await told(viewer)), "a comment, so that proxies keep the connection"
        looks.fails, looks.value = False, "back"
        while b"back in en" not in await told(viewer):
            pass

    asyncio.run(play())


def test_so_many_and_no_more() -> None:
    async def play() -> None:
        full = hub(Looks(), most=1)
        assert not full.is_full
        viewer = full.events("en")
        await told(viewer)
        assert full.is_full
        await viewer.aclose()  # type: ignore[attr-defined]  # it is a generator
        assert not full.is_full

    asyncio.run(play())


def test_an_event_is_framed_line_by_line() -> None:
    assert event("tape", "one\r\ntwo") == b"event: tape\ndata: one\ndata: two\n\n"
