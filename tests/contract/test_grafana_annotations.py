"""Alerts as annotations in a Grafana, over real HTTP, and from the outbox's log to there."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.outbox import Outbox
from dashboards.annotations import AnnotationReceiver
from service.wiring import all_receivers
from store.store import open_store
from tests.contract.dashboard_store import alert
from tests.contract.grafana_server import TOKEN, FakeGrafana, fake_grafana
from tidings.errors import ConfigError, TidingsError, Unavailable
from tidings.settings import GrafanaSettings, ReceiverSettings, Settings, StoreSettings
from tidings.types import Alert, Notification, NotificationReason

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FIRED = int(AT.timestamp() * 1000) + 120_000
ID = "0a1b2c3d-20260302T090000Z"
FIRING = alert(ID, "firing", AT, key="O'Neil & Sons <i>")
RESOLVED = replace(FIRING, state="resolved", resolved_at=AT + timedelta(minutes=50))


@pytest.fixture
def server() -> Iterator[FakeGrafana]:
    with fake_grafana() as started:
        yield started


def receiver(server: FakeGrafana, token: str = TOKEN) -> AnnotationReceiver:
    return AnnotationReceiver(GrafanaSettings(server.url, token), lambda one: f"said of {one.key}")


def told(*alerts: Alert, reason: NotificationReason = "firing") -> Notification:
    return Notification("n", "grafana", "g", reason, alerts, AT)


def test_a_firing_alert_is_a_mark_and_its_end_makes_it_a_region(server: FakeGrafana) -> None:
    mine = receiver(server)
    mine.send(told(FIRING))
    (mark,) = server.annotations.values()
    assert (mark["time"], mark["timeEnd"]) == (FIRED, FIRED)
    assert mark["tags"] == [
        "tidings", f"alert_id:{ID}", "rule:negative-spike", "severity:warning", "entity:O'Neil & Sons <i>",
    ]  # fmt: skip
    assert mark["text"] == (
        'said of O&#x27;Neil &amp; Sons &lt;i&gt; <a href="https://grafana.example/d/x">dashboard</a>'
    )
    mine.send(told(RESOLVED, reason="resolved"))
    (region,) = server.annotations.values()
    assert (region["time"], region["timeEnd"]) == (FIRED, FIRED + 48 * 60_000)


def test_telling_again_leaves_one(server: FakeGrafana) -> None:
    for one in (FIRING, FIRING, RESOLVED, RESOLVED):
        receiver(server).send(told(one))
    assert [one["timeEnd"] - one["time"] for one in server.annotations.values()] == [48 * 60_000]


def test_alerts_do_not_meet(server: FakeGrafana) -> None:
    other = replace(FIRING, alert_id=f"{ID}-2", annotations={"dashboard": "javascript:alert(1)"})
    receiver(server).send(told(FIRING, other))
    receiver(server).send(told(RESOLVED, reason="resolved"))
    first, second = server.annotations.values()
    assert first["timeEnd"] > first["time"]
    assert second["timeEnd"] == second["time"]
    assert "javascript" not in second["text"]


def test_who_only_hears_of_the_end_gets_the_whole_region(server: FakeGrafana) -> None:
    receiver(server).send(told(RESOLVED, reason="resolved"))
    (region,) = server.annotations.values()
    assert (region["time"], region["timeEnd"]) == (FIRED, FIRED + 48 * 60_000)


def test_what_never_fired_is_not_marked(server: FakeGrafana) -> None:
    receiver(server).send(told(replace(FIRING, state="pending", fired_at=None)))
    assert not server.requests


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (500, Unavailable, r"failed \(500\): why; try again"),
        (429, Unavailable, r"\(429\): why; try again"),
        (403, ConfigError, "docs/grafana.md"),
        (400, TidingsError, r"refused \(400\): why"),
    ],
)
@pytest.mark.parametrize("method", ["find", "write"])
def test_errors_say_whether_to_try_again_and_no_secret(
    server: FakeGrafana, method: str, status: int, kind: type[TidingsError], words: str
) -> None:
    mine = receiver(server)
    path = "/api/annotations"
    if method == "write":
        mine.send(told(FIRING))
        path = "/api/annotations/1"
    server.fail[path] = (status, '{"message": "why"}')
    with pytest.raises(kind, match=words) as caught:
        mine.send(told(RESOLVED))
    assert isinstance(caught.value, Unavailable) == (kind is Unavailable)
    assert TOKEN not in str(caught.value)
    del server.fail[path]
    mine.send(told(RESOLVED))
    assert len(server.annotations) == 1


def test_nobody_there_and_a_wrong_token() -> None:
    with fake_grafana() as server:
        with pytest.raises(ConfigError, match="401") as caught:
            receiver(server, "glsa_wrong").probe()
        assert "glsa_wrong" not in str(caught.value)
        assert receiver(server).probe() == f"Grafana at {server.url}: annotations can be read"
    with pytest.raises(Unavailable, match="cannot be reached"):
        receiver(server).send(told(FIRING))


def test_settings_make_the_receiver(server: FakeGrafana, tmp_path: Path) -> None:
    assert all_receivers(Settings()) == []
    token = tmp_path / "token"
    token.write_text(TOKEN)
    settings = Settings(grafana=GrafanaSettings(server.url, token_file=token))
    (mine,) = all_receivers(settings)
    assert mine.name == "grafana"
    mine.send(told(FIRING))
    assert "negative stories" in server.annotations[1]["text"]
    with pytest.raises(ConfigError, match="login"):
        all_receivers(Settings(grafana=GrafanaSettings(server.url)))
    taken: dict[str, Any] = {"grafana": ReceiverSettings(kind="webhook", url="https://example.org")}
    with pytest.raises(ConfigError, match=r"receivers\.grafana"):
        all_receivers(replace(settings, receivers=taken))


def test_the_outbox_tells_grafana_of_the_firing_and_of_the_end(server: FakeGrafana, tmp_path: Path) -> None:
    """From a real store's log, in two processes."""
    store = open_store(StoreSettings(folder=tmp_path / "store"))
    try:
        settings = Settings(grafana=GrafanaSettings(server.url, TOKEN))
        now = datetime.now(UTC)
        firing = alert(ID, "firing", now - timedelta(minutes=5))
        spans = list[int]()
        for one in (firing, replace(firing, state="resolved", resolved_at=now)):
            store.save_alerts([one])
            outbox = Outbox(store.outbox, all_receivers(settings))
            outbox.run()
            assert outbox.wait(10)
            outbox.stop()
            spans += [mark["timeEnd"] - mark["time"] for mark in server.annotations.values()]
        assert spans == [0, pytest.approx(180_000, abs=2)]
    finally:
        store.close()
