"""The pure parts of the proof: one definition of an audit, which sums differ, how a period is cut, the alert's life."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from alerts.engine import Engine
from alerts.own import advance_counts
from alerts.receivers.words import advise, summarise
from store.audit import PartitionAudit, joined, outcomes_sql, sums_sql
from store.migrate import SCHEMA
from store.reconcile import Difference, Reconciliation, _days, differences_of
from store.windows import SUMS
from tests.unit.alerts_memory import MemoryHistory, MemoryWindows

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def words(sql: str) -> str:
    return " ".join(sql.split())


def test_the_views_are_the_statements_of_the_audit() -> None:
    schema = words((SCHEMA / "009_public.sql").read_text(encoding="utf-8"))
    assert f"VIEW consumed AS {words(outcomes_sql())} COMMENT" in schema
    assert f"VIEW audit AS {words(sums_sql('consumed'))} COMMENT" in schema


def test_the_shares_of_a_partition_add_up() -> None:
    low = PartitionAudit("t", 1, 5, 9, 4, 2, 1, 1, 0, 0, 0, 1)
    high = PartitionAudit("t", 1, 7, 12, 3, 1, 0, 0, 1, 1, 0, 3)
    whole = PartitionAudit("t", 1, 5, 12, 7, 3, 1, 1, 1, 1, 0, 1)
    assert joined(low, high) == joined(high, low) == whole


def test_sums_of_the_same_floats_in_another_order_do_not_differ() -> None:
    sums = dict.fromkeys(SUMS, (1000.0, 1000.0, 1000.0))
    sums |= {"sentiment_sum": (0.1 + 0.2 + 0.3, 0.2 + 0.1 + 0.3, 0.3 + 0.2 + 0.1)}
    row = ["topic", "Macro", NOW, *(value for three in sums.values() for value in three)]
    assert differences_of(row) == []
    row[3:6] = [1000, 1000, 999]
    assert differences_of(row) == [Difference("topic", "Macro", NOW, "items", 1000.0, 999.0)]
    row[3:6] = [999, 7, 999]
    assert differences_of(row) == [Difference("topic", "Macro", NOW, "items", 7.0, 999.0)], (
        "the copy is wrong"
    )


def test_a_window_that_differs_in_two_sums_is_one_window() -> None:
    one = Difference("topic", "Macro", NOW, "items", 1.0, 2.0)
    assert Reconciliation(9, 0, (one, replace(one, what="stories"), replace(one, key="M&A"))).differing == 2


def test_a_period_is_cut_at_midnight_and_widened_to_whole_minutes() -> None:
    second = timedelta(seconds=1)
    minute = timedelta(minutes=1)
    assert list(_days(NOW, NOW)) == []
    assert list(_days(NOW + second, NOW + 2 * second)) == [(NOW, NOW + minute)]
    midnight = datetime(2026, 3, 3, tzinfo=UTC)
    assert list(_days(NOW, NOW + DAY)) == [(NOW, midnight), (midnight, NOW + DAY)]
    assert list(_days(NOW, midnight)) == [(NOW, midnight)]


def test_the_alert_fires_once_and_resolves_once() -> None:
    assert advance_counts(None, 0, 0, NOW) is None
    alert = advance_counts(None, 2, 3, NOW)
    assert alert
    assert (alert.state, alert.value, alert.expected) == ("firing", 5.0, 0.0)
    assert "2 windows differ" in summarise(alert)
    assert "3 Kafka offsets" in summarise(alert)
    assert "docs/proof.md" in advise(alert)
    assert advise(replace(alert, fingerprint="0123456789abcdef")) == ""
    assert advance_counts(alert, 9, 9, NOW + DAY) is None
    resolved = advance_counts(alert, 0, 0, NOW + DAY)
    assert resolved
    assert (resolved.state, resolved.resolved_at, resolved.alert_id) == (
        "resolved",
        NOW + DAY,
        alert.alert_id,
    )


def test_the_engine_leaves_it_alone_whatever_its_clock() -> None:
    alert = advance_counts(None, 1, 0, NOW)
    assert alert
    history = MemoryHistory()
    history.save_alerts([alert])
    engine = Engine([], MemoryWindows(), history)
    for now in (NOW - DAY, NOW + DAY):
        assert engine.evaluate(now) == []
        assert history.active_alerts() == [alert]
    assert engine._last == NOW + DAY
