"""How much of an alert hangs on one story or one source, and when it began."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import pytest

from alerts.engine import Engine
from alerts.evidence import began_at, weight_of
from alerts.evidence_sql import _OF_ITEMS, _OF_WINDOWS
from alerts.measures import MEASURE_WORDS
from alerts.rules import Rule
from tests.unit.alerts_memory import DAY, HOUR, MINUTE, START, MemoryHistory, MemoryWindows, Story, flow
from tidings.types import Alert, Measured, Window

NOW = START + 40 * DAY


def fired(stories: list[Story], **rule: object) -> Alert:
    windows = MemoryWindows(flow("Quiet Co", START + DAY / 2, NOW, 2 * DAY))
    windows.add(stories)
    found = Engine([replace(Rule("spike"), **rule)], windows, MemoryHistory()).evaluate(NOW)  # type: ignore[arg-type]  # keywords of Rule
    (alert,) = [alert for alert in found if alert.key == "Quiet Co"]
    return alert


def burst(count: int, sources: int = 6, start: datetime = NOW - 2 * HOUR) -> list[Story]:
    return [Story(start + i * MINUTE, "Quiet Co", 0.9, source=f"wire{i % sources}") for i in range(count)]


def test_a_broad_burst_hangs_on_no_story_and_no_source() -> None:
    measured = fired(burst(12)).measured
    assert (measured.without_story, measured.without_source) == (True, True)
    assert measured.sources == 6


def test_one_loud_source_may_be_all_of_it() -> None:
    measured = fired(burst(12, sources=1)).measured
    assert (measured.without_story, measured.without_source) == (True, False)


def fewest(others: list[Story], **rule: object) -> Alert:
    """The alert on the smallest burst that fires."""
    for count in range(1, 60):
        with suppress(ValueError):  # none fired
            return fired([*others, *burst(count)], **rule)
    raise AssertionError("not even a burst of 60 fires")


@pytest.mark.parametrize(
    "rule",
    [{"p_below": 0.05}, {"p_below": 0.001}, {"kind": "volume"}, {"kind": "new_key", "min_stories": 21.0}],
)
def test_one_story_may_tip_the_balance(rule: dict[str, object]) -> None:
    measured = fewest([], **rule).measured
    assert (measured.without_story, measured.without_source) == (False, False)


def test_the_number_of_sources_is_asked_again_too() -> None:
    alone = Story(NOW - HOUR, "Quiet Co", 0.9, source="other")
    measured = fired([*burst(12, sources=1), alone], min_sources=2).measured
    assert (measured.without_story, measured.without_source) == (True, False)
    assert fired(burst(12, sources=3), min_sources=3).measured.without_source is False


def test_a_budget_over_many_keys_stays_one_over_many_keys() -> None:
    crowd = [s for n in range(300) for s in flow(f"Co {n}", START, NOW - DAY, 9 * DAY, p_negative=0.1)]
    alert = fewest(crowd, budget_per_week=1.0, min_stories=1.0)
    alone = fewest([], budget_per_week=1.0, min_stories=1.0)
    assert alert.measured.threshold < alone.measured.threshold / 100
    assert alert.value > alone.value
    assert alert.measured.without_story is False


def test_the_burst_begins_with_its_first_story() -> None:
    early = Story(NOW - 20 * HOUR, "Quiet Co", 0.9)
    assert fired([early, *burst(12)]).measured.began_at == NOW - 2 * HOUR
    assert fired(burst(12, start=NOW - 23 * HOUR)).measured.began_at == NOW - 23 * HOUR


def test_a_later_peak_does_not_move_the_beginning() -> None:
    windows = MemoryWindows(flow("Quiet Co", START + DAY / 2, NOW, 2 * DAY))
    history = MemoryHistory()
    engine = Engine([Rule("spike", window_seconds=3600, baseline_seconds=20 * 86_400)], windows, history)
    windows.add(burst(12, start=NOW - HOUR / 2))
    engine.evaluate(NOW)
    (first,) = history.active_alerts()
    windows.add(burst(50, start=NOW))
    engine.evaluate(NOW + HOUR)
    (later,) = history.active_alerts()
    assert later.value > first.value
    assert later.measured.began_at == first.measured.began_at == NOW - HOUR / 2


@pytest.mark.parametrize(
    ("counts", "upper", "begins"),
    [
        ((0, 0, 0, 5, 5, 5, 5, 5), 4, 3),
        ((1, 0, 1, 0, 0, 0, 9, 0), 8, 6),
        ((5, 5, 5, 5, 5, 5, 5, 5), 8, 0),
        ((0, 0, 0, 0, 0, 0, 0, 0), 8, None),
    ],
)
def test_the_onset_is_where_the_most_was_unexplained(
    counts: tuple[int, ...], upper: float, begins: int | None
) -> None:
    series = tuple(
        Window("entity", "a", NOW + i * HOUR, 3600, negative_story_sum=count)
        for i, count in enumerate((9, 9, *counts))
    )
    alert = replace(fired(burst(12)), window_seconds=8 * 3600, measured=Measured(upper=upper))
    found = began_at(replace(alert, expected=0.0), (), series)
    assert found == (None if begins is None else NOW + (begins + 2) * HOUR)


def test_a_story_weighs_what_is_counted() -> None:
    story = fired(burst(12)).evidence[0]
    weights = [weight_of(story, Measured(measure=m)) for m in ("negative stories", "stories", "items")]
    assert weights == [0.9, 1.0, 1.0]


def test_every_measure_has_its_sql() -> None:
    assert set(_OF_WINDOWS) == set(_OF_ITEMS) == set(MEASURE_WORDS.values())
