"""What is computed at once, remembered or left out gives exactly the figures of the slow way."""

import math
from dataclasses import fields, replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.rule import Rule
from alerts.statistics import Baseline, _fit, fit_baseline, interval, negative_binomial_tail, spike_p_value
from alerts.without import _Without
from tests.unit.alerts_memory import DAY, HOUR, START, MemoryWindows, Story
from tidings.types import Evidence

counts = st.lists(st.floats(0, 500), min_size=1, max_size=80)
dispersions = st.lists(
    st.one_of(st.just(0.0), st.floats(1e-9, 50), st.floats(1e-3, 1)), min_size=1, max_size=12
)


@given(
    st.one_of(st.floats(-1, 1e4), st.sampled_from([0.0, 5e-324, math.inf])),
    st.one_of(st.just(0.0), st.floats(1e-6, 1e4)),
    dispersions,
)
def test_the_tails_of_a_mixture_are_those_of_its_parts(value: float, mean: float, parts: list[float]) -> None:
    weights = tuple(1 / len(parts) for _ in parts)
    rates = tuple(1 + i / 10 for i in range(len(parts)))
    baseline = Baseline(mean, 1, math.inf, *map(np.array, (rates, parts, [1.0] * len(parts), weights)))
    one_by_one = (
        negative_binomial_tail(value, mean * rate, (1 + part) * 1 - 1)
        for rate, part in zip(rates, parts, strict=True)
    )
    slow = min(1.0, math.fsum(w * tail for w, tail in zip(weights, one_by_one, strict=True)))
    assert spike_p_value(value, baseline) == pytest.approx(slow, rel=1e-12, abs=1e-300)


def same(one: Baseline, other: Baseline) -> bool:
    return all(np.array_equal(getattr(one, part.name), getattr(other, part.name)) for part in fields(one))


@given(counts, st.floats(0.1, 10))
def test_what_is_remembered_is_what_would_be_computed(seen: list[float], exposure: float) -> None:
    exposures = [1.0 + i % 3 for i in range(len(seen))]
    first = fit_baseline(seen, exposures, exposure)
    again, bounds = fit_baseline(tuple(seen), exposures, exposure), interval(first)
    assert again is first, "or nothing is tested here"
    _fit.cache_clear()
    interval.cache_clear()
    fresh = fit_baseline(seen, exposures, exposure)
    assert same(fresh, first)
    assert fresh is not first
    assert interval(fresh) == bounds
    if exposure != 1.0:
        assert not same(fit_baseline(seen, exposures), first)
    if set(exposures) != {1.0}:
        assert not same(fit_baseline(seen, None, exposure), first)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 47), st.floats(0.01, 1)), min_size=1, max_size=20),
    st.integers(1, 5),
    st.integers(1, 12),
)
def test_windows_before_the_first_story_left_out_are_as_they_were(
    told: list[tuple[int, float]], left: int, hours: int
) -> None:
    stories = [Story(START + n * HOUR, "Acme", p, f"Story {i}") for i, (n, p) in enumerate(told)]
    windows = MemoryWindows(stories)
    found = [Evidence(s.title, s.title, s.at, s.source, "", -s.p_negative, s.p_negative) for s in stories]
    out = sorted(found, key=lambda story: story.published_at)[-left:]
    series = _Without(windows, "Acme", found, out).series(
        "entity", ["Acme"], START, START + 2 * DAY, hours * 3600
    )["Acme"]
    before = windows.series("entity", ["Acme"], START, START + 2 * DAY, hours * 3600)["Acme"]
    for now, was in zip(series, before, strict=True):
        gone = [o for o in out if was.start <= o.published_at < was.start + timedelta(hours=hours)]
        assert now.stories == was.stories - len(gone)
        assert now.negative_story_sum == max(0.0, was.negative_story_sum - sum(o.p_negative for o in gone))


def test_a_watch_list_and_its_exceptions() -> None:
    rule = Rule("watch", include=("Acme", "Other"), exclude=("Other",))
    assert [rule.watches(key) for key in ("Acme", "Other", "Third", "Acm")] == [True, False, False, False]
    assert replace(rule, include=()).watches("Third")
