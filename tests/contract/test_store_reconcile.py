"""Windows against their items, over both backends; and the definition of a window, written out once in plain Python."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.client import Client, Params, Row
from store.reconcile import Difference, reconcile
from store.store import Store, open_store
from store.windows import SUMS
from tests.contract.store_fixtures import empty
from tests.items import T0, scored
from tidings.settings import StoreSettings
from tidings.types import Flag, ScoredItem

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Window = tuple[str, str, datetime]
NAMES = ("Acme", 'it\'s \\ a "key"\n 😀', "Acme")  # one is named twice and counts once


def recount(items: Sequence[ScoredItem]) -> dict[Window, list[float]]:
    """Every window that holds items with its sums but late_items, from the last version of each item.

    Shares nothing with the store: this is what DESIGN.md and docs/proof.md say a window is.
    """
    latest = {one.item.item_id: one for one in items}.values()
    first: dict[tuple[object, str], ScoredItem] = {}
    for one in sorted(latest, key=lambda one: (one.item.published_at, one.item.item_id)):
        first.setdefault((one.item.published_at.date(), one.item.story_id), one)
    found: dict[Window, list[float]] = defaultdict(lambda: [0, 0, 0, 0.0, 0, 0, 0.0])
    for one in latest:
        item, said = one.item, one.prediction
        leads = first[item.published_at.date(), item.story_id] is one
        negative = said.sentiment_label == "negative"
        named = [("all", ""), ("topic", said.topic), ("source", item.source)]
        for scope, key in [*named, *{("entity", entity) for entity in item.entities}]:
            sums = found[scope, key, item.published_at.replace(second=0, microsecond=0)]
            sums[0] += 1
            sums[1] += negative
            sums[2] += said.sentiment_label == "positive"
            sums[3] += said.sentiment
            sums[4] += leads
            sums[5] += leads and negative
            sums[6] += said.p_negative if leads and not said.flag else 0
    return found


def stored(store: Store) -> dict[Window, list[float]]:
    """The same, as the windows have it."""
    columns = ", ".join(SUMS[:7])
    rows = store._client.query(
        f"SELECT toString(scope), key, start, {columns} FROM window_rows FINAL WHERE items > 0"
    )
    return {(scope, key, start): [float(value) for value in sums] for scope, key, start, *sums in rows}


def told(differences: Sequence[Difference]) -> list[tuple[object, ...]]:
    return [(d.scope, d.key, d.start, d.what, d.windows_say, d.items_say) for d in differences]


def corrupt(store: Store, scope: str, what: str, by: float) -> None:
    """A wrong and newer version of the windows of the scope."""
    columns = ", ".join(name for name in SUMS if name != what)
    store._client.execute(
        f"INSERT INTO window_rows (scope, key, start, {columns}, {what}, version)"
        f" SELECT scope, key, start, {columns}, {what} + {{by:Float64}}, version + 1 FROM window_rows FINAL"
        " WHERE scope = {scope:String}",
        {"scope": scope, "by": by},
    )


@pytest.mark.parametrize("what", SUMS)
def test_a_wrong_sum_is_found_and_repaired(store: Store, what: str) -> None:
    store.insert([scored("a", 3, entities=["Acme"]), scored("b", 4)])
    store.roll()
    assert store.reconcile(T0, T0 + HOUR).differences == ()
    corrupt(store, "entity", what, 2)
    found = store.reconcile(T0, T0 + HOUR)
    (difference,) = found.differences
    assert told([difference])[0][:4] == ("entity", "Acme", T0 + timedelta(minutes=3), what)
    assert difference.windows_say == pytest.approx(difference.items_say + 2)
    assert (found.differing, found.waiting, found.windows) == (1, 0, 7)
    assert store.repair(found.differences) == 1
    assert store.reconcile(T0, T0 + HOUR).differences == ()


def test_a_window_too_many_and_one_too_few(store: Store) -> None:
    store.insert([scored("a", 3, p_negative=0.25)])
    store.roll()
    store._client.execute(
        "INSERT INTO window_rows (scope, key, start, items) VALUES ('topic', 'Ghost', 1772442060, 5)"
    )
    store._client.execute("ALTER TABLE window_rows DELETE WHERE scope = 'source' SETTINGS mutations_sync = 2")
    found = store.reconcile(T0, T0 + HOUR)
    assert told(found.differences) == [
        ("topic", "Ghost", T0 + timedelta(minutes=1), "items", 5, 0),
        *(
            ("source", "wire", T0 + timedelta(minutes=3), name, 0, value)
            for name, value in (
                ("items", 1), ("positive_items", 0), ("sentiment_sum", -0.25), ("stories", 1),
                ("negative_story_sum", 0.25),
            )
            if value
        ),
    ]  # fmt: skip
    assert store.repair(found.differences) == 2
    assert store.reconcile(T0, T0 + HOUR).differences == ()


def test_minutes_that_are_not_rolled_wait(store: Store) -> None:
    store.insert([scored("a", 3)])
    found = store.reconcile(T0, T0 + HOUR)
    assert (found.windows, found.waiting, found.differences) == (0, 1, ())


def test_a_minute_that_changes_meanwhile_is_left_out(store: Store) -> None:
    """An insert, and a roll, between the marks being read and the counts being compared."""
    store.insert([scored("a", 3), scored("b", 4)])
    store.roll()

    class Meddling:
        """The store's client, with somebody at work in the midst of the comparison."""

        def __init__(self, rolls: bool) -> None:
            self.rolls = rolls

        def query(self, sql: str, params: Params | None = None) -> list[Row]:
            if "HAVING" not in sql:
                return client.query(sql, params)
            store.insert([scored(f"c{self.rolls}", 4, story="new")])
            rows = client.query(sql, params)
            assert rows, "the items are ahead of the windows"
            if self.rolls:
                store.roll()
            return rows

        def __getattr__(self, name: str) -> object:
            return getattr(client, name)

    client: Client = store._client
    for rolls in (True, False):
        found = reconcile(Meddling(rolls), T0, T0 + HOUR)  # type: ignore[arg-type]  # the rest by __getattr__
        assert (found.waiting, found.differences) == (1, ())


def test_a_period_is_whole_minutes_over_any_number_of_days(store: Store) -> None:
    store.insert([scored(f"i{day}", day * 24 * 60) for day in range(4)])
    store.roll()
    corrupt(store, "all", "items", 1)
    seconds = timedelta(seconds=30)
    assert store.reconcile(T0 + DAY + seconds, T0 + 3 * DAY - seconds).differing == 2
    assert store.reconcile(T0 + DAY, T0 + 3 * DAY).differing == 2, "the end is not included"
    assert store.reconcile(T0, T0 + 3 * DAY + seconds).differing == 4
    assert store.reconcile(T0 + HOUR, T0 + 2 * HOUR).differing == 0
    assert store.reconcile(T0, T0) == store.reconcile(T0 - DAY, T0 - DAY)


Event = tuple[int, float, int, float, int, str, Flag]
EVENTS = st.lists(
    st.tuples(
        st.integers(0, 7),
        st.sampled_from([0, 0.5, 1, 2, 899.75, 900, 901]),  # around midnight, which parts a story
        st.integers(0, 3),
        st.sampled_from([0.125, 0.5, 0.875]),
        st.integers(0, 3),
        st.sampled_from(["Macro", "M&A"]),
        st.sampled_from(["", "", "language"]),
    ),
    max_size=24,
)


def made(event: Event) -> ScoredItem:
    item, minute, story, p_negative, entities, topic, flag = event
    one = scored(
        f"i{item}", minute, story=f"s{story}", p_negative=p_negative, entities=NAMES[:entities], topic=topic,
        source=f"source {story % 2}", flag=flag,
    )  # fmt: skip
    rest = one.prediction.p_neutral
    positive = replace(one.prediction, p_neutral=0.0, p_positive=rest)
    return replace(one, prediction=positive) if story == 0 else one


@given(st.lists(EVENTS, min_size=1, max_size=3))
@settings(max_examples=10)
def test_windows_and_reconciliation_hold_the_definition(
    store_settings: StoreSettings, batches: list[list[Event]]
) -> None:
    store = open_store(store_settings)
    try:
        empty(store)
        for batch in batches:
            store.insert([made(event) for event in batch])
            store.roll()
        wanted = recount([made(event) for batch in batches for event in batch])
        assert stored(store) == wanted
        assert store.reconcile(T0 - DAY, T0 + 2 * DAY).differences == ()
        corrupt(store, "topic", "items", 1)
        found = store.reconcile(T0 - DAY, T0 + 2 * DAY)
        rows = store._client.query("SELECT count() FROM window_rows FINAL WHERE scope = 'topic'")
        assert [d.what for d in found.differences] == ["items"] * int(rows[0][0]), (
            "zero rows are compared too"
        )
        assert all(
            d.items_say == wanted.get((d.scope, d.key, d.start.astimezone(UTC)), [0])[0]
            for d in found.differences
        )
    finally:
        store.close()
