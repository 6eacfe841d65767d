"""How long rows are kept: settings into TTLs, and which windows are no longer recomputed."""

from datetime import UTC, datetime

import pytest

from store.analyst import analyst_statements
from store.retention import Kept, complete_from, wishes
from tidings.errors import ConfigError
from tidings.settings import StoreSettings


def test_without_settings_everything_is_kept() -> None:
    assert {kept.ttl for kept in wishes(StoreSettings())} == {""}
    assert complete_from(0, datetime(2026, 3, 2, tzinfo=UTC)).year == 1


def test_each_kind_of_row_has_its_days() -> None:
    found = {
        kept.table: kept.ttl
        for kept in wishes(StoreSettings(keep_items_days=90, keep_windows_days=800, keep_consumed_days=30))
    }
    assert found["item_versions"] == found["story_items"] == "minute + toIntervalDay(90)"
    assert found["window_rows"] == found["key_windows"] == "start + toIntervalDay(800)"
    assert found["consumed_rows"] == "recorded_at + toIntervalDay(30)"


def test_old_texts_may_move_to_a_slower_disk_first() -> None:
    wish, *_ = wishes(StoreSettings(cold_volume="cold", cold_after_days=7, keep_items_days=30))
    assert wish == Kept(
        "item_versions", "minute + toIntervalDay(7) TO VOLUME 'cold', minute + toIntervalDay(30)"
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (StoreSettings(cold_volume="cold"), "belong together"),
        (StoreSettings(cold_after_days=3), "belong together"),
        (StoreSettings(cold_volume="a'b", cold_after_days=3), "plain name"),
        (StoreSettings(cold_volume="cold", cold_after_days=30, keep_items_days=30), "must be below"),
        (StoreSettings(keep_alerts_days=29), "keep_alerts_days must be 0 or at least 30"),
    ],
)
def test_days_that_contradict_each_other_are_named(settings: StoreSettings, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        wishes(settings)


def test_windows_are_recomputed_for_whole_days_that_still_have_their_items() -> None:
    now = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
    assert complete_from(1, now) == datetime(2026, 3, 10, tzinfo=UTC)
    assert complete_from(7, now) == datetime(2026, 3, 4, tzinfo=UTC)


def test_the_analysts_password_is_in_no_statement() -> None:
    settings = StoreSettings(backend="server", cluster="c")
    statements = analyst_statements(settings, "hunter2", "00ff")
    assert "hunter2" not in " ".join(statements)
    assert statements[-1] == "GRANT ON CLUSTER 'c' SELECT ON tidings.* TO analyst WITH REPLACE OPTION"
    assert all(" ON CLUSTER 'c' " in statement for statement in statements)
    assert any("readonly = 1" in statement for statement in statements)


def test_the_analyst_is_given_the_views_and_what_he_had_is_taken() -> None:
    grant = analyst_statements(StoreSettings(backend="server", database="news"), "p", "s")[-1]
    assert grant.startswith("GRANT SELECT ON news.alerts, SELECT ON news.audit, ")
    assert grant.endswith(" TO analyst WITH REPLACE OPTION")
    assert "rows" not in grant
    assert "*" not in grant


def test_the_analyst_is_a_user_of_its_own() -> None:
    for user in ("default", "tidings", "x y"):
        with pytest.raises(ConfigError, match="a plain name of its own"):
            analyst_statements(StoreSettings(user="tidings", analyst_user=user), "p", "s")
