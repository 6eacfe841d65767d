"""Filters, topic and entity together, and sources: counted from the items, over both backends."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from store.store import Store
from tests.items import T0, scored
from tidings.types import SCOPES, Filters, Scope, ScoredItem, Window

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NASTY = 'it\'s \\ a "key"\n\t{x:String} | 银行'
NEWS = Filters(kinds=("news",))


def tell(item: ScoredItem, **fields: object) -> ScoredItem:
    return replace(item, item=replace(item.item, **fields))  # type: ignore[arg-type]  # fields of several types


def counts(windows: Sequence[Window]) -> dict[str, tuple[int, int, int]]:
    return {w.key: (w.items, w.stories, w.negative_stories) for w in windows}


def test_without_filters_items_and_windows_say_the_same(store: Store) -> None:
    """A filter that lets everything pass counts from the items; what it says is what the windows say."""
    draw = Random(11)
    items = [
        scored(
            str(i),
            draw.uniform(-600, 1500),
            story=f"s{draw.randrange(60)}",
            p_negative=draw.choice([0.1, 0.6, 0.9]),
            source=draw.choice(["wire", "blog", NASTY]),
            entities=draw.sample(["Acme", "Borealis", NASTY], draw.randrange(3)),
        )
        for i in range(300)
    ]
    store.insert(items)
    store.roll()
    everything = Filters(languages=("en",))
    start, end = T0 + HOUR / 2, T0 + 20 * HOUR
    scopes: tuple[Scope, ...] = ("all", "topic", "entity", "source")
    for scope in scopes:
        summed = [w for w in store.totals(scope, start, end, 0.0) if w.items]
        counted = store.totals(scope, start, end, 0.0, everything)
        assert counts(counted) == counts(summed)
        assert [w.negative_story_sum for w in counted] == pytest.approx(
            [w.negative_story_sum for w in summed]
        )
        assert [w.sentiment_sum for w in counted] == pytest.approx([w.sentiment_sum for w in summed])
        keys = [w.key for w in summed]
        by_hour, again = (store.series(scope, keys, start, end, 3600, f) for f in (Filters(), everything))
        for key in keys:
            assert [(w.start, w.seconds, w.items, w.stories) for w in again[key]] == [
                (w.start, w.seconds, w.items, w.stories) for w in by_hour[key]
            ]


def test_filters_choose_the_items_and_stories_are_those_of_the_chosen(store: Store) -> None:
    """The story's earliest item is a post; among the news its earliest is another one, and later."""
    post = tell(
        scored("post", 2, story="s", entities=["Acme"], p_negative=0.1, source="forum"), kind="social"
    )
    news = scored("news", 5, story="s", entities=["Acme"], source="wire")
    copy = tell(scored("copy", 7, story="s", entities=["Acme"], source=NASTY), lang="de")
    store.insert([post, news, copy])
    store.roll()
    end = T0 + HOUR
    assert counts(store.totals("entity", T0, end, 0.0)) == {"Acme": (3, 1, 0)}
    assert counts(store.totals("entity", T0, end, 0.0, NEWS)) == {"Acme": (2, 1, 1)}
    assert counts(store.totals("all", T0, end, 0.0, Filters(languages=("de",)))) == {"": (1, 1, 1)}
    assert counts(store.totals("source", T0, end, 0.0, Filters(sources=(NASTY, "forum")))) == {
        NASTY: (1, 0, 0),
        "forum": (1, 1, 0),
    }
    assert store.totals("entity", T0, end, 0.0, Filters(kinds=("news",), sources=("forum",))) == []
    series = store.series("entity", ["Acme", "Nobody"], T0, T0 + 10 * HOUR / 60, 60, NEWS)
    assert [w.stories for w in series["Acme"]] == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    assert [w.items for w in series["Nobody"]] == [0] * 10
    (told,) = store.evidence("entity", "Acme", T0, end, 5, NEWS)
    assert (told.item_id, told.source, told.reach) == ("news", "wire", 2)
    (told,) = store.evidence("entity", "Acme", T0, end, 5)
    assert (told.item_id, told.reach) == ("post", 3)
    assert store.evidence("entity", "Acme", T0 + 6 * HOUR / 60, end, 5, NEWS) == ()


def test_a_story_that_began_before_the_window_does_not_count_in_it(store: Store) -> None:
    store.insert(
        [scored("a", 5, story="s", entities=["Acme"]), scored("b", 65, story="s", entities=["Acme"])]
    )
    store.roll()
    (window,) = store.totals("topic_entity", T0 + HOUR, T0 + 2 * HOUR, 0.0)
    assert (window.items, window.stories, window.negative_story_sum) == (1, 0, 0.0)


def test_a_name_within_a_topic(store: Store) -> None:
    store.insert(
        [
            scored("a", 1, topic="Fed | Central Banks", entities=["Acme", NASTY]),
            scored("b", 2, topic="Macro", entities=["Acme"]),
            scored("c", 3, topic="Macro", entities=["Acme", "Acme"], p_negative=0.2),
            scored("d", 4, topic="Macro", entities=[]),
        ]
    )
    store.roll()
    wanted = {
        "Fed | Central Banks | Acme": (1, 1, 1),
        f"Fed | Central Banks | {NASTY}": (1, 1, 1),
        "Macro | Acme": (2, 2, 1),
    }
    assert counts(store.totals("topic_entity", T0, T0 + HOUR, 0.0)) == wanted
    assert set(counts(store.totals("topic_entity", T0, T0 + HOUR, 1.0))) == {"Macro | Acme"}
    series = store.series("topic_entity", ["Macro | Acme"], T0, T0 + HOUR, 1800)["Macro | Acme"]
    assert [(w.scope, w.items) for w in series] == [("topic_entity", 2), ("topic_entity", 0)]
    found = store.evidence("topic_entity", f"Fed | Central Banks | {NASTY}", T0, T0 + HOUR, 5)
    assert [e.item_id for e in found] == ["a"]
    assert store.sources("topic_entity", ["Macro | Acme"], T0, T0 + HOUR) == {"Macro | Acme": 1}


def test_sources_are_those_of_the_earliest_items_of_negative_stories(store: Store) -> None:
    store.insert(
        [
            scored("a", 1, story="s1", entities=["Acme"], source="wire"),
            scored("a2", 2, story="s1", entities=["Acme"], source="copier"),
            scored("b", 3, story="s2", entities=["Acme"], source="paper"),
            scored("c", 4, story="s3", entities=["Acme"], source="wire"),
            scored("d", 5, story="s4", entities=["Acme"], source="optimist", p_negative=0.1),
            scored("e", 6, story="s5", entities=["Other"], source="blog"),
            tell(scored("f", 7, story="s6", entities=["Acme"], source="forum"), kind="social"),
        ]
    )
    asked = ["Acme", "Other", "Nobody"]
    assert store.sources("entity", asked, T0, T0 + HOUR) == {"Acme": 3, "Other": 1, "Nobody": 0}
    assert store.sources("entity", ["Acme"], T0, T0 + HOUR, NEWS) == {"Acme": 2}
    assert store.sources("all", [""], T0, T0 + HOUR) == {"": 4}
    assert store.sources("entity", [], T0, T0 + HOUR) == {}


def test_replay_and_corrections_change_no_count(store: Store) -> None:
    items = [scored(str(i), i % 7, story=f"s{i % 5}", entities=["Acme"]) for i in range(40)]
    store.insert(items)
    before = {scope: counts(store.totals(scope, T0, T0 + HOUR, 0.0, NEWS)) for scope in SCOPES}
    store.insert(items[::-1])
    assert {scope: counts(store.totals(scope, T0, T0 + HOUR, 0.0, NEWS)) for scope in SCOPES} == before
    assert before["all"] == {"": (40, 5, 5)}
    store.insert([tell(items[0], source="elsewhere")])
    by_source = defaultdict(
        int, {key: n for key, (n, _, _) in counts(store.totals("source", T0, T0 + HOUR, 0.0, NEWS)).items()}
    )
    assert (by_source["elsewhere"], by_source["wire"]) == (1, 39)
