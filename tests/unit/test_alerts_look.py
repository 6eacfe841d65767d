"""A look at the minute that is running: alerts begin earlier, and nothing else about them changes."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.durations import floor_minute
from alerts.engine import Engine
from alerts.rule import Rule
from alerts.states import is_later
from tests.unit.alerts_memory import DAY, HOUR, MINUTE, START, MemoryHistory, MemoryWindows, Story, flow
from tidings.types import Alert

NOW = START + 30 * DAY
SECOND = timedelta(seconds=1)
RULE = Rule("spike", window_seconds=3600, baseline_seconds=7 * 86_400, keep_firing_for_seconds=600)


def calm() -> MemoryWindows:
    return MemoryWindows(flow("Acme", START, NOW + DAY, 6 * HOUR) + flow("Other", START, NOW + DAY, HOUR / 2))


def bad(at: datetime, count: int = 1, entity: str = "Acme") -> list[Story]:
    return [Story(at + i * SECOND, entity, 0.95, f"Trouble {at} {i}") for i in range(count)]


def engine(windows: MemoryWindows, history: MemoryHistory, rule: Rule = RULE) -> Engine:
    return Engine([rule], windows, history)


def test_a_spike_begins_before_its_minute_is_over_and_goes_on_as_one_alert() -> None:
    windows, history = calm(), MemoryHistory()
    rule = replace(RULE, keep_firing_for_seconds=0)
    running = engine(windows, history, rule)
    at = NOW + 23 * SECOND
    assert running.evaluate(at) == []
    assert running.look(at) == []
    windows.add(bad(NOW + 10 * SECOND, 6))
    (fired,) = running.look(at)
    assert (fired.state, fired.started_at, fired.fired_at) == ("firing", at, at)
    assert len(fired.evidence) == 5
    assert fired.series[-1].start + timedelta(seconds=fired.series[-1].seconds) == NOW + MINUTE
    assert running.look(at + 5 * SECOND) == []
    assert running.evaluate(at + 10 * SECOND) == []  # the minute before, in which there was nothing yet
    assert engine(windows, history, rule).evaluate(at + 12 * SECOND) == []  # nor after a restart
    assert running.evaluate(NOW + MINUTE) == []
    assert [a.state for a in running.evaluate(NOW + 2 * HOUR)] == ["resolved"]
    assert {a.alert_id for a in history.versions} == {fired.alert_id}


def test_a_look_ends_nothing_and_changes_no_figure_of_what_fires() -> None:
    windows, history = calm(), MemoryHistory()
    running = engine(windows, history)
    windows.add(bad(NOW - MINUTE, 6))
    (fired,) = running.evaluate(NOW)
    windows.add(bad(NOW + SECOND, 6))
    assert running.look(NOW + 20 * SECOND) == []
    assert running.look(NOW + 2 * HOUR) == []
    assert history.versions == [fired]


def test_an_alert_that_must_last_is_pending_from_the_look_on() -> None:
    windows, history = calm(), MemoryHistory()
    running = engine(windows, history, replace(RULE, for_seconds=120))
    windows.add(bad(NOW + SECOND, 6))
    begun = NOW + 20 * SECOND
    assert [a.state for a in running.look(begun)] == ["pending"]
    assert running.evaluate(begun + 10 * SECOND) == []  # of the minute before: says nothing of it
    assert running.evaluate(NOW + 2 * MINUTE) == []
    assert running.look(begun + 119 * SECOND) == []
    (fired,) = running.look(begun + 120 * SECOND)
    assert (fired.state, fired.started_at) == ("firing", begun)


@pytest.mark.parametrize(
    ("rule", "looks"),
    [
        (RULE, True),
        (replace(RULE, kind="volume"), True),
        (replace(RULE, kind="new_key"), True),
        (replace(RULE, kind="level"), True),
        (replace(RULE, kind="level", measure="negative_share"), False),
        (replace(RULE, kind="level", direction="below"), False),
        (replace(RULE, kind="drop"), False),
        (replace(RULE, kind="drift"), False),
        (replace(RULE, kind="no_data"), False),
    ],
)
def test_only_what_time_adds_to_is_looked_at_early(rule: Rule, looks: bool) -> None:
    assert rule.counts_up is looks


def test_a_clock_that_jumped_back_begins_nothing() -> None:
    windows, history = calm(), MemoryHistory()
    windows.add(bad(NOW - HOUR, 6))
    running = engine(windows, history)
    running.evaluate(NOW)
    assert running.look(NOW - HOUR / 2) == []
    assert not is_later(history.versions[0], NOW)


def fired(history: MemoryHistory) -> list[Alert]:
    return [a for a in history.latest().values() if a.fired_at]


@settings(max_examples=60, deadline=None)
@given(
    bursts=st.lists(st.tuples(st.integers(0, 1800), st.integers(1, 7)), max_size=12),
    looks=st.sets(st.integers(0, 1860), max_size=40),
)
def test_looking_raises_what_whole_minutes_raise_and_never_later(
    bursts: list[tuple[int, int]], looks: set[int]
) -> None:
    """As it is live: every story is there from its own second on."""
    arriving = sorted((s for at, n in bursts for s in bad(NOW + at * SECOND, n)), key=lambda s: s.at)
    minutes = {60 * i for i in range(1, 33)}

    def run(extra: set[int]) -> list[Alert]:
        windows, history, known = calm(), MemoryHistory(), 0
        running = engine(windows, history)
        for second in sorted(minutes | extra):
            now = NOW + second * SECOND
            more = [s for s in arriving[known:] if s.at < now]
            windows.add(more)
            known += len(more)
            if second in minutes:
                running.evaluate(now)
            if second in extra:
                running.look(now)
        return sorted(fired(history), key=lambda a: a.started_at)

    whole, early = run(set()), run(looks)
    assert [(a.key, floor_minute(a.started_at - timedelta(microseconds=1))) for a in early] == [
        (a.key, a.started_at - MINUTE) for a in whole
    ]
    assert all(a.started_at <= b.started_at for a, b in zip(early, whole, strict=True))
    assert [a.value for a in early] == [a.value for a in whole]
    assert all(a.started_at < b.started_at for a, b in pairwise(early))
