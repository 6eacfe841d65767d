"""Visits to the live page over a real store and real HTTP: what a reader finds on each page, and who is let in."""

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from socket import create_server
from typing import Any

import pytest
import requests

from service.api_keys import create_key
from service.demo_page import demo_page
from service.web import serving_web
from service.wiring import lazy_model
from store.store import Store, open_store
from tests.page_world import BANK, fill
from tidings.settings import ApiSettings, Settings, StoreSettings
from tidings.types import Acknowledgement


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("visits") / "store"
    return Settings(store=StoreSettings(folder=folder), api=ApiSettings(port=0, viewers=1))


@pytest.fixture(scope="module")
def store(settings: Settings) -> Iterator[Store]:
    opened = open_store(settings.store)
    fill(opened)
    yield opened
    opened.close()


@contextmanager
def serving(settings: Settings, store: Store) -> Iterator[str]:
    with serving_web(settings, store, lazy_model(settings)) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def page(settings: Settings, store: Store) -> Iterator[str]:
    with serving(settings, store) as address:
        yield address


def text_of(address: str) -> str:
    answer = requests.get(address, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_an_alert_with_all_that_stands_behind_it(page: str, store: Store) -> None:
    (alert,) = [one for one in store.alerts(10) if one.key == BANK and one.fired_at]
    address = f"{page}/alerts/{alert.alert_id}"
    assert "tidings alerts ack" in text_of(address)
    store.outbox.save_acknowledgement(
        Acknowledgement(alert.alert_id, "<kim>", "seen & known", datetime.now(UTC))
    )
    text = text_of(address)
    for said in (
        f"Negative stories on {BANK}", "By chance alone", "Without its largest story", "of the count", "still an alert",
        "by &lt;kim&gt;", "seen &amp; known", 'href="https://example.com/r0"',
    ):  # fmt: skip
        assert said in text, said
    sql = html.unescape(re.search(r'<code id="sql">(.*?)</code>', text, re.DOTALL)[1])  # type: ignore[index]  # it is there
    assert float(store.sql(sql, "TSV")) == pytest.approx(alert.value)
    (other,) = [one for one in store.alerts(10) if one.key == "Acme Corp" and one.fired_at]
    assert "Usual range" in text_of(f"{page}/alerts/{other.alert_id}"), "its past is more than zeros"


def test_the_list_of_alerts_by_state_and_page_by_page(page: str, store: Store) -> None:
    assert BANK in text_of(f"{page}/alerts?state=firing")
    assert "No alert here" in text_of(f"{page}/alerts?state=resolved")
    assert requests.get(f"{page}/alerts?state=bogus", timeout=30).status_code == 400
    assert requests.get(f"{page}/alerts?after=bogus", timeout=30).status_code == 400
    (alert,) = [one for one in store.alerts(10) if one.key == BANK and one.fired_at]
    many = [replace(alert, alert_id=f"old-{n:02}", key=f"Old {n:02}", state="resolved") for n in range(40)]
    store.save_alerts(many)
    address, seen = f"{page}/alerts?state=resolved", list[str]()
    while address:
        text = text_of(address)
        seen += re.findall(r'href="/alerts/(old-\d\d)"', text)
        older = re.search(r'rel="next" href="([^"]+)"', text)
        address = page + html.unescape(older[1]) if older else ""
    assert seen == [f"old-{n:02}" for n in range(40)]


@pytest.mark.parametrize("period", ["hours", "day", "week", "month"])
def test_a_name_over_a_period(page: str, period: str) -> None:
    text = text_of(f"{page}/names/Northgate%20Bank?period={period}")
    for said in ("Negative stories, ", "Sources", "Meridian Wire", "Financials", "Acme Corp", "In 2 items"):
        assert said in text, said


def test_names_with_slashes_and_ampersands_have_pages(page: str) -> None:
    text = text_of(f"{page}/names?q=delta")
    assert 'href="/names/Delta%2FAir%20Group"' in text
    assert "<h1>Delta/Air Group</h1>" in text_of(f"{page}/names/Delta%2FAir%20Group")
    assert "<h1>AT&amp;T</h1>" in text_of(f"{page}/names/AT%26T")
    assert requests.get(f"{page}/names/AT%26T?period=aeon", timeout=30).status_code == 400


def test_an_item_says_which_words_moved_it(page: str) -> None:
    text = text_of(f"{page}/items/o3")
    assert "<mark class=" in text
    assert "Words that moved the score" in text
    assert "The same story elsewhere" in text
    assert 'href="/items/r1"' in text_of(f"{page}/items/r0")
    assert "not in English" in text_of(f"{page}/items/unread")


def test_a_hostile_headline_is_text_on_its_own_page(page: str) -> None:
    text = text_of(f"{page}/items/hostile")
    assert "&lt;" in text
    for bad in ("<script>alert", "<img src=x", "<b>Bold", "\u202e"):
        assert bad not in text, bad
    assert "javascript:" not in text_of(f"{page}/items/js-link")


def test_the_language_is_remembered(page: str) -> None:
    with requests.Session() as reader:
        assert 'lang="zh-Hans"' in reader.get(f"{page}/?lang=zh", timeout=30).text
        assert "未结束的警报" in reader.get(f"{page}/", timeout=30).text
        assert "页面不存在" in reader.get(f"{page}/nowhere", timeout=30).text


def test_static_files_stand_for_ever_and_pages_are_asked_again(page: str) -> None:
    answer = requests.get(f"{page}/", timeout=30)
    assert answer.headers["Cache-Control"] == "no-cache"
    for path in re.findall(r'(?:href|src)="(/static/[^"]+)"', answer.text):
        file = requests.get(page + path, timeout=30)
        assert file.status_code == 200, path
        assert "immutable" in file.headers["Cache-Control"]
        assert file.headers["X-Content-Type-Options"] == "nosniff"


def test_no_more_viewers_than_may_be(page: str) -> None:
    with requests.get(f"{page}/live?lang=en", stream=True, timeout=30) as first:
        lines = first.iter_lines()
        while not next(lines).startswith(b"event:"):
            pass
        second = requests.get(f"{page}/live?lang=zh", timeout=30)
        assert second.status_code == 503
        assert second.headers["Retry-After"]
        assert "观看人数" in second.text


def test_with_a_password_nobody_gets_in_without_it(settings: Settings, store: Store) -> None:
    locked = replace(settings, api=replace(settings.api, page_user="désk", page_password="pä:ss"))
    with serving(locked, store) as address:
        for path in ("/", "/live", "/alerts"):
            refused = requests.get(address + path, timeout=30)
            assert refused.status_code == 401
            assert refused.headers["WWW-Authenticate"].startswith("Basic ")
            assert BANK not in refused.text
        for wrong in (("désk", "no"), ("kim", "pä:ss")):
            auth = tuple(part.encode() for part in wrong)
            assert requests.get(address, auth=auth, timeout=30).status_code == 401
        nonsense = requests.get(address, headers={"Authorization": "Basic ???"}, timeout=30)
        assert nonsense.status_code == 401
        right = requests.get(address, auth=("désk".encode(), "pä:ss".encode()), timeout=30)
        assert right.status_code == 200


def test_who_has_a_key_for_it_may_acknowledge_from_the_page(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    (alert,) = [one for one in store.alerts(100) if one.key == BANK and one.state == "firing"]
    with serving(settings, store) as address:
        assert "<form class" not in text_of(f"{address}/alerts/{alert.alert_id}"), "as it comes it only shows"
    keys_file = tmp_path / "keys.json"
    reads, acts = (
        create_key(keys_file, name, ["read", *more]) for name, more in (("r", []), ("kim", ["alerts"]))
    )
    keyed = replace(settings, api=replace(settings.api, keys_file=keys_file))
    with serving(keyed, store) as address:
        page = f"{address}/alerts/{alert.alert_id}"
        (action,) = re.findall(r'<form class="[^"]+" method="post" action="([^"]+)" data-ack', text_of(page))

        def send(key: str, **body: Any) -> int:
            bearer = {"Authorization": f"Bearer {key}"} if key else {}
            return requests.post(address + action, headers=bearer, timeout=30, **body).status_code

        asked = {"note": "calling the desk", "snooze_seconds": 3600}
        assert send("", json=asked) == 401
        assert send(reads, json=asked) == 403
        assert send(acts, data=asked) == 415, "what another site's form could send is not taken"
        assert "calling the desk" not in text_of(page)
        assert send(acts, json=asked) == 200
        text = text_of(page)
        assert "by kim" in text
        assert "calling the desk" in text
        assert "Snoozed" in text
        assert "Acknowledged by kim" in text_of(f"{address}/alerts")


def test_as_compose_opens_it_any_host_may_be_named_and_everybody_needs_a_secret(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    keys_file = tmp_path / "keys.json"
    key = create_key(keys_file, "desk", ["read"])
    api = replace(settings.api, host="0.0.0.0", page_password="pass", keys_file=keys_file)
    with serving(replace(settings, api=api), store) as address:
        for host in ("127.0.0.1:8080", "tidings.example.org"):
            named = {"Host": host}
            login, bearer = ("tidings", "pass"), {"Authorization": f"Bearer {key}"}
            assert requests.get(address, headers=named, timeout=30).status_code == 401
            assert requests.get(address, headers=named, auth=login, timeout=30).status_code == 200
            alerts = f"{address}/v1/alerts"
            assert requests.get(alerts, headers=named, timeout=30).status_code == 401
            assert requests.get(alerts, headers=named, auth=login, timeout=30).status_code == 401
            assert requests.get(alerts, headers=named | bearer, timeout=30).status_code == 200


def test_a_store_that_is_away_is_a_page_with_503(settings: Settings, store: Store) -> None:
    away = StoreSettings(backend="server", host="127.0.0.1", port=1, connect_timeout_seconds=0.5)
    with serving(replace(settings, store=away), store) as address:
        answer = requests.get(f"{address}/alerts", timeout=30)
    assert answer.status_code == 503
    assert "The store does not answer" in answer.text


def test_an_empty_store_says_what_to_do(settings: Settings, store: Store) -> None:
    other = replace(settings, store=replace(settings.store, database="nothing_yet"))
    opened = open_store(other.store)
    try:
        with serving(other, opened) as address:
            assert "tidings replay FILE" in text_of(address)
            assert "No name has been found" in text_of(f"{address}/names")
    finally:
        opened.close()


def test_the_demo_serves_it_on_a_free_port_where_its_own_is_taken(settings: Settings, store: Store) -> None:
    with create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        busy = replace(settings, api=replace(settings.api, port=port))
        with demo_page(busy, store, lazy_model(settings)) as address:
            assert f":{port}/" not in address
            assert BANK in text_of(address)
    with demo_page(settings, store, lazy_model(settings)) as nothing:  # port 0: off
        assert nothing == ""
