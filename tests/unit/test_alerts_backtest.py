"""The engine over the past: exact, without looking ahead, and held against events and budgets."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alerts.backtest import Backtest, MemoryHistory, run_backtest
from alerts.backtest_events import Event, false_alarms, outcomes, suggest, with_threshold
from alerts.engine import Engine
from alerts.memory_windows import MemoryWindows
from alerts.rules import Rule
from tests.items import T0, scored
from tidings.types import ScoredItem

DAY = timedelta(days=1)
HALF_HOUR = timedelta(minutes=30)
RULE = Rule("spike", baseline_seconds=10 * 86_400, min_stories=3.0, keep_firing_for_seconds=86_400)
BURST_AT = 20 * 24 * 60 + 65  # minutes after T0


def stream(days: int = 30) -> list[ScoredItem]:
    """One negative story a day on Acme; fifteen within an hour on day 20."""
    calm = [scored(f"calm-{d}", d * 24 * 60, p_negative=0.9, entities=["Acme"]) for d in range(days)]
    burst = [scored(f"burst-{n}", BURST_AT + n * 4, p_negative=0.95, entities=["Acme"]) for n in range(15)]
    return calm + burst


def run(items: list[ScoredItem], rule: Rule = RULE, step: timedelta = HALF_HOUR) -> Backtest:
    return run_backtest([rule], MemoryWindows(items), T0, T0 + 30 * DAY, step)


def test_a_burst_fires_once_within_the_hour_and_resolves() -> None:
    (alert,) = run(stream()).alerts
    assert alert.key == "Acme"
    assert alert.state == "resolved"
    assert alert.fired_at is not None
    assert timedelta() < alert.fired_at - (T0 + timedelta(minutes=BURST_AT)) <= timedelta(hours=1)
    assert alert.evidence
    assert all(story.published_at < T0 + 21 * DAY for story in alert.evidence)


def test_what_fires_does_not_depend_on_what_comes_later() -> None:
    (whole,) = run(stream()).alerts
    assert whole.fired_at is not None
    until = [s for s in stream() if s.item.published_at < whole.fired_at]
    (cut,) = run_backtest([RULE], MemoryWindows(until), T0, whole.fired_at, HALF_HOUR).alerts
    assert (cut.alert_id, cut.fired_at) == (whole.alert_id, whole.fired_at)
    before = run_backtest([RULE], MemoryWindows(stream()), T0, whole.fired_at - HALF_HOUR, HALF_HOUR)
    assert before.alerts == ()


@settings(deadline=None)
@given(st.lists(st.integers(0, 12 * 24 * 60), max_size=40))
@example([0, 2910, 2910, 2910, 2910])  # the history becomes long enough while nothing comes
def test_moments_left_out_change_nothing(minutes: list[int]) -> None:
    rule = Rule("spike", window_seconds=6 * 3600, baseline_seconds=2 * 86_400, min_stories=2.0, min_history=4)
    items = [scored(f"i{n}", m, p_negative=1.0, entities=["Acme"]) for n, m in enumerate(sorted(minutes))]
    windows, end = MemoryWindows(items), T0 + 13 * DAY
    history = MemoryHistory()
    engine = Engine([rule], windows, history)
    now = T0
    while now <= end:
        windows.advance_to(now)
        engine.evaluate(now)
        now += HALF_HOUR
    every = [(a.alert_id, a.fired_at, a.resolved_at) for a in history.latest.values()]
    test = run_backtest([rule], windows, T0, end, HALF_HOUR)
    assert sorted((a.alert_id, a.fired_at, a.resolved_at) for a in test.alerts) == sorted(every)
    assert test.evaluations <= 13 * 48 + 1


def test_a_calm_time_costs_few_evaluations() -> None:
    test = run(stream(), replace(RULE, window_seconds=3600))
    assert test.evaluations < 30 * 48 / 4, "two for each calm story, and a day and an hour of the alert"
    assert test.items == len(stream())
    assert test.weeks == pytest.approx(30 / 7)
    assert test.alerts_per_week == pytest.approx(7 / 30)


def test_moments_are_multiples_of_the_step() -> None:
    windows, seen = MemoryWindows(stream()), list[datetime]()
    start = T0 + timedelta(minutes=7)
    run_backtest([RULE], windows, start, T0 + 3 * DAY, timedelta(hours=1), seen.append)
    assert seen
    assert all(moment.minute == 0 for moment in seen)


def event(name: str, key: str, day: int) -> Event:
    start = (T0 + day * DAY).replace(hour=0, minute=0)
    return Event(name, (key,), start, start + DAY)


def test_events_are_found_or_missed_with_their_delay() -> None:
    items = stream()
    test, windows = run(items), MemoryWindows(items)
    events = [event("burst", "aCME", 20), event("calm", "Acme", 5), event("outside", "Acme", 40)]
    found, missed = outcomes(events, test, windows)
    assert found.alert is test.alerts[0]
    assert found.delay is not None
    assert found.delay_after_story is not None
    assert timedelta(hours=10) < found.delay < timedelta(hours=12), "from midnight"
    assert found.first_story_at == T0 + 20 * DAY
    assert found.stories == pytest.approx(0.9 + 15 * 0.95)
    assert (missed.alert, missed.delay, missed.delay_after_story) == (None, None, None)
    assert missed.stories == pytest.approx(0.9)
    assert false_alarms(events, test) == []
    assert false_alarms(events[1:], test) == list(test.alerts)


def test_an_alert_that_fires_already_meets_the_event() -> None:
    items = stream()
    test, windows = run(items), MemoryWindows(items)
    late = Event("the next day", ("Acme",), T0 + timedelta(days=21), T0 + timedelta(days=22))
    (outcome,) = outcomes([late], test, windows)
    assert outcome.delay is not None
    assert outcome.delay < timedelta()
    over = Event("long after", ("Acme",), T0 + timedelta(days=26), T0 + timedelta(days=27))
    assert outcomes([over], test, windows)[0].alert is None


def test_the_entity_of_a_topic_and_entity_meets_an_event() -> None:
    assert event("x", "Acme", 1).names("Macro | ACME")
    assert not event("x", "Acme", 1).names("Acme | Macro")


def test_suggested_thresholds_keep_the_budget() -> None:
    peaks = [10.0**-n for n in range(1, 11)]
    p = suggest(peaks, weeks=10, budget=0.3)
    assert p is not None
    assert sum(peak < p for peak in peaks) == 3
    assert suggest(peaks, weeks=10, budget=0.05) is None, "less than one alert in the whole time"
    assert suggest(peaks, weeks=10, budget=1.0) is None, "more than there are peaks"
    assert suggest([], 10, 1) is None


@given(st.lists(st.floats(1e-12, 0.02), min_size=2, unique=True), st.floats(0.01, 2), st.integers(1, 50))
def test_a_suggestion_never_exceeds_its_budget(peaks: list[float], budget: float, weeks: int) -> None:
    p = suggest(peaks, weeks, budget)
    if p is not None:
        assert sum(peak < p for peak in peaks) <= budget * weeks


def test_a_threshold_takes_the_place_of_a_budget() -> None:
    rule = with_threshold(Rule("r", budget_per_week=1.0), 1e-5)
    assert (rule.p_below, rule.budget_per_week) == (1e-5, None)


def test_an_empty_stream_fires_nothing() -> None:
    test = run_backtest([RULE], MemoryWindows([]), datetime(2026, 1, 1, tzinfo=UTC), T0, DAY)
    assert (test.alerts, test.items, test.alerts_per_week) == ((), 0, 0.0)
