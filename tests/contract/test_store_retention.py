"""Rows go when their days are over; windows stay as they were when their items were there."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from store.retention import apply_retention
from store.store import Store, open_store
from tests.contract.test_store_audit import at, deliver, sums, views
from tests.items import T0, scored
from tests.unit.outbox_memory import alert_of
from tidings.settings import StoreSettings
from tidings.types import Acknowledgement, Consumed, Notification, Silence

NOW = datetime.now(UTC)
KEPT = {"keep_items_days": 30, "keep_consumed_days": 30, "keep_windows_days": 400}


@pytest.fixture
def kept_settings(store_settings: StoreSettings) -> StoreSettings:
    return replace(store_settings, **KEPT)  # type: ignore[arg-type]  # all three are whole numbers


@pytest.fixture
def kept(kept_settings: StoreSettings) -> Iterator[Store]:
    opened = open_store(kept_settings)
    yield opened
    opened.close()


def days_ago(days: float) -> float:
    """In minutes after T0, as tests.items wants it."""
    return (NOW - timedelta(days=days) - T0).total_seconds() / 60


def items_stored(store: Store) -> list[str]:
    return store.sql("SELECT item_id FROM items ORDER BY item_id", "TSV").split()


def test_old_items_go_and_their_windows_stay(
    store_settings: StoreSettings, kept_settings: StoreSettings
) -> None:
    store = open_store(store_settings)
    store.insert(
        [scored("old", days_ago(100), entities=["Acme"]), scored("new", days_ago(1), entities=["Acme"])]
    )
    store.roll()
    store.close()
    store = open_store(kept_settings)
    store._client.execute("OPTIMIZE TABLE item_versions FINAL")
    assert items_stored(store) == ["new"]

    # A late item into a minute whose items are gone: it would leave the window with itself only.
    store.insert([scored("late", days_ago(100), entities=["Acme"])])
    store.roll()
    assert store.status().dirty_minutes == 0
    past, future = NOW - timedelta(days=200), NOW + timedelta(days=1)
    assert [w.items for w in store.totals("entity", past, future, 0)] == [2]
    store.reroll(past, future)
    assert [w.items for w in store.totals("entity", past, future, 0)] == [2]
    assert store.reconcile(past, future).differences == ()
    store.close()


def test_what_was_dropped_by_age_is_expired_and_not_lost(
    store_settings: StoreSettings, kept_settings: StoreSettings
) -> None:
    """Older history is replayed into a store that does not keep it."""
    store = open_store(kept_settings)
    old, new = at(0, scored("old", days_ago(100))), at(1, scored("new", days_ago(1)))
    lost = Consumed("news.raw", 0, 2, "lost", published_at=NOW)
    deliver(store, old, new)
    store.record(
        [lost, Consumed("news.raw", 0, 3, "without a time"), Consumed("news.raw", 0, 4, reason="dead")]
    )
    store._client.execute("OPTIMIZE TABLE item_versions FINAL")
    expected = {"consumed": 5, "stored": 1, "dead_letters": 1, "expired": 1, "unexplained": 2}
    assert [sums(row) for row in store.audit()] == [expected] == [sums(row) for row in views(store)]
    assert store.status().offsets_expired == 1
    store.close()
    store = open_store(replace(kept_settings, keep_items_days=0))
    assert [sums(row) for row in store.audit()] == [expected], "what is gone does not come back"
    store.close()
    store = open_store(replace(kept_settings, keep_items_days=200))
    assert [sums(row) for row in store.audit()] == [expected]
    store.close()


def test_windows_go_by_their_own_days(kept: Store) -> None:
    kept._client.execute(
        "INSERT INTO window_rows (scope, key, start, items) VALUES ('all', '', now() - INTERVAL 500 DAY, 1),"
        " ('all', '', now() - INTERVAL 100 DAY, 1)"
    )
    kept._client.execute("OPTIMIZE TABLE window_rows FINAL")
    assert kept.sql("SELECT count() FROM window_rows FINAL", "TSV").strip() == "1"


def test_days_are_applied_once_changed_and_taken_back(kept: Store, kept_settings: StoreSettings) -> None:
    client = kept._client
    assert apply_retention(client, kept_settings) == [], "opening the store has applied them"
    longer = replace(kept_settings, keep_items_days=60)
    assert apply_retention(client, longer) == ["item_versions", "story_items", "item_minutes"]
    assert apply_retention(client, longer) == []
    forever = replace(kept_settings, keep_items_days=0, keep_windows_days=0, keep_consumed_days=0)
    assert len(apply_retention(client, forever)) == 7
    assert apply_retention(client, forever) == []
    ((rules,),) = client.query(
        "SELECT countIf(engine_full LIKE '% TTL %') FROM system.tables WHERE database = currentDatabase()"
    )
    assert rules == 0


def test_alerts_go_with_what_was_told_and_said_of_them(store_settings: StoreSettings) -> None:
    store = open_store(replace(store_settings, keep_alerts_days=30))
    for name, days in (("Old", 31), ("New", 29)):
        at = NOW - timedelta(days=days)
        alert = replace(alert_of(name, at), started_at=at)
        store.save_alerts([alert])
        store.outbox.save_notifications([Notification(name, "desk", name, "firing", (alert,), at)])
        store.outbox.save_acknowledgement(Acknowledgement(alert.alert_id, "kim", "", at))
    tables = ("alert_rows", "notification_log", "acknowledgement_rows")
    for table in tables:
        store._client.execute(f"OPTIMIZE TABLE {table} FINAL")
    counts = [store.sql(f"SELECT count() FROM {table}", "TSV").strip() for table in tables]
    assert counts == ["1", "1", "1"]
    assert [note.notification_id for note in store.outbox.waiting_notifications()] == ["New"]
    assert apply_retention(store._client, replace(store_settings, keep_alerts_days=30)) == []
    assert sorted(apply_retention(store._client, store_settings)) == sorted(tables)
    store.close()


def test_silences_go_with_all_their_versions(store_settings: StoreSettings) -> None:
    store = open_store(store_settings)
    past, day = NOW - timedelta(days=90), timedelta(days=1)
    over, long, ended_early = (
        Silence(name, {"key": name}, "kim", "known", past, ends)
        for name, ends in (("over", past + day), ("long", NOW + day), ("early", NOW + day))
    )
    for silence in (over, long, ended_early, replace(ended_early, ends_at=past + day)):
        store.outbox.save_silence(silence)
    store.close()
    store = open_store(replace(store_settings, keep_alerts_days=30))
    left = store.sql("SELECT DISTINCT silence_id FROM silence_rows", "TSV")
    assert left.split() == ["long"]
    assert [one.silence_id for one in store.outbox.silences(NOW)] == ["long"]
    store.close()


def test_an_end_that_could_not_be_told_for_a_month_is_let_go(store: Store) -> None:
    fired = replace(alert_of("Acme", NOW), state="firing")
    ended = replace(fired, state="resolved", resolved_at=NOW)
    store.save_alerts([fired])
    told = Notification("n", "desk", "Acme", "firing", (fired,), NOW, "sent")
    store.outbox.save_notifications([told])
    assert [a.state for a in store.outbox.routable_alerts(["desk"])] == ["firing"]
    store.save_alerts([ended])
    assert [a.state for a in store.outbox.routable_alerts(["desk"])] == ["resolved"]
    assert store.outbox.routable_alerts(["other"]) == []
    old = int((NOW - timedelta(days=31)).timestamp() * 1e9)
    store._client.execute("TRUNCATE TABLE alert_rows")
    store.save_alerts([ended])
    copied = "SELECT * REPLACE (toUInt64({version:UInt64}) AS version) FROM alert_rows"
    store._client.execute("CREATE TABLE moved AS alert_rows")
    store._client.execute(f"INSERT INTO moved {copied}", {"version": old})
    store._client.execute("EXCHANGE TABLES moved AND alert_rows")
    assert store.outbox.routable_alerts(["desk"]) == []
