"""What every part of Tidings relies on in the store, over both backends."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.alert_log import _COLUMNS, _row
from store.client import connect
from store.migrate import SCHEMA, migrate, read_migrations
from store.store import Store, open_store
from tests.contract.store_fixtures import empty
from tests.items import T0, scored
from tidings.errors import ConfigError, TidingsError, Unavailable
from tidings.settings import StoreSettings
from tidings.types import Alert, Evidence, Filters, Measured, ScoredItem, Window, Word

HOUR = timedelta(hours=1)
NASTY = 'it\'s \\ a "key"\n\t{x:String} 银行 😀'


def counts(windows: Sequence[Window]) -> dict[str, tuple[int, int, int]]:
    return {w.key: (w.items, w.stories, w.negative_stories) for w in windows}


def test_items_count_under_every_scope(store: Store) -> None:
    store.insert(
        [scored("a", 0, entities=["Acme", NASTY]), scored("b", 1, entities=["Acme"], p_negative=0.1)]
    )
    assert store.roll() == 2
    assert counts(store.totals("entity", T0, T0 + HOUR, 0)) == {"Acme": (2, 2, 1), NASTY: (1, 1, 1)}
    assert counts(store.totals("all", T0, T0 + HOUR, 0)) == {"": (2, 2, 1)}
    assert counts(store.totals("topic", T0, T0 + HOUR, 0)) == {"Macro": (2, 2, 1)}
    assert counts(store.totals("source", T0, T0 + HOUR, 0)) == {"wire": (2, 2, 1)}
    assert [w.key for w in store.totals("entity", T0, T0 + HOUR, 0.95)] == ["Acme"]


def test_replay_changes_no_count(store: Store) -> None:
    items = [scored(str(i), i % 7, story=f"s{i % 5}", entities=["Acme"]) for i in range(40)]
    store.insert(items)
    store.roll()
    before = store.totals("entity", T0, T0 + HOUR, 0)
    for _ in range(2):
        store.insert(items)
        store.insert(items[::-1])
        store.roll()
    assert counts(store.totals("entity", T0, T0 + HOUR, 0)) == counts(before)
    assert store.status().items == 40
    assert store.roll() == 0, "nothing is dirty any more"


def test_a_story_counts_once_in_the_minute_of_its_earliest_item(store: Store) -> None:
    store.insert([scored("a", 5, story="s", entities=["Acme"]), scored("b", 6, story="s", entities=["Acme"])])
    store.roll()
    series = store.series("entity", ["Acme"], T0, T0 + timedelta(minutes=10), 60)["Acme"]
    assert [w.stories for w in series] == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    store.insert([scored("late", 2, story="s", p_negative=0.2, entities=["Acme"])])
    store.roll()
    series = store.series("entity", ["Acme"], T0, T0 + timedelta(minutes=10), 60)["Acme"]
    assert [w.stories for w in series] == [0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert [w.items for w in series] == [0, 0, 1, 0, 0, 1, 1, 0, 0, 0]
    assert sum(w.negative_story_sum for w in series) == pytest.approx(0.2), "the earliest item's prediction"


def test_a_corrected_item_leaves_its_old_minute_and_keys(store: Store) -> None:
    store.insert([scored("a", 5, entities=["Acme"])])
    store.roll()
    store.insert([scored("a", 9, entities=["Borealis"])])
    store.roll()
    assert counts(store.totals("entity", T0, T0 + HOUR, 0)) == {"Acme": (0, 0, 0), "Borealis": (1, 1, 1)}
    assert "Acme" not in store.sql("SELECT key FROM sentiment_1m WHERE scope = 'entity'", "TSV")


def test_an_item_corrected_to_another_day_leaves_the_former_one(store: Store) -> None:
    store.insert([scored("a", 5, entities=["Acme"])])
    store.roll()
    store.insert([scored("a", 5 + 3 * 24 * 60, story="s-of-that-day", entities=["Acme"])])
    store.roll()
    assert counts(store.totals("entity", T0, T0 + HOUR, 0)) == {"Acme": (0, 0, 0)}
    assert store.sql(
        "SELECT sum(items), sum(stories) FROM sentiment_1d WHERE scope = 'all'", "TSV"
    ).split() == ["1", "1"]


def test_series_fills_gaps_with_zeros_for_every_key(store: Store) -> None:
    store.insert([scored("a", 3, entities=["Acme"]), scored("b", 12, entities=["Acme"])])
    store.roll()
    start = T0 + timedelta(minutes=1)
    found = store.series("entity", ["Acme", "Nobody"], start, start + timedelta(minutes=15), 300)
    assert [w.items for w in found["Acme"]] == [1, 0, 1]
    assert [w.start for w in found["Acme"]] == [
        start,
        start + timedelta(minutes=5),
        start + timedelta(minutes=10),
    ]
    assert [w.items for w in found["Nobody"]] == [0, 0, 0]
    assert store.series("entity", [], T0, T0 + HOUR, 60) == {}


def test_coarser_views_are_exact_sums(store: Store) -> None:
    store.insert([scored(str(i), i * 7.3, story=f"s{i % 60}", entities=["Acme"]) for i in range(300)])
    store.roll()
    for column in ("items", "stories", "negative_stories"):
        sums = {
            store.sql(f"SELECT sum({column}) FROM sentiment_{grain} WHERE scope = 'entity'", "TSV")
            for grain in ("1m", "5m", "1h", "1d")
        }
        assert len(sums) == 1


def test_evidence_is_the_most_negative_stories_first_with_reach(store: Store) -> None:
    store.insert(
        [
            scored("a", 1, story="mild", p_negative=0.6, entities=["Acme"]),
            scored("b", 2, story="bad", p_negative=0.9, entities=["Acme"], source="first"),
            scored("c", 3, story="bad", p_negative=0.8, entities=["Acme"], source="copy"),
            scored("d", 4, story="other", p_negative=1.0, entities=["Borealis"]),
        ]
    )
    store.roll()
    found = store.evidence("entity", "Acme", T0, T0 + HOUR, 5)
    assert [(e.item_id, e.source, e.reach) for e in found] == [("b", "first", 2), ("a", "wire", 1)]
    assert len(store.evidence("all", "", T0, T0 + HOUR, 2)) == 2
    assert store.evidence("entity", "Acme", T0, T0 + timedelta(minutes=1), 5) == ()


def test_flagged_stories_are_counted_but_not_as_negative(store: Store) -> None:
    store.insert(
        [
            scored("a", p_negative=0.75, entities=["Acme"]),
            scored("read", story="s2", p_negative=0.625, entities=["Acme"]),
        ]
        + [
            scored(f"f{i}", story=f"f{i}", p_negative=0.25, entities=["Acme"], flag="language")
            for i in range(50)
        ]
    )
    store.roll()
    (window,) = store.totals("entity", T0, T0 + HOUR, 0)
    assert (window.items, window.stories, window.negative_stories) == (52, 52, 2)
    assert window.negative_story_sum == pytest.approx(1.375)
    assert {e.item_id for e in store.evidence("entity", "Acme", T0, T0 + HOUR, 9)} == {"a", "read"}
    assert "f1" not in store.sql("SELECT headline FROM top_negative", "TSV")
    assert store.sql("SELECT flag, count() FROM items GROUP BY flag ORDER BY flag", "TSV").split() == [
        "2",
        "language",
        "50",
    ]


def test_a_store_of_the_schema_before_flags_is_brought_up_to_date(
    store_settings: StoreSettings, tmp_path: Path
) -> None:
    client = connect(store_settings)
    for path in SCHEMA.glob("00[12]_*.sql"):
        (tmp_path / path.name).write_text(path.read_text())
    migrate(client, tmp_path)
    client.execute("INSERT INTO item_rows (item_id, published_at) VALUES ('old', '2026-03-02 09:00:00')")
    assert migrate(client)[:2] == ["003_flag", "004_by_minute"]
    assert client.query("SELECT item_id, flag FROM items") == [("old", "")]
    client.close()


def test_texts_come_back_as_they_went_in(store: Store) -> None:
    item = scored("a", title=NASTY)
    store.insert([replace(item, item=replace(item.item, text="nul \0 tab \t"))])
    row = json.loads(store.sql("SELECT title, text FROM items", "JSONEachRow"))
    assert row == {"title": NASTY, "text": "nul \0 tab \t"}


def test_a_lone_surrogate_is_refused_clearly(store: Store) -> None:
    with pytest.raises(TidingsError, match="lone surrogate"):
        store.insert([scored("a", title="\ud800")])


def test_every_view_answers(store: Store) -> None:
    store.insert([scored("a", entities=["Acme"])])
    store.roll()
    for view in (
        "items",
        "stories",
        "sentiment_1m",
        "sentiment_5m",
        "sentiment_1h",
        "sentiment_1d",
        "top_negative",
    ):
        assert store.sql(f"SELECT count() > 0 FROM {view}", "TSV").strip() in ("1", "True")
    assert store.sql("SELECT count() FROM alerts", "TSV").strip() == "0"
    assert "headline" in store.sql("SELECT * FROM top_negative", "CSVWithNames")


@pytest.mark.parametrize(
    "statement", ["DROP TABLE item_versions", "SELECT 1; DROP TABLE item_versions", "INSERT INTO x"]
)
def test_sql_only_reads(store: Store, statement: str) -> None:
    with pytest.raises(ConfigError):
        store.sql(statement)
    assert store.status().items == 0


def test_a_wrong_statement_is_one_clear_line(store: Store) -> None:
    with pytest.raises(TidingsError, match="the store refused") as caught:
        store.sql("SELECT nothing_like_it FROM items")
    assert "\n" not in str(caught.value)


def test_status_of_an_empty_and_a_filled_store(store: Store) -> None:
    status = store.status()
    assert (status.items, status.first_published, store.first_start(), store.last_published()) == (0,) + (
        None,
    ) * 3
    store.insert([scored("a", 1), scored("b", 9)])
    assert store.status().dirty_minutes == 2
    store.roll()
    status = store.status()
    assert (status.items, status.minutes, status.dirty_minutes) == (2, 2, 0)
    assert store.last_published() == T0 + timedelta(minutes=9)
    assert store.first_start() == T0 + timedelta(minutes=1)


def test_alerts_come_back_whole_and_the_latest_version_counts(store: Store) -> None:
    store.insert([scored("a", entities=["Acme"])])
    store.roll()
    series = store.series("entity", ["Acme"], T0, T0 + timedelta(minutes=3), 60)["Acme"]
    alert = Alert(
        alert_id="id-1", fingerprint="f", rule="r", scope="entity", key=NASTY, severity="critical", state="firing",
        value=9.5, expected=0.25, p_value=1e-9, window_seconds=600, started_at=T0, fired_at=T0, updated_at=T0,
        labels={"team": "ü"}, series=tuple(series),
        evidence=(
            *store.evidence("entity", "Acme", T0, T0 + HOUR, 5),
            Evidence("b", NASTY, T0, "wire", "", -0.9, 0.9, words=(Word(NASTY, 0, len(NASTY), -0.25),)),
        ),
    )  # fmt: skip
    store.save_alerts([alert])
    assert store.active_alerts() == [alert] == store.alerts(10)
    measured = Measured(
        "level", lower=1.5, share=0.25, inputs={"counts": [1.0, 2.0]}, without_story=True, began_at=T0,
        filters=Filters(sources=(NASTY,), kinds=("news",)),
    )  # fmt: skip
    told = replace(alert, value=24.0, measured=measured, annotations={"next": "call the desk"})
    store.save_alerts([told])
    assert store.active_alerts() == [told]
    store.save_alerts([replace(told, state="resolved", resolved_at=T0 + HOUR)])
    assert store.active_alerts() == []
    assert len(store.alerts(10)) == 1


def test_alerts_of_versions_without_words_are_still_read(store: Store) -> None:
    alert = Alert(
        alert_id="id-1", fingerprint="f", rule="r", scope="entity", key="Acme", severity="critical", state="firing",
        value=9.5, expected=0.25, p_value=1e-9, window_seconds=600, started_at=T0,
        evidence=(Evidence("a", "Acme fails", T0, "wire", "", -0.9, 0.9),),
    )  # fmt: skip
    row = dict(zip(_COLUMNS, _row(alert), strict=True)) | {
        "evidence": '[{"item_id": "a", "title": "Acme fails", "published_at": "2026-03-02T09:00:00+00:00",'
        ' "source": "wire", "url": "", "sentiment": -0.9, "p_negative": 0.9, "reach": 1}]'
    }
    store._client.insert("alert_rows", _COLUMNS, [tuple(row.values())])
    assert store.alerts(10) == [alert]


def test_opening_again_keeps_everything(store_settings: StoreSettings) -> None:
    first = open_store(store_settings)
    first.insert([scored("a")])
    first.close()
    second = open_store(store_settings)
    assert second.status().items == 1
    second.close()


def test_a_newer_schema_is_refused(store_settings: StoreSettings) -> None:
    client = connect(store_settings)
    migrate(client)
    assert migrate(client) == [], "a second time nothing is left to do"
    client.insert("schema_migrations", ("number", "name", "checksum"), [(999, "future", "x")])
    with pytest.raises(ConfigError, match="schema is version 999"):
        migrate(client)
    client.close()


def test_an_interrupted_migration_is_run_again(store_settings: StoreSettings, tmp_path: Path) -> None:
    client = connect(store_settings)
    for path in SCHEMA.glob("*.sql"):
        (tmp_path / path.name).write_text(path.read_text() + ";\nSELEC nonsense")
    with pytest.raises(TidingsError, match="the store refused"):
        migrate(client, tmp_path)
    assert migrate(client) == [migration.name for migration in read_migrations()]
    client.close()


def test_an_unreachable_server_says_where_and_what_to_do() -> None:
    with pytest.raises(Unavailable, match=r"127.0.0.1:1 .*store.port"):
        connect(StoreSettings(backend="server", port=1))


def test_an_odd_database_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="plain name"):
        connect(StoreSettings(database="x; DROP DATABASE y"))


Event = tuple[int, int, int, float, int]
EVENTS = st.lists(
    st.tuples(
        st.integers(0, 7),
        st.integers(0, 9),
        st.integers(0, 3),
        st.sampled_from([0.125, 0.5, 0.875]),
        st.integers(0, 3),
    ),
    max_size=24,
)


def _item(event: Event) -> ScoredItem:
    item, minute, story, p_negative, entities = event
    names = [name for bit, name in ((1, "Acme"), (2, "Borealis")) if entities & bit]
    return scored(f"i{item}", minute, story=f"s{story}", p_negative=p_negative, entities=names)


def _reference(items: Sequence[ScoredItem]) -> dict[tuple[str, datetime], tuple[int, int, float]]:
    """The counts by key and minute in plain Python, from the last version of each item."""
    latest = {one.item.item_id: one for one in items}
    firsts: dict[str, ScoredItem] = {}
    for one in sorted(latest.values(), key=lambda one: (one.item.published_at, one.item.item_id)):
        firsts.setdefault(one.item.story_id, one)
    found: dict[tuple[str, datetime], list[float]] = defaultdict(lambda: [0, 0, 0.0])
    for one in latest.values():
        for name in one.item.entities:
            sums = found[name, one.item.published_at]
            sums[0] += 1
            if firsts[one.item.story_id] is one:
                sums[1] += 1
                sums[2] += one.prediction.p_negative
    return {where: (int(a), int(b), c) for where, (a, b, c) in found.items()}


@given(st.lists(EVENTS, min_size=1, max_size=3))
@settings(max_examples=15)
def test_any_history_ends_in_the_counts_of_its_last_versions(
    store_settings: StoreSettings, batches: list[list[Event]]
) -> None:
    store = open_store(store_settings)
    try:
        empty(store)
        for batch in batches:
            store.insert([_item(event) for event in batch])
            store.roll()
        wanted = _reference([_item(event) for batch in batches for event in batch])
        series = store.series("entity", ["Acme", "Borealis"], T0, T0 + timedelta(minutes=10), 60)
        found = {
            (w.key, w.start): (w.items, w.stories, w.negative_story_sum)
            for windows in series.values()
            for w in windows
            if w.items
        }
        assert found == wanted
    finally:
        store.close()
