"""What the live page reads, over both backends of the store."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alerts.routing import make_policy
from dashboards.page.reads import Overview, read_overview, totals
from dashboards.page.reads_subject import read_item, search
from dashboards.page.subject import read_subject
from service.page_alert import Known, read_alert
from store.reader import Reader, open_reader
from store.store import Store, open_store
from tests.page_world import BANK, END, fill, scored
from tidings.quiet import Quiet
from tidings.settings import RoutingSettings, StoreSettings
from tidings.types import Acknowledgement, Alert, Notification, Silence

World = tuple[Store, Reader]
NOW = datetime(2026, 3, 3, 7, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module", params=["embedded", "server"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    settings = StoreSettings(folder=tmp_path_factory.mktemp("reads") / "store")
    if request.param == "server":
        server: StoreSettings = request.getfixturevalue("server_settings")
        settings = replace(server, database=f"reads_{uuid.uuid4().hex[:8]}")
    store, reader = open_store(settings), open_reader(settings)
    fill(store)
    yield store, reader
    reader.close()
    store.close()


def firing(store: Store) -> Alert:
    """The alert on the bank."""
    (alert,) = [one for one in store.alerts(10) if one.key == BANK and one.fired_at]
    return alert


def test_the_overview(world: World) -> None:
    store, reader = world
    store.outbox.save_acknowledgement(Acknowledgement(firing(store).alert_id, "kim", "", NOW))
    seen: Overview = read_overview(reader, NOW)
    assert seen.latest
    assert timedelta() < END - seen.latest < timedelta(minutes=1)
    assert [line.published_at for line in seen.tape] == sorted(
        (line.published_at for line in seen.tape), reverse=True
    )
    assert len(seen.tape) == 30
    assert seen.charts[0][0] == ""
    assert seen.seen[firing(store).alert_id].author == "kim"
    assert seen.seen[firing(store).alert_id].acknowledged_at == NOW
    assert (seen.day.stories, seen.day.items) == (558, 573)


def test_names_come_by_the_stories_that_were_counted(world: World) -> None:
    store, reader = world
    before = END - timedelta(hours=30)
    store.insert([scored(f"m{n}", before, f"So-so, no. {n}", 0.4, "Macro", ("Mild Inc",)) for n in range(60)])
    while store.roll():
        pass
    found = totals(reader, "entity", before, END, 10)
    counts = [total.negative_stories for total in found]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]
    assert (found[-1].key, found[-1].stories, counts[-1]) == ("Mild Inc", 60, 0), (
        "24 are expected, none counted"
    )


def test_a_subject_and_its_past(world: World) -> None:
    _, reader = world
    subject = read_subject(reader, "entity", BANK, "hours")
    assert subject
    assert sum(window.stories for window in subject.windows) == 15
    assert {story.reach for story in subject.stories} == {2}
    assert [share.key for share in subject.names] == ["Acme Corp"]
    assert sum(share.stories for share in subject.topics) == 15
    assert [alert.key for alert in subject.alerts] == [BANK]
    assert read_subject(reader, "topic", "Macro", "day")
    assert read_subject(reader, "entity", "Nobody", "day") is None


def test_names_are_found_whatever_the_case(world: World) -> None:
    _, reader = world
    assert [total.key for total in search(reader, "ÉVIAN", (), END - timedelta(days=1))] == ["Évian S.A."]
    assert [total.key for total in search(reader, "zz", ("AT&T",), END - timedelta(days=1))] == ["AT&T"]


def test_an_item_and_its_copies(world: World) -> None:
    _, reader = world
    item = read_item(reader, "r0")
    assert item
    assert [copy.item_id for copy in item.copies] == ["r1"]
    assert item.line.published_at.tzinfo is UTC
    assert read_item(reader, "nothing") is None


def test_who_was_told_of_an_alert_and_why_nobody_is_now(world: World) -> None:
    store, reader = world
    alert = replace(firing(store), alert_id="told", key="Told Inc", labels={"key": "Told Inc"})
    other = replace(alert, alert_id="other", key="Other Inc")
    store.save_alerts([alert, other])

    def known(*receivers: str) -> Known:
        found = read_alert(reader, "told", make_policy(RoutingSettings()), receivers, NOW)
        assert found
        return found

    assert (known().nobody, known("desk").nobody) == ("off", "yet")
    sent = Notification("n1", "desk", "g", "firing", (alert,), NOW - 2 * HOUR, "sent", 1, None, NOW - HOUR)
    failed = Notification("n2", "wall", "g", "digest", (other, alert), NOW, "failed", 3, error="404")
    store.outbox.save_notifications([sent, failed, replace(sent, notification_id="n3", alerts=(other,))])
    store.outbox.save_acknowledgement(Acknowledgement("told", "lee", "on it", NOW, NOW + HOUR))
    store.outbox.save_silence(
        Silence("s1", {"key": "Told*"}, "kim", "known", NOW - HOUR, NOW + timedelta(days=1))
    )
    store.outbox.save_silence(Silence("s2", {"key": "*"}, "kim", "over", NOW - 2 * HOUR, NOW - HOUR))
    found = known("desk", "wall")
    assert found.nobody == ""
    assert [(one.receiver, one.state, one.others, one.error) for one in found.deliveries] == [
        ("wall", "failed", 1, "404"),
        ("desk", "sent", 0, ""),
    ]
    assert found.deliveries[1].sent_at == NOW - HOUR
    assert found.seen == Acknowledgement("told", "lee", "on it", NOW, NOW + HOUR)
    assert found.quiet == (
        Quiet("silenced", "kim", NOW + timedelta(days=1), "known"),
        Quiet("snoozed", "lee", NOW + HOUR),
    )
    assert read_alert(reader, "none", make_policy(RoutingSettings()), (), NOW) is None
