"""The HTTP API over a real store, a real broker and the shipped model, asked over real HTTP."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from ingest.embedded import _start, broker_binary
from ingest.kafka import read_all
from ingest.message import decode
from service.api_keys import revoke_key
from service.web import serving_web
from service.wiring import lazy_model
from tests.contract.api_desk import ALERT_ID, Desk, api_desk, same_desk
from tests.items import T0
from tidings.settings import ApiSettings, KafkaSettings, StoreSettings

ORIGIN = "https://desk.example.com"
API = ApiSettings(requests_per_minute=0, request_bytes=20_000, allowed_origins=(ORIGIN,))


@pytest.fixture(scope="module")
def kafka(bootstrap_servers: tuple[str, ...]) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=bootstrap_servers, topics=("news.api", "social.api"))


@pytest.fixture(scope="module")
def desk(kafka: KafkaSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with api_desk(tmp_path_factory.mktemp("api"), kafka, API) as found:
        yield found


def problem(answer: requests.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document, after what holds of each."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    assert document["code"] == code
    assert document["detail"]
    return document


def test_texts_are_scored_as_the_classifier_scores_them(desk: Desk) -> None:
    texts = [
        "Bank collapses amid fraud probe",
        "Profit soars to a record",
        "Die Bank ist pleite und schließt",
    ]
    found = desk.ask("POST", "/v1/score", json={"texts": texts, "explain": True}).json()
    assert [score["sentiment_label"] for score in found["scores"]] == ["negative", "positive", "neutral"]
    assert [score["flag"] for score in found["scores"]] == ["", "", "language"]
    first, _, third = found["scores"]
    assert first["p_negative"] + first["p_neutral"] + first["p_positive"] == pytest.approx(1)
    assert first["sentiment"] == pytest.approx(first["p_positive"] - first["p_negative"])
    assert all(texts[0][word["start"] : word["end"]] == word["word"] for word in first["explanation"])
    assert min(first["explanation"], key=lambda word: float(word["weight"]))["word"] in ("collapses", "fraud")
    assert third["explanation"] == []
    plain = desk.ask("POST", "/v1/score", json={"texts": texts[:1]}).json()
    assert plain["scores"][0]["explanation"] is None
    assert plain["scores"][0]["sentiment"] == pytest.approx(first["sentiment"], abs=0.02)
    (model,) = desk.ask("GET", "/v1/models").json()["models"]
    assert model["version"] == plain["model_version"]
    assert plain["scores"][0]["topic"] in model["topics"]


def test_many_callers_at_once_each_get_their_own(desk: Desk) -> None:
    texts = ["Bank collapses amid fraud probe", "Profit soars to a record"] * 20
    ask = lambda text: desk.ask("POST", "/v1/score", json={"texts": [text]}).json()  # noqa: E731
    with ThreadPoolExecutor(16) as pool:
        labels = [answer["scores"][0]["sentiment_label"] for answer in pool.map(ask, texts)]
    assert labels == ["negative", "positive"] * 20


def test_pushed_items_are_in_kafka_before_the_answer_and_each_has_its_own_error(
    desk: Desk, kafka: KafkaSettings
) -> None:
    good = {
        "title": "Bank fails",
        "published_at": "2026-03-02T09:00:00Z",
        "source": "wire",
        "id": "a 17",
        "mine": 1,
    }
    rows = [
        good,
        {"title": "", "published_at": "2026-03-02T09:00:00Z"},
        {"text": "$ACME to the moon", "published_at": 1_772_442_000, "kind": "social", "tickers": ["ACME"]},
        {"title": "half \ud800", "published_at": 1_772_442_000},
    ]
    answer = desk.ask(
        "POST", "/v1/items", data=json.dumps({"items": rows}), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 202, answer.text
    found = answer.json()
    assert (found["accepted"], found["refused"]) == (2, 2)
    reasons = [one["error"] and one["error"]["reason"] for one in found["items"]]
    assert reasons == [None, "missing_text", None, "lone_surrogate"]
    assert found["items"][0]["item_id"] == "wire:a 17"
    for topic, at in (("news.api", 0), ("social.api", 2)):
        (message,) = [decode(message.value, topic) for message, _ in read_all(kafka, topic)]
        assert message.item_id == found["items"][at]["item_id"]
        assert message.kind == ("news" if at == 0 else "social")


def test_no_item_is_accepted_while_kafka_is_away(desk: Desk, kafka: KafkaSettings, tmp_path: Path) -> None:
    away = replace(kafka, bootstrap_servers=("127.0.0.1:9",))
    item = {"title": "Bank fails", "published_at": "2026-03-02T09:00:00Z"}
    with same_desk(desk, tmp_path, away, API) as other:
        answer = other.ask("POST", "/v1/items", json={"items": [item]})
        problem(answer, 503, "unavailable")
        assert int(answer.headers["Retry-After"]) >= 1
        assert "127.0.0.1:9" not in answer.text, "who asks does not learn where the broker is"
        document = problem(other.ask("GET", "/readyz"), 503, "not_ready")
        assert [error["field"] for error in document["errors"]] == ["kafka"]
        assert other.ask("GET", "/healthz").json() == {"status": "ok"}
        assert other.ask("GET", "/v1/windows").status_code == 200


def test_no_item_is_accepted_that_kafka_has_not_acknowledged(
    desk: Desk, kafka: KafkaSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.api_push._PATIENCE_SECONDS", 1)
    body = {"items": [{"title": "Bank fails", "published_at": "2026-03-02T09:00:00Z"}]}
    process, address = _start(broker_binary(), subprocess.DEVNULL)
    try:
        own = replace(kafka, bootstrap_servers=(address,))
        with same_desk(desk, tmp_path, own, API) as other:
            assert other.ask("POST", "/v1/items", json=body).json()["accepted"] == 1
            process.send_signal(signal.SIGSTOP)  # it is connected, and acknowledges nothing
            problem(other.ask("POST", "/v1/items", json=body), 503, "unavailable")
            process.send_signal(signal.SIGCONT)
            assert other.ask("POST", "/v1/items", json=body).json()["accepted"] == 1
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("backend", ["embedded", "server"])
def test_every_page_together_is_the_whole_and_nothing_twice(
    backend: str, desk: Desk, kafka: KafkaSettings, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if backend == "embedded":
        _read_all_pages(desk)
        return
    server: StoreSettings = request.getfixturevalue("server_settings")
    with api_desk(tmp_path, kafka, store=replace(server, database="test_api")) as other:
        _read_all_pages(other)


def _read_all_pages(desk: Desk) -> None:
    for path, rows, key, limit, count in (
        ("/v1/stories?", "stories", "story_id", 7, 25),
        ("/v1/stories?entity=Acme&topic=Macro&source=wire", "stories", "story_id", 1, 5),
        ("/v1/windows?window=1m&scope=entity", "windows", "start", 4, 30),
        ("/v1/windows?window=5m&scope=entity&key=Acme&key=Bolt", "windows", "start", 5, 12),
        ("/v1/windows?window=1h", "windows", "start", 1, 1),
        ("/v1/alerts?state=firing", "alerts", "alert_id", 1, 2),
    ):
        whole = desk.ask("GET", f"{path}&limit=1000").json()
        assert whole["next_cursor"] is None
        assert len(whole[rows]) == count, path
        found: list[Any] = []
        cursor: str | None = ""
        while cursor is not None:
            page = desk.ask(
                "GET", path, params={"limit": limit} | ({"cursor": cursor} if cursor else {})
            ).json()
            assert len(page[rows]) <= limit
            found += page[rows]
            cursor = page["next_cursor"]
        assert found == whole[rows], path
        assert [row[key] for row in found] == [row[key] for row in whole[rows]]


def test_windows_say_what_the_store_has_counted(desk: Desk) -> None:
    (window,) = desk.ask("GET", "/v1/windows?window=1h").json()["windows"]
    assert (window["items"], window["stories"], window["negative_items"]) == (30, 25, 15)
    assert window["start"] == "2026-03-02T09:00:00Z"
    assert window["sentiment"] == pytest.approx(-0.5, abs=0.01)
    period = f"start={T0:%Y-%m-%dT%H:%M:%SZ}&end={T0 + timedelta(minutes=10):%Y-%m-%dT%H:%M:%SZ}"
    shown = desk.ask("GET", f"/v1/windows?window=1m&{period}").json()
    assert [w["start"][14:16] for w in shown["windows"]] == [f"{minute:02}" for minute in range(9, -1, -1)]
    assert (shown["start"], shown["end"]) == ("2026-03-02T09:00:00Z", "2026-03-02T09:10:00Z")
    assert (
        desk.ask("GET", "/v1/windows?start=2026-03-02T10:00:00Z&end=2026-03-02T09:00:00Z").json()["windows"]
        == []
    )
    by_date = desk.ask("GET", "/v1/windows?window=1d&start=2026-03-02&end=2026-03-03").json()
    assert (by_date["start"], by_date["end"]) == ("2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z")
    assert [w["items"] for w in by_date["windows"]] == [30]
    hostile = "x' OR 1=1 --\\"
    assert desk.ask("GET", "/v1/windows", params={"scope": "entity", "key": hostile}).json()["windows"] == []


def test_an_alert_shows_its_evidence_and_is_acknowledged(desk: Desk) -> None:
    listed = desk.ask("GET", "/v1/alerts", params={"key": "Acme", "state": "firing"}).json()["alerts"]
    assert [one["alert_id"] for one in listed] == [ALERT_ID]
    assert "Acme" in listed[0]["summary"]
    shown = desk.ask("GET", f"/v1/alerts/{ALERT_ID}").json()
    assert [story["title"] for story in shown["evidence"]] == ["headline of s0"]
    assert shown["series"][0]["stories"] == 9
    assert shown["acknowledgement"] is None
    body = {"note": "calling the desk", "snooze_seconds": 60}
    seen = desk.ask("POST", f"/v1/alerts/{ALERT_ID}/ack", json=body).json()
    assert seen["author"] == "tests", "the key's name, where nobody else is named"
    assert seen["snoozed_until"] > seen["acknowledged_at"]
    assert desk.ask("GET", f"/v1/alerts/{ALERT_ID}").json()["acknowledgement"]["note"] == "calling the desk"
    (stored,) = desk.store.outbox.acknowledgements([ALERT_ID])
    assert stored.author == "tests"
    problem(desk.ask("GET", "/v1/alerts/none"), 404, "not_found")
    problem(desk.ask("POST", "/v1/alerts/none/ack", json={}), 404, "not_found")


def test_a_silence_is_in_force_until_it_is_ended(desk: Desk) -> None:
    asked = {"matchers": {"key": "North*"}, "reason": "known", "duration_seconds": 600, "author": "kim"}
    answer = desk.ask("POST", "/v1/silences", json=asked)
    assert answer.status_code == 201
    made = answer.json()
    (listed,) = desk.ask("GET", "/v1/silences").json()["silences"]
    assert listed["matchers"] == {"key": "North*"}
    assert (listed["silence_id"], listed["author"]) == (made["silence_id"], "kim")
    assert desk.ask("DELETE", f"/v1/silences/{made['silence_id']}").status_code == 200
    assert desk.ask("GET", "/v1/silences").json()["silences"] == []
    problem(desk.ask("DELETE", f"/v1/silences/{made['silence_id']}"), 404, "not_found")


@pytest.mark.parametrize(
    ("scope", "method", "path", "body"),
    [
        ("score", "POST", "/v1/score", {"texts": ["Profit soars"]}),
        ("ingest", "POST", "/v1/items", {"items": [{"title": ""}]}),
        ("read", "GET", "/v1/windows", None),
        ("read", "GET", "/v1/stories", None),
        ("read", "GET", "/v1/alerts", None),
        ("read", "GET", f"/v1/alerts/{ALERT_ID}", None),
        ("read", "GET", "/v1/models", None),
        ("read", "GET", "/v1/silences", None),
        ("read", "GET", "/metrics", None),
        ("alerts", "POST", f"/v1/alerts/{ALERT_ID}/ack", {}),
        ("alerts", "POST", "/v1/silences", {"matchers": {"key": "x"}, "reason": "y", "duration_seconds": 1}),
        ("alerts", "DELETE", "/v1/silences/none", None),
    ],
)
def test_a_key_opens_what_its_scope_says_and_nothing_else(
    desk: Desk, scope: str, method: str, path: str, body: dict[str, Any] | None
) -> None:
    name = f"{scope}{abs(hash((method, path)))}"
    right = desk.new_key(f"{name}.right", scope)
    wrong = desk.new_key(f"{name}.wrong", *({"score", "ingest", "read", "alerts"} - {scope}))
    assert desk.ask(method, path, right, json=body).status_code in (200, 201, 202, 404)
    assert scope in problem(desk.ask(method, path, wrong, json=body), 403, "forbidden")["detail"]
    for credentials in ("", "Bearer", "Bearer wrong", f"Basic {right}"):
        answer = requests.request(
            method, desk.url + path, json=body, headers={"Authorization": credentials}, timeout=30
        )
        problem(answer, 401, "unauthorized")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    revoke_key(desk.keys_file, f"{name}.right")
    problem(desk.ask(method, path, right, json=body), 401, "unauthorized")


@pytest.mark.parametrize(
    ("path", "sent", "status", "code", "field"),
    [
        ("/v1/score", b"{", 400, "invalid_json", ""),
        ("/v1/score", b"\xff", 400, "bad_request", ""),
        ("/v1/score", b"[" * 19_000, 400, "bad_request", ""),
        ("/v1/score", b'{"texts": ["\\ud800"]}', 422, "invalid", "body.texts.0"),
        ("/v1/score", b'{"texts": []}', 422, "invalid", "body.texts"),
        ("/v1/score", b'{"text": "x"}', 422, "invalid", "body.texts"),
        ("/v1/score", b'{"texts": ["a"], "explain": 1}', 422, "invalid", "body.explain"),
        (
            "/v1/score",
            json.dumps({"texts": ["a"] * 17, "explain": True}).encode(),
            422,
            "invalid",
            "body.texts",
        ),
        ("/v1/items", b'{"items": [1]}', 422, "invalid", "body.items.0"),
        (
            "/v1/silences",
            b'{"matchers": {}, "reason": "x", "duration_seconds": 1}',
            422,
            "invalid",
            "body.matchers",
        ),
        ("/v1/score", b" " * 20_001, 413, "too_large", ""),
    ],
)
def test_a_wrong_body_is_told_which_field_and_why(
    desk: Desk, path: str, sent: bytes, status: int, code: str, field: str
) -> None:
    answer = desk.ask("POST", path, data=sent, headers={"Content-Type": "application/json"})
    document = problem(answer, status, code)
    if field:
        assert field in [error["field"] for error in document["errors"]]


def test_a_body_may_come_in_pieces(desk: Desk) -> None:
    pieces = iter([b'{"texts": ["Profit', b' soars to a record"]}'])
    answer = desk.ask("POST", "/v1/score", data=pieces, headers={"Content-Type": "application/json"})
    assert answer.json()["scores"][0]["sentiment_label"] == "positive"


def test_without_keys_everything_is_open_to_this_machine_by_its_own_names(desk: Desk) -> None:
    settings = replace(desk.settings, api=ApiSettings(port=0))
    with serving_web(settings, desk.store, lazy_model(settings)) as port:
        url = f"http://127.0.0.1:{port}/v1/silences"
        for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"):
            assert requests.get(url, headers={"Host": host}, timeout=30).status_code == 200
        for host in ("evil.example", f"127.0.0.1.evil.example:{port}"):
            problem(requests.get(url, headers={"Host": host}, timeout=30), 421, "wrong_host")
        sent = {"Content-Type": "text/plain", "Origin": "https://evil.example"}
        problem(requests.post(url, data=b"{}", headers=sent, timeout=30), 415, "not_json")


def test_a_body_without_a_length_is_limited_too(desk: Desk) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(30):
            yield b" " * 1000

    answer = desk.ask("POST", "/v1/score", data=parts(), headers={"Content-Type": "application/json"})
    problem(answer, 413, "too_large")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "query.limit"), ("limit=1001", "query.limit"), ("start=yesterday", "query.start"),
        ("end=2026-03-02T09:00:00", "query.end"), ("scope=topics", "query.scope"), ("key=%00", "query.key.0"),
        ("kye=Acme", "query.kye"), ("start=2026-02-31", "query.start"),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_named(desk: Desk, query: str, field: str) -> None:
    document = problem(desk.ask("GET", f"/v1/windows?{query}"), 422, "invalid")
    assert [error["field"] for error in document["errors"]] == [field]


def test_a_cursor_of_other_filters_is_no_page(desk: Desk) -> None:
    cursor = desk.ask("GET", "/v1/stories?limit=1").json()["next_cursor"]
    assert (
        "other filters"
        in problem(desk.ask("GET", f"/v1/stories?topic=IPO&cursor={cursor}"), 404, "no_such_page")["detail"]
    )
    problem(desk.ask("GET", "/v1/stories?cursor=x"), 404, "no_such_page")


def test_a_page_of_another_site_cannot_post(desk: Desk) -> None:
    for sent in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = desk.ask("POST", "/v1/score", data=b'{"texts": ["x"]}', headers={"Content-Type": sent})
        problem(answer, 415, "not_json")


def test_only_allowed_origins_may_call_from_a_browser(desk: Desk) -> None:
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    fine = requests.options(f"{desk.url}/v1/score", headers=asked | {"Origin": ORIGIN}, timeout=30)
    assert fine.headers["Access-Control-Allow-Origin"] == ORIGIN
    other = requests.options(
        f"{desk.url}/v1/score", headers=asked | {"Origin": "https://evil.example"}, timeout=30
    )
    assert "Access-Control-Allow-Origin" not in other.headers
    refused = requests.get(f"{desk.url}/v1/alerts", headers={"Origin": ORIGIN}, timeout=30)
    assert refused.headers["Access-Control-Allow-Origin"] == ORIGIN, "the page can read why"


def test_a_key_has_its_requests_a_minute(desk: Desk, kafka: KafkaSettings, tmp_path: Path) -> None:
    with same_desk(desk, tmp_path, kafka, ApiSettings(requests_per_minute=3)) as other:
        answers = [other.ask("GET", "/v1/silences") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert [answer.headers["RateLimit"] for answer in answers[:2]] == ['"key";r=2;t=0', '"key";r=1;t=0']
        assert answers[0].headers["RateLimit-Policy"] == '"key";q=3;w=60'
        problem(answers[3], 429, "rate_limited")
        assert 1 <= int(answers[3].headers["Retry-After"]) <= 20
        assert other.ask("GET", "/v1/silences", other.new_key("other", "read")).status_code == 200
        assert other.ask("GET", "/healthz").status_code == 200


def test_metrics_count_requests_by_route(desk: Desk) -> None:
    desk.ask("GET", f"/v1/alerts/{ALERT_ID}")
    desk.ask("GET", "/v1/alerts/none")
    desk.ask("GET", "/v1/nothing")
    text = desk.ask("GET", "/metrics").text
    for labels in (
        'method="GET",route="/v1/alerts/{alert_id}",status="200"',
        'method="GET",route="/v1/alerts/{alert_id}",status="404"',
        'method="GET",route="other",status="404"',
    ):
        assert f"tidings_service_api_requests_total{{{labels}}}" in text
    assert "tidings_service_api_batch_texts_count" in text
    assert desk.key not in text


def test_reads_do_not_wait_for_the_store_and_it_does_not_wait_for_them(desk: Desk) -> None:
    lock = desk.store._client._lock  # type: ignore[attr-defined]  # as ingest holds it during an insert
    with lock:
        began = time.monotonic()
        for path in ("/v1/windows", "/v1/stories", "/v1/alerts", "/readyz", "/metrics"):
            assert desk.ask("GET", path).status_code == 200
        assert time.monotonic() - began < 5


def test_the_page_is_beside_the_api(desk: Desk) -> None:
    assert requests.get(f"{desk.url}/v1/nothing", timeout=30).status_code == 401
    assert requests.get(f"{desk.url}/v1/openapi.json", timeout=30).json()["openapi"].startswith("3.1")
