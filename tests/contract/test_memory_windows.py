"""The windows of a back-test say of the same items what the store says, over both backends."""

from dataclasses import replace
from datetime import timedelta
from itertools import count

from hypothesis import given, settings

from alerts.memory_windows import MemoryWindows
from store.store import Store
from tests.items import T0, scored
from tests.scored_items import scored_items
from tidings.types import SCOPES, Filters, ScoredItem

START, END = T0 + timedelta(hours=12, minutes=30), T0 + timedelta(hours=16)
_shifts = (timedelta(days=3 * number) for number in count())
WEIGHTS = (("blog", 0.25), ("it's \\ nobody", 3.0))  # exact in binary, as the scores are
FILTERS = (Filters(), Filters(sources=("wire",)), Filters(kinds=("social",), languages=("en",)))


@settings(max_examples=10)
@given(items=scored_items())
def test_windows_in_memory_equal_the_store(store: Store, items: list[ScoredItem]) -> None:
    shift = next(_shifts)  # to days that no other example has touched
    items = [moved(one, shift) for one in items]
    start, end = START + shift, END + shift
    store.insert(items)
    while store.roll():
        pass
    memory = MemoryWindows(items)
    for scope in SCOPES:
        for filters in FILTERS:
            totals = memory.totals(scope, start, end, 0.0, filters)
            # Keys that left a window stay in the store as zeros.
            assert totals == [t for t in store.totals(scope, start, end, 0.0, filters) if t.items]
            assert memory.totals(scope, start, end, 1.0, filters) == store.totals(
                scope, start, end, 1.0, filters
            )
            keys = [total.key for total in totals]
            for seconds in (60, 4500):
                series = store.series(scope, keys, start, end, seconds, filters)
                assert memory.series(scope, keys, start, end, seconds, filters) == series
                weighed = store.weighed(scope, keys, start, end, seconds, WEIGHTS, filters)
                assert memory.weighed(scope, keys, start, end, seconds, WEIGHTS, filters) == weighed
                alike = store.weighed(scope, keys, start, end, seconds, (), filters)
                for key in keys:
                    assert [(w.stories, w.negative_sum, w.items, w.sentiment_sum) for w in alike[key]] == [
                        (w.stories, w.negative_story_sum, w.items, w.sentiment_sum) for w in series[key]
                    ]
            assert memory.sources(scope, keys, start, end, filters) == store.sources(
                scope, keys, start, end, filters
            )
            for key in keys:
                assert memory.evidence(scope, key, start, end, 4, filters) == store.evidence(
                    scope, key, start, end, 4, filters
                )


def test_items_come_back_from_the_store_as_they_went_in(store: Store) -> None:
    items = [scored(f"id{n}", n * 61, p_negative=0.25, entities=["Acme"]) for n in range(50)]
    store.insert(items)
    days = list(store.scored_between(T0 - timedelta(days=1), T0 + timedelta(days=3)))
    assert len(days) >= 3
    found = [one for day in days for one in day]
    assert [one.item for one in found] == [one.item for one in items]
    assert [one.prediction.p_negative for one in found] == [0.25] * 50
    assert sum(map(len, store.scored_between(T0, T0 + timedelta(hours=1)))) == 1


def moved(one: ScoredItem, shift: timedelta) -> ScoredItem:
    item = replace(
        one.item, item_id=f"{shift.days} {one.item.item_id}", published_at=one.item.published_at + shift
    )
    return replace(one, item=item)
