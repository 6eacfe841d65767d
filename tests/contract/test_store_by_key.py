"""The windows once more, ordered by key, and what else keeps a question from reading the whole table."""

import shutil
from datetime import timedelta
from pathlib import Path

from store.client import connect
from store.migrate import SCHEMA, migrate
from store.store import Store
from store.windows import SUMS
from tests.items import T0, scored
from tidings.settings import StoreSettings

HOUR = timedelta(hours=1)
COLUMNS = f"scope, key, start, {', '.join(SUMS)}, version"
GRANULE = 8192  # rows: what ClickHouse reads at least


def rows(store: Store, table: str) -> list[tuple[object, ...]]:
    return store._client.query(f"SELECT {COLUMNS} FROM {table} FINAL ORDER BY scope, key, start")


def must_read(store: Store, sql: str) -> int:
    return sum(int(row[3]) for row in store._client.query(f"EXPLAIN ESTIMATE {sql}"))


def test_both_tables_hold_the_same_whatever_happens(store: Store) -> None:
    items = [scored(str(i), i % 7, story=f"s{i % 5}", entities=["Acme", f"Name {i % 3}"]) for i in range(40)]
    for batch in (items, items[::-1], [scored("7", 30, story="s2", entities=["Borealis"])]):
        store.insert(batch)
        store.roll()
        assert rows(store, "key_windows") == rows(store, "window_rows")
    store.reroll(T0, T0 + HOUR)
    assert store.erase("item_id IN ('1', '7')") == 2
    both = rows(store, "key_windows")
    assert both == rows(store, "window_rows")
    assert sum(1 for row in both if row[3]) < len(both), "zero rows of what has left are there, too"
    series = store.series("entity", ["Acme", "Borealis"], T0, T0 + HOUR, 60)
    assert {key: sum(w.items for w in found) for key, found in series.items()} == {"Acme": 38, "Borealis": 0}
    for grain in ("1m", "5m", "1h", "1d"):
        by_key, by_time = (
            store.sql(f"SELECT * FROM sentiment_{grain}{end} ORDER BY scope, key, start", "TSVWithNames")
            for end in ("_by_key", "")
        )
        assert by_key == by_time != ""


def test_a_block_of_windows_that_comes_twice_changes_nothing(store: Store) -> None:
    store.insert([scored("a", 3, entities=["Acme"])])
    store.roll()
    before = rows(store, "key_windows")
    store._client.execute(f"INSERT INTO window_rows ({COLUMNS}) SELECT {COLUMNS} FROM window_rows")
    assert rows(store, "key_windows") == before == rows(store, "window_rows")


def test_a_table_that_lacks_rows_or_is_wrong_is_found_and_repaired(store: Store) -> None:
    store.insert([scored("a", 3, entities=["Acme"], p_negative=0.1)])
    store.roll()
    right = [row[:-1] for row in rows(store, "window_rows")]
    store._client.execute("ALTER TABLE key_windows DELETE WHERE scope = 'entity' SETTINGS mutations_sync = 2")
    found = store.reconcile(T0, T0 + HOUR)
    assert {(d.scope, d.key) for d in found.differences} == {("entity", "Acme")}
    assert {d.what: (d.windows_say, d.items_say) for d in found.differences}["items"] == (0, 1)
    assert store.repair(found.differences) == 1
    assert store.reconcile(T0, T0 + HOUR).differences == ()
    assert [row[:-1] for row in rows(store, "key_windows")] == right


def test_a_roll_that_was_cut_off_between_the_tables_is_made_good(store: Store) -> None:
    """The copy has rows, of a key that has left since and of a later version, that the original never got."""
    store.insert([scored("a", 3, entities=["Acme"])])
    store.roll()
    ((latest,),) = store._client.query("SELECT max(version) FROM window_rows")
    ahead = int(latest) + 10**15
    store._client.insert(
        "key_windows", ("scope", "key", "start", "items", "version"),
        [("entity", key, T0 + timedelta(minutes=3), 5, ahead) for key in ("Acme", "Ghost")],
    )  # fmt: skip
    found = store.reconcile(T0, T0 + HOUR)
    assert {(d.key, d.windows_say, d.items_say) for d in found.differences if d.what == "items"} == {
        ("Acme", 5, 1), ("Ghost", 5, 0),
    }  # fmt: skip
    assert store.repair(found.differences) == 1
    assert store.reconcile(T0, T0 + HOUR).differences == ()
    assert rows(store, "key_windows") == rows(store, "window_rows")


def test_a_store_of_schema_005_gets_the_table_filled_also_when_interrupted(
    store_settings: StoreSettings, tmp_path: Path
) -> None:
    old = tmp_path / "old"
    old.mkdir()
    for path in sorted(SCHEMA.glob("*.sql"))[:5]:
        shutil.copy(path, old)
    client = connect(store_settings)
    migrate(client, old)
    store = Store(client, timedelta(minutes=5))
    store.insert([scored(str(i), i, story="s", entities=["Acme"]) for i in range(9)])
    store.roll()
    store.insert([scored("3", 20, story="s", entities=["Borealis"])])
    store.roll()
    text = (SCHEMA / "006_by_key.sql").read_text(encoding="utf-8")
    statements = text.split(";\n")
    for _ in range(2):  # each of its statements may run twice
        for statement in statements:
            client.execute(statement)
    assert "006_by_key" in migrate(client)
    assert rows(store, "key_windows") == rows(store, "window_rows") != []
    store.insert([scored("new", 4, entities=["Acme"])])
    store.roll()
    assert rows(store, "key_windows") == rows(store, "window_rows")
    assert store.sql("SELECT item_id, title FROM items WHERE item_id = '3'", "TSV") == "3\theadline of s\n"
    store.close()


def test_a_few_keys_over_a_long_time_read_their_own_rows(store: Store) -> None:
    store._client.execute(
        "INSERT INTO window_rows (scope, key, start, items) SELECT 'entity', concat('Name ', toString(number % 200)),"
        " toDateTime('2026-03-02 00:00:00', 'UTC') + intDiv(number, 200) * 60, 1 FROM numbers(200000)"
    )
    week = "WHERE scope = 'entity' AND key = 'Name 7' AND start >= '2026-02-27 00:00:00'"
    assert must_read(store, f"SELECT start, items FROM sentiment_1h_by_key {week}") <= 2 * GRANULE
    assert must_read(store, f"SELECT start, items FROM sentiment_1h {week}") >= 100_000
    answer = store.sql(f"SELECT sum(items), count() FROM sentiment_1h_by_key {week}", "TSV")
    assert answer == "1000\t17\n"
    (windows,) = store.series("entity", ["Name 7"], T0, T0 + HOUR, 3600).values()
    assert [w.items for w in windows] == [60]


def many_items(store: Store) -> None:
    """100,000 items of ten days, 20,000 stories; every fifth minute."""
    store._client.execute(
        "INSERT INTO item_versions (item_id, story_id, source, title, published_at) SELECT"
        " concat('id-', toString(number)), concat('s-', toString(intDiv(number, 5))), 'wire', 'words',"
        " toDateTime64('2026-03-02 00:00:00', 3, 'UTC') + intDiv(number, 10000) * 86400 + number % 10000"
        " FROM numbers(100000)"
    )


def test_an_item_by_its_id_is_found_without_reading_all(store: Store) -> None:
    many_items(store)
    query = "SELECT item_id, title FROM items WHERE item_id = 'id-77777'"
    assert must_read(store, query) <= 2 * GRANULE
    assert store.sql(query, "TSV") == "id-77777\twords\n"
    for minute in (3, 9, 6):  # three places; it is alive at the last one only
        store.insert([scored("id-x", minute, title=f"at {minute}")])
    moved = "SELECT title FROM items WHERE item_id = 'id-x'"
    assert store.sql(moved, "TSV") == "at 6\n"
    store.erase("item_id = 'id-x'")
    assert store.sql(moved, "TSV") == ""


def test_stories_of_a_day_are_found_without_reading_all(store: Store) -> None:
    many_items(store)
    query = "SELECT count(), sum(reach), toUnixTimestamp(min(first_published_at)) FROM stories WHERE day = '2026-03-04'"
    assert must_read(store, query) <= 3 * GRANULE
    assert store.sql(query, "TSV") == f"2000\t10000\t{int(T0.replace(day=4, hour=0).timestamp())}\n"
    assert store.sql("SELECT count(), sum(reach) FROM stories", "TSV") == "20000\t100000\n"
    since = "day >= '2026-03-11' AND first_published_at >= '2026-03-11 02:00:00'"
    assert must_read(store, f"SELECT title, reach FROM stories WHERE {since}") <= 3 * GRANULE
