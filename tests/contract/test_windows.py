"""Windows equal a count of the items, whatever happened to these, over both backends."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store import items as items_module
from store.client import Client
from store.items import insert_items
from store.lateness import Watermarks
from store.store import Store, open_store
from store.windows import SUMS, mark, recompute, recount_sql
from tests.items import T0, scored
from tidings.settings import StoreSettings
from tidings.types import ScoredItem

HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)
TABLES = (
    "item_versions", "story_items", "item_minutes", "window_rows", "key_windows", "dirty_minutes", "source_watermarks",
    "erased_items",
)  # fmt: skip


def lines(store: Store, sql: str) -> list[str]:
    return store.sql(sql, "TSV").splitlines()


def alive(store: Store) -> list[str]:
    return lines(store, "SELECT item_id, formatDateTime(published_at, '%H:%i') FROM items ORDER BY ALL")


def at(minute: float, moment: str = "a") -> str:
    return f"{moment}\t{T0 + timedelta(minutes=minute):%H:%M}"


def test_an_item_is_alive_at_its_last_place_only(store: Store) -> None:
    store.insert([scored("a", 1), scored("b", 1)])
    store.insert([scored("a", 50_000)])  # another month
    store.insert([scored("a", 2, story="s"), scored("a", 3, story="s")])  # the last of a batch counts
    assert alive(store) == [at(3), at(1, "b")]
    store.insert([scored("a", 1)])  # back to where it was
    assert alive(store) == [at(1), at(1, "b")]
    store.insert([scored("a", 1, story="other")])
    store.roll()
    assert lines(store, "SELECT item_id, story_id FROM items ORDER BY item_id") == ["a\tother", "b\tstory-b"]
    assert lines(store, "SELECT sum(items), sum(stories) FROM sentiment_1d WHERE scope = 'all'") == ["2\t2"]


def test_an_item_that_leaves_its_story_changes_where_the_story_counts(store: Store) -> None:
    store.insert([scored("a", 1, story="s"), scored("b", 5, story="s")])
    store.roll()
    store.insert([scored("a", 1, story="t")])
    store.roll()
    found = lines(
        store,
        "SELECT formatDateTime(start, '%H:%i'), stories FROM sentiment_1m WHERE scope = 'all' ORDER BY start",
    )
    assert found == ["09:01\t1", "09:05\t1"]


class Interleaved:
    """A client that, before its n-th statement, lets another worker do a whole insert."""

    def __init__(self, client: Client, other: Sequence[ScoredItem], at: int) -> None:
        self._client, self._other, self._left = client, other, at

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(*arguments: Any) -> Any:
            if self._left == 0:
                insert_items(self._client, self._other, Watermarks(HOUR))
            self._left -= 1
            return method(*arguments)

        return call


@pytest.mark.parametrize("step", range(13))
def test_two_workers_that_write_one_item_at_once_leave_one(store: Store, step: int) -> None:
    mine = [scored("a", 1, story="s"), scored("b", 3, story="s")]
    theirs = [scored("a", 2, story="s"), scored("b", 1, story="t")]
    insert_items(Interleaved(store._client, theirs, step), mine, Watermarks(HOUR))
    assert lines(store, "SELECT item_id, count() FROM items GROUP BY item_id ORDER BY item_id") == [
        "a\t1",
        "b\t1",
    ]
    store.roll()
    assert windows_of(store) == recounted(store)


@pytest.mark.parametrize("step", range(3, 13))
def test_a_roll_between_the_steps_of_an_insert_loses_nothing(store: Store, step: int) -> None:
    store.insert([scored("a", 5, story="s"), scored("b", 6, story="s")])

    class Rolls(Interleaved):
        def __getattr__(self, name: str) -> Any:
            if self._left == 0:
                self._left = -1
                store.roll()
            return super().__getattr__(name)

    insert_items(Rolls(store._client, [], step), [scored("b", 2, story="s")], Watermarks(HOUR))
    store.roll()
    assert windows_of(store) == recounted(store)


def test_a_worker_that_dies_between_its_steps_is_made_good_by_the_redelivery(store: Store) -> None:
    store.insert([scored("a", 1, story="s"), scored("b", 4, story="s")])
    store.roll()
    moved = [scored("a", 6, story="s")]
    for step in range(13):

        class Dies(Interleaved):
            def __getattr__(self, name: str) -> Any:
                if self._left == 0:
                    raise KeyboardInterrupt
                return super().__getattr__(name)

        with suppress(KeyboardInterrupt):  # at the last steps it has nothing left to do
            insert_items(Dies(store._client, [], step), moved, Watermarks(HOUR))
        store.roll()
        store.insert(moved)
        store.roll()
        assert windows_of(store) == recounted(store)
        assert alive(store) == [at(6), at(4, "b")]
        store.insert([scored("a", 1, story="s")])


def test_a_clock_that_jumps_back_loses_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.insert([scored("a", 1), scored("b", 2)])
    store.roll()
    ahead = 10**18 * 3  # as if everything so far had been written in 2065
    for table, columns in (
        ("item_versions", "* REPLACE (version + {ahead:UInt64} AS version)"),
        ("story_items", "* REPLACE (version + {ahead:UInt64} AS version)"),
        ("window_rows", "* REPLACE (version + {ahead:UInt64} AS version)"),
        ("dirty_minutes", "* REPLACE (rolled + {ahead:UInt64} AS rolled)"),
    ):
        names = lines(
            store,
            f"SELECT name FROM system.columns WHERE database = currentDatabase() AND table = '{table}'"
            " AND default_kind != 'MATERIALIZED' ORDER BY position",
        )
        store._client.execute(
            f"INSERT INTO {table} ({', '.join(names)}) SELECT {columns} FROM {table}", {"ahead": ahead}
        )
    store.insert([scored("a", 7, p_negative=0.1), scored("b", 2, p_negative=0.1)])
    assert store.roll() == 3
    assert alive(store) == [at(7), at(2, "b")]
    assert windows_of(store) == recounted(store)
    assert lines(store, "SELECT sum(negative_items) FROM sentiment_1d WHERE scope = 'all'") == ["0"]


def test_of_two_rolls_of_a_minute_the_one_that_read_later_wins(store: Store) -> None:
    latest = "SELECT max(version) FROM window_rows"
    store.insert([scored("a", 1)])
    versions: list[str] = []

    class Slow(Interleaved):
        """Before it reads the items, another roll reads and writes."""

        def __getattr__(self, name: str) -> Any:
            if name == "execute":
                store.insert([scored("b", 1)])
                store.roll()
                versions.extend(lines(store, latest))
            return getattr(self._client, name)

    recompute(Slow(store._client, [], -1), [T0 + timedelta(minutes=1)])
    assert lines(store, latest) == versions, "what began earlier does not hide what began later"
    assert windows_of(store) == recounted(store)


def test_late_items_amend_their_window_and_show_as_late(store_settings: StoreSettings) -> None:
    store = open_store(replace(store_settings, lateness_seconds=120))
    status = (
        "SELECT formatDateTime(start, '%H:%i'), items, late_items, status FROM sentiment_1m"
        " WHERE scope = 'all' ORDER BY start"
    )
    store.insert([scored("a", 1), scored("b", 2.5), scored("c", 2)])
    store.roll()
    assert lines(store, status) == ["09:01\t1\t0\tprovisional", "09:02\t2\t0\tprovisional"]
    store.insert([scored("d", 4), scored("e", 1), scored("f", 1, source="slow")])
    store.roll()
    assert lines(store, status) == [
        "09:01\t3\t1\tfinal",
        "09:02\t2\t0\tprovisional",
        "09:04\t1\t0\tprovisional",
    ]
    late = "SELECT item_id, late_seconds FROM items WHERE late_seconds > 0"
    assert lines(store, late) == ["e\t180"]
    store.close()
    store = open_store(
        replace(store_settings, lateness_seconds=120)
    )  # another process learns how far the source is
    store.insert([scored("g", 0.5), scored("a", 1), scored("e", 1)])
    store.roll()
    assert lines(store, late + " ORDER BY item_id") == ["e\t180", "g\t210"], (
        "what is redelivered is no later than before"
    )
    sources = lines(
        store, "SELECT source, items, late_items, worst_late_seconds FROM sources ORDER BY source"
    )
    assert sources == ["slow\t1\t0\t0", "wire\t6\t2\t210"]
    assert store.last_published() == T0 + timedelta(minutes=4)
    assert windows_of(store) == recounted(store)
    store.close()


def test_reroll_makes_good_what_was_damaged_and_tells_how_far_it_is(store: Store) -> None:
    store.insert([scored(str(i), i * 700, entities=["Acme"]) for i in range(6)])  # three days
    store.roll()
    right = windows_of(store)
    store._client.execute(
        "INSERT INTO window_rows (scope, key, start, items)"
        " SELECT scope, key, start, items + 5 FROM window_rows WHERE scope = 'all'"
    )
    store._client.insert("window_rows", ("scope", "key", "start", "items"), [("entity", "Ghost", T0, 3)])
    assert windows_of(store) != right
    told: list[float] = []
    assert store.reroll(T0, T0 + WEEK, told.append) == 6
    assert windows_of(store) == right == recounted(store)
    assert told == sorted(told)
    assert told[-1] == 1.0


Event = tuple[str, int, int, int, float]
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "put", "delete", "roll"]),
        st.integers(0, 5),  # item
        st.sampled_from(
            [0, 1, 2, 7, 70, 1500, 50_000]
        ),  # minute: within an hour, a day, across days and months
        st.integers(0, 2),  # story
        st.sampled_from([0.125, 0.5, 0.875]),
    ),
    max_size=20,
)


@given(EVENTS)
@settings(max_examples=6)
def test_any_history_ends_in_the_sums_of_what_is_left(
    store_settings: StoreSettings, events: list[Event]
) -> None:
    store = open_store(replace(store_settings, lateness_seconds=300))
    try:
        for table in TABLES:
            store._client.execute(f"TRUNCATE TABLE {table}")
        latest: dict[str, ScoredItem] = {}
        erased: set[str] = set()
        batch: list[ScoredItem] = []
        for what, number, minute, story, p_negative in events:
            item = scored(
                f"i{number}", minute, story=f"s{story}-{minute // 1440}", p_negative=p_negative,
                entities=["Acme", "Borealis"][: story], source=f"source {number % 2}",
            )  # fmt: skip
            if what == "put":
                batch.append(item)
                continue
            _store(store, batch, latest, erased)
            if what == "delete":
                erased |= {item.item.item_id} & latest.keys()
                latest.pop(item.item.item_id, None)
                assert store.erase(f"item_id = '{item.item.item_id}'") <= 1
            store.roll()
        _store(store, batch, latest, erased)
        store.roll()
        wanted = plain_count(latest.values())
        assert windows_of(store) == recounted(store)
        for grain, seconds in (("1m", 60), ("5m", 300), ("1h", 3600), ("1d", 86400)):
            assert view(store, grain) == coarser(wanted, seconds)
    finally:
        store.close()


def _store(store: Store, batch: list[ScoredItem], latest: dict[str, ScoredItem], erased: set[str]) -> None:
    store.insert(batch)
    latest |= {one.item.item_id: one for one in batch if one.item.item_id not in erased}
    batch.clear()


Counts = dict[tuple[str, str, datetime], tuple[int, int, int, float]]


def plain_count(items: Iterable[ScoredItem]) -> Counts:
    """Items, stories, negative stories and the sum of p_negative over stories: per scope, key and minute."""
    firsts: dict[str, ScoredItem] = {}
    everything = sorted(items, key=lambda one: (one.item.published_at, one.item.item_id))
    for one in everything:
        firsts.setdefault(one.item.story_id, one)
    found: dict[tuple[str, str, datetime], list[float]] = defaultdict(lambda: [0, 0, 0, 0.0])
    for one in everything:
        keys = [("all", ""), ("topic", one.prediction.topic), ("source", one.item.source)]
        for scope, key in [*keys, *(("entity", name) for name in one.item.entities)]:
            sums = found[scope, key, one.item.published_at]
            sums[0] += 1
            if firsts[one.item.story_id] is one:
                sums[1] += 1
                sums[2] += one.prediction.sentiment_label == "negative"
                sums[3] += one.prediction.p_negative
    return {where: (int(a), int(b), int(c), d) for where, (a, b, c, d) in found.items()}


def coarser(counts: Counts, seconds: int) -> Counts:
    found: Counts = {}
    for (scope, key, start), sums in counts.items():
        where = scope, key, datetime.fromtimestamp(start.timestamp() // seconds * seconds, UTC)
        a, b, c, d = found.get(where, (0, 0, 0, 0.0))
        found[where] = a + sums[0], b + sums[1], c + sums[2], d + sums[3]
    return found


def view(store: Store, grain: str) -> Counts:
    rows = store._client.query(
        f"SELECT scope, key, start, items, stories, negative_stories, negative_story_sum FROM sentiment_{grain}"
    )
    return {(scope, key, start): (int(a), int(b), int(c), float(d)) for scope, key, start, a, b, c, d in rows}


Rows = dict[tuple[object, ...], list[float]]


def windows_of(store: Store) -> Rows:
    """What the windows say, without those that are zero."""
    rows = store._client.query(
        f"SELECT scope, key, start, {', '.join(SUMS)} FROM window_rows FINAL WHERE items > 0"
    )
    return _rounded(rows)


def recounted(store: Store) -> Rows:
    """What a count from scratch says."""
    rows = store._client.query(recount_sql(), {"start": T0 - WEEK, "end": T0 + 100 * WEEK})
    return _rounded(rows)


def _rounded(rows: Sequence[tuple[Any, ...]]) -> Rows:
    return {row[:3]: [round(float(value), 6) for value in row[3:]] for row in rows}


def test_a_mark_made_while_the_minute_is_rolled_stays(store: Store) -> None:
    store.insert([scored("a", 1)])
    mark(store._client, [T0])
    assert store.roll() == 2
    mark(store._client, [T0])
    assert store.roll() == 1
    assert items_module.erased(store._client, []) == []
