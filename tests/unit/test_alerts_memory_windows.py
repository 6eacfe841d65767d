"""Windows in memory equal plain counting, whatever the items, the filters and the moment."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.memory_windows import MemoryWindows
from tests.faults.recount import SUMS, recount
from tests.items import T0, scored
from tests.scored_items import scored_items
from tidings.types import SCOPES, Filters, Scope, ScoredItem

DAY = timedelta(days=1)
FILTERS = (Filters(), Filters(sources=("wire",)), Filters(kinds=("news",), languages=("en",)))


def plain(items: Sequence[ScoredItem]) -> dict[tuple[str, str, int], list[float]]:
    """Counted as the store's items are in tests/faults/recount.py; topic and entity together in the same way."""
    rows: list[dict[str, Any]] = [
        {
            "item_id": s.item.item_id, "story_id": s.item.story_id, "source": s.item.source,
            "topic": s.prediction.topic, "entities": s.item.entities, "flag": s.prediction.flag,
            "sentiment_label": s.prediction.sentiment_label, "p_negative": s.prediction.p_negative,
            "at_ms": round(s.item.published_at.timestamp() * 1000),
        }
        for s in {s.item.item_id: s for s in items}.values()
    ]  # fmt: skip
    both = [row | {"entities": [f"{row['topic']} | {e}" for e in row["entities"]]} for row in rows]
    pairs = {("topic_entity", k, m): v for (scope, k, m), v in recount(both).items() if scope == "entity"}
    return dict(recount(rows)) | pairs


def passing(items: Sequence[ScoredItem], filters: Filters) -> list[ScoredItem]:
    """The last version of each item, where it passes."""
    return [
        s
        for s in {s.item.item_id: s for s in items}.values()
        if (not filters.sources or s.item.source in filters.sources)
        and (not filters.kinds or s.item.kind in filters.kinds)
        and (not filters.languages or s.item.lang in filters.languages)
    ]


@given(scored_items(), st.sampled_from(SCOPES), st.sampled_from(FILTERS), st.integers(0, 24 * 60))
def test_totals_and_series_equal_plain_counting(
    items: list[ScoredItem], scope: Scope, filters: Filters, minutes: int
) -> None:
    start = T0 + timedelta(minutes=minutes)
    end = start + timedelta(minutes=100)
    counted: dict[str, list[float]] = defaultdict(lambda: [0.0] * len(SUMS))
    by_minute = {
        (key, minute): sums
        for (s, key, minute), sums in plain(passing(items, filters)).items()
        if s == scope and start.timestamp() <= minute * 60 < end.timestamp()
    }
    for (key, _), sums in by_minute.items():
        counted[key] = [a + b for a, b in zip(counted[key], sums, strict=True)]
    windows = MemoryWindows(items)
    totals = windows.totals(scope, start, end, 0.0, filters)
    assert {t.key: [getattr(t, name) for name in SUMS] for t in totals} == counted
    assert [t.key for t in totals] == sorted(counted)
    above = windows.totals(scope, start, end, 1.0, filters)
    assert above == [t for t in totals if t.negative_story_sum >= 1.0]
    for key, buckets in windows.series(scope, [*counted, "nobody"], start, end, 420, filters).items():
        assert [b.start for b in buckets] == [start + timedelta(minutes=7 * i) for i in range(15)]
        for bucket in buckets:
            first = int(bucket.start.timestamp()) // 60
            inside = [by_minute[key, m] for m in range(first, first + 7) if (key, m) in by_minute]
            assert [getattr(bucket, name) for name in SUMS] == [
                sum(v) for v in zip(*inside, strict=True)
            ] or (not inside and bucket.items == bucket.stories == 0)


@given(scored_items(), st.integers(13 * 60, 17 * 60))
def test_nobody_looks_ahead(items: list[ScoredItem], minute: int) -> None:
    latest = list({s.item.item_id: s for s in items}.values())
    now = T0 + timedelta(minutes=minute)
    all_of_it = MemoryWindows(latest)
    all_of_it.advance_to(now)
    only_past = MemoryWindows([s for s in latest if s.item.published_at < now])
    for scope in SCOPES:
        for filters in FILTERS:
            period = (T0, T0 + 3 * DAY)
            totals = only_past.totals(scope, *period, 0.0, filters)
            assert all_of_it.totals(scope, *period, 0.0, filters) == totals
            keys = [t.key for t in totals]
            assert all_of_it.sources(scope, keys, *period, filters) == only_past.sources(
                scope, keys, *period, filters
            )
            for key in keys:
                assert all_of_it.evidence(scope, key, *period, 9, filters) == only_past.evidence(
                    scope, key, *period, 9, filters
                )
    assert all_of_it.first_start() == only_past.first_start() if totals else True


def test_a_story_counts_once_a_day_with_its_earliest_item() -> None:
    midnight = 15 * 60
    windows = MemoryWindows(
        [
            scored("b", midnight - 1, story="s", p_negative=0.25, entities=["Acme"], source="wire"),
            scored("c", midnight - 1, story="s", entities=["Acme"], source="blog"),
            scored("d", midnight, story="s", p_negative=0.75, entities=["Acme"], source="blog"),
            scored("e", midnight, flag="language", p_negative=0.25, entities=["Acme"]),
        ]
    )
    start = T0 + timedelta(hours=14)
    (total,) = windows.totals("entity", start, start + DAY, 0.0)
    assert (total.items, total.stories, total.negative_story_sum) == (4, 3, 1.0)
    assert windows.sources("entity", ["Acme", "Bolt"], start, start + DAY) == {"Acme": 1, "Bolt": 0}
    found = windows.evidence("entity", "Acme", start, start + DAY, 5)
    assert [(story.item_id, story.reach) for story in found] == [("d", 1), ("b", 2)]
    assert windows.evidence("entity", "Acme", start, start + DAY, 1) == found[:1]


def test_the_last_version_of_an_item_counts() -> None:
    first = scored("a", 1)
    moved = replace(first, item=replace(first.item, published_at=T0 + timedelta(minutes=5)))
    windows = MemoryWindows([first, moved])
    assert windows.first_start() == T0 + timedelta(minutes=5)
    assert [t.items for t in windows.totals("all", T0, T0 + DAY, 0.0)] == [1]


def test_without_items_there_is_nothing() -> None:
    windows = MemoryWindows([])
    windows.advance_to(datetime(2026, 1, 1, tzinfo=UTC))
    assert windows.first_start() is None
    for scope in SCOPES:
        assert windows.totals(scope, T0, T0 + DAY, 0.0) == []
        assert [w.items for w in windows.series(scope, ["x"], T0, T0 + DAY, 43_200)["x"]] == [0, 0]
        assert windows.evidence(scope, "x", T0, T0 + DAY, 5) == ()


@pytest.mark.parametrize("field", [f.name for f in fields(Filters)])
def test_each_filter_chooses(field: str) -> None:
    value = {"sources": "wire", "kinds": "news", "languages": "en"}[field]
    windows = MemoryWindows([scored("a", 1)])
    assert len(windows.totals("all", T0, T0 + DAY, 0.0, Filters(**{field: (value,)}))) == 1  # type: ignore[arg-type]  # by name
    assert windows.totals("all", T0, T0 + DAY, 0.0, Filters(**{field: ("other",)})) == []  # type: ignore[arg-type]  # by name
