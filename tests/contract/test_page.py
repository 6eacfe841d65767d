"""The live page over a real store and real HTTP: what it says, to whom, and what it keeps browsers from."""

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from service.web import serving_web
from service.wiring import lazy_model
from store.store import Store, open_store
from tests.page_world import BANK, fill
from tidings.errors import ConfigError
from tidings.settings import ApiSettings, Settings, StoreSettings


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Settings, Store]]:
    folder: Path = tmp_path_factory.mktemp("page") / "store"
    settings = Settings(clock="stream", store=StoreSettings(folder=folder), api=ApiSettings(port=0))
    store = open_store(settings.store)
    fill(store)
    with serving_web(settings, store, lazy_model(settings)) as port:
        yield f"http://127.0.0.1:{port}", settings, store
    store.close()


@pytest.fixture(scope="module")
def page(world: tuple[str, Settings, Store]) -> str:
    return world[0]


def get(address: str, **headers: str) -> requests.Response:
    return requests.get(address, headers=headers, timeout=30)


@pytest.mark.parametrize(
    "path", ["/", "/names?q=north", "/names/Northgate%20Bank", "/topics/Macro", "/alerts"]
)
def test_pages_speak_both_languages_under_a_strict_policy(page: str, path: str) -> None:
    for language, said in (("en", 'lang="en"'), ("zh", 'lang="zh-Hans"')):
        answer = get(page + path, **{"Accept-Language": language})
        assert answer.status_code == 200
        assert said in answer.text
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "style=" not in answer.text


def test_the_overview_shows_the_alert_and_no_headline_becomes_markup(page: str) -> None:
    text = get(f"{page}/?lang=en").text
    assert BANK in text
    assert "<script>alert" not in text
    assert "<b>Bold" not in text
    assert "javascript:" not in text


def test_names_are_found_by_a_part_of_them(page: str) -> None:
    assert BANK in get(f"{page}/names?q=northg").text
    assert BANK not in get(f"{page}/names?q=zzz").text.split("<main")[1]


@pytest.mark.parametrize("path", ["/names/Nobody", "/alerts/none", "/items/none", "/nowhere"])
def test_what_is_not_there_is_a_page_with_404(page: str, path: str) -> None:
    answer = get(page + path)
    assert answer.status_code == 404
    assert "<main" in answer.text


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("", {"charts", "tape", "alerts", "status", "names", "away"}),
        ("/names/Northgate%20Bank?period=week", {"charts", "stories", "parts", "alerts", "until", "away"}),
        ("/topics/Macro", {"charts", "stories", "parts", "alerts", "until", "away"}),
        ("/alerts?state=firing", {"alerts", "away"}),
    ],
)
def test_events_come_as_whole_states(page: str, path: str, parts: set[str]) -> None:
    text = get(f"{page}{path}").text
    (live,) = re.findall(r'data-live-url="([^"]+)"', text)
    assert live.startswith(f"/live{path}")
    assert parts - {"charts"} <= set(re.findall(r'data-live="(\w+)"', text))
    assert set(events_of(page + html.unescape(live), parts)) == parts


def test_an_alerts_page_follows_what_happens_to_it(page: str, world: tuple[str, Settings, Store]) -> None:
    _, _, store = world
    (alert,) = [one for one in store.alerts(10) if one.key == BANK and one.fired_at]
    parts = {"charts", "title", "facts", "evidence", "told", "details", "away"}
    found = events_of(f"{page}/live/alerts/{alert.alert_id}?lang=en", parts)
    assert set(found) == parts
    assert "nobody yet" in found["told"]
    assert BANK in found["title"]
    assert get(f"{page}/live/alerts/none").status_code == 404
    assert get(f"{page}/live/items/r0").status_code == 404, "what never changes is not watched"


def events_of(address: str, until: set[str]) -> dict[str, str]:
    """The events of the stream's first state: the data by the event's name."""
    found: dict[str, str] = {}
    with requests.get(address, stream=True, timeout=30) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        name = ""
        for line in answer.iter_lines(decode_unicode=True):
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                found[name] = found.get(name, "") + value
            elif not line and until <= found.keys():  # they come together
                break
    return found


def test_another_sites_name_for_this_machine_is_refused(page: str) -> None:
    assert get(page, Host="evil.example").status_code == 403


def test_beyond_loopback_it_needs_a_login(world: tuple[str, Settings, Store]) -> None:
    _, settings, store = world
    open_to_all = replace(settings, api=replace(settings.api, host="0.0.0.0"))
    with (
        pytest.raises(ConfigError, match="api"),
        serving_web(open_to_all, store, lazy_model(settings)),
    ):
        pass
