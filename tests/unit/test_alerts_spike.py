"""The spike condition: its two tests, its threshold, its season, and its figures rebuilt from what was stored."""

import json
import sys
from dataclasses import asdict, replace

import pytest

from alerts.budget import threshold_from
from alerts.conditions.spike import spike
from alerts.finding import Finding
from alerts.rebuild import rebuild
from alerts.rule import Rule
from alerts.states import advance
from alerts.statistics import fit_baseline
from tests.unit.alerts_memory import DAY, HOUR, MINUTE, START, MemoryWindows, Story, flow
from tidings.errors import TidingsError
from tidings.types import Measured

NOW = START + 70 * DAY
RULE = Rule("spikes")


def quiet(keys: int = 20) -> MemoryWindows:
    """Names with a story every other day, a quarter of it negative, and a stream of neutral ones."""
    stories = flow("Calm Co", START, NOW, 2 * HOUR, 0.1)
    for number in range(keys):
        stories += flow(f"Name {number}", START + number * HOUR, NOW, 2 * DAY, 0.25)
    return MemoryWindows(stories)


def told(key: str, count: int, p_negative: float, sources: int = 1) -> list[Story]:
    return [
        Story(NOW - HOUR + i * MINUTE / 2, key, p_negative, source=f"wire {i % sources}")
        for i in range(count)
    ]


def test_figures_are_filled_in() -> None:
    windows = quiet()
    windows.add(told("Name 3", 10, 0.8))
    found = spike(RULE, windows, NOW)
    assert found is not None
    assert list(found) == ["Name 3"]
    finding = found["Name 3"]
    measured = finding.measured
    assert measured.threshold == RULE.p_below > finding.p_value > 0
    assert measured.lower <= finding.expected <= measured.upper < finding.value
    assert measured.stories >= 10
    assert measured.share == pytest.approx(finding.value / measured.stories)
    assert measured.share_expected is not None
    assert measured.share_p_value is not None
    assert measured.share > 0.5 > measured.share_expected
    assert measured.share_p_value < 0.05
    assert len(measured.inputs["counts"]) == 60


def test_many_stories_with_little_bad_news_among_them_are_no_spike() -> None:
    windows = quiet()
    windows.add(flow("Name 4", START, NOW - DAY, 12 * HOUR, 0.6) + told("Name 4", 118, 0.25))
    windows.add(told("Name 3", 30, 0.25))
    found = spike(RULE, windows, NOW)
    assert found is not None
    # 118 stories worth 30 negative ones where 60 % are usual; and 30 with the usual share, which is no objection.
    assert list(found) == ["Name 3"]
    # Alike in number, and most of them negative: a spike, whatever share is usual.
    windows.add(told("Name 4", 118, 0.8))
    assert sorted(spike(RULE, windows, NOW) or {}) == ["Name 3", "Name 4"]


def shared(finding: Finding, keys: int) -> float:
    return threshold_from(1.0, keys, 86_400).of(
        finding.value, fit_baseline(finding.measured.inputs["counts"])
    )


def test_the_budget_is_shared_by_the_keys_seen_before() -> None:
    windows = quiet(20)
    windows.add(told("Name 3", 12, 0.9))
    found = spike(replace(RULE, budget_per_week=1.0), windows, NOW)
    assert found is not None
    assert found["Name 3"].measured.threshold == shared(found["Name 3"], 21)
    watched = spike(replace(RULE, budget_per_week=1.0, include=("Name 3", "Name 4")), windows, NOW)
    assert watched is not None
    assert watched["Name 3"].measured.threshold == shared(watched["Name 3"], 2)
    assert spike(replace(RULE, budget_per_week=1e-9), windows, NOW) == {}


def test_several_sources_may_be_asked_for() -> None:
    windows = quiet()
    windows.add(told("Name 3", 10, 0.9, sources=1) + told("Name 4", 10, 0.9, sources=3))
    found = spike(replace(RULE, min_sources=3), windows, NOW)
    assert found is not None
    assert list(found) == ["Name 4"]
    assert found["Name 4"].measured.sources >= 3


def daily(hour: int, count: int) -> list[Story]:
    """So many stories in the same hour of every day: a morning's worth of results."""
    return [
        Story(START + day * DAY + hour * HOUR + i * MINUTE, "Morning Co", 0.9)
        for day in range(70)
        for i in range(count)
    ]


def test_the_usual_morning_is_a_spike_unless_the_rule_knows_the_season() -> None:
    windows = MemoryWindows(flow("Calm Co", START, NOW, HOUR, 0.0) + daily(7, 20))
    morning = NOW - DAY + 8 * HOUR
    rule = replace(RULE, window_seconds=3600, baseline_seconds=60 * 86_400, p_below=0.05)
    plain, seasonal = (spike(replace(rule, seasonal=known), windows, morning) for known in (False, True))
    assert plain is not None
    assert list(plain) == ["Morning Co"]
    assert seasonal == {}
    windows.add([Story(morning - MINUTE, "Morning Co", 0.9)] * 200)
    found = spike(replace(rule, seasonal=True), windows, morning)
    assert found is not None
    # 18 are usual at this hour and 0.75 in the mean of all; both profiles are shrunk, so it is between.
    assert 6 < found["Morning Co"].expected < 20


def test_looking_through_many_candidates_by_their_sums_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    windows = MemoryWindows(
        [story for n in range(60) for story in flow(f"Busy {n}", START, NOW, 4 * HOUR, 0.9)]
    )
    windows.add(told("Busy 7", 30, 0.9) + told("New Co", 9, 0.9))
    many = spike(RULE, windows, NOW)
    monkeypatch.setattr(sys.modules[spike.__module__], "_MANY", 1000)
    assert spike(RULE, windows, NOW) == many
    assert many is not None
    assert sorted(many) == ["Busy 7", "New Co"]


@pytest.mark.parametrize("seasonal", [False, True])
def test_a_stored_alert_is_rebuilt_exactly(seasonal: bool) -> None:
    windows = quiet()
    windows.add(told("Name 3", 10, 0.123 + 0.7))
    rule = replace(RULE, window_seconds=6 * 3600, seasonal=seasonal)
    found = spike(rule, windows, NOW)
    assert found is not None
    finding = found["Name 3"]
    alert = advance(None, finding, rule, "Name 3", NOW)
    assert alert is not None
    stored = json.loads(json.dumps(asdict(alert.measured)))
    again = rebuild(replace(alert, measured=Measured(**stored)))
    assert (again.value, again.expected, again.p_value) == (alert.value, alert.expected, alert.p_value)
    assert again == finding
    assert bool(alert.measured.inputs["exposures"]) == seasonal


def test_an_alert_without_inputs_cannot_be_rebuilt() -> None:
    windows = quiet()
    windows.add(told("Name 3", 10, 0.9))
    found = spike(RULE, windows, NOW)
    assert found is not None
    alert = advance(None, found["Name 3"], RULE, "Name 3", NOW)
    assert alert is not None
    for measured in (Measured(), replace(alert.measured, kind="gone")):
        with pytest.raises(TidingsError, match="without the inputs"):
            rebuild(replace(alert, measured=measured))


def test_days_are_whole_where_there_are_any() -> None:
    """A baseline shorter than a day is summed as it is."""
    windows = MemoryWindows(flow("Calm Co", NOW - 5 * HOUR, NOW, 5 * MINUTE, 0.1))
    windows.add([Story(NOW - MINUTE, "New Co", 0.9)] * 9)
    rule = replace(RULE, window_seconds=600, baseline_seconds=4 * 3600, budget_per_week=10.0)
    found = spike(rule, windows, NOW)
    assert found is not None
    assert list(found) == ["New Co"]
