"""Each kind of condition over plain windows: what it finds, what it leaves alone, and what it says of it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta

import pytest
from scipy import stats

from alerts.budget import threshold_from
from alerts.conditions import CONDITIONS
from alerts.conditions.drift import measure_drift
from alerts.conditions.drop import fit_mean
from alerts.finding import Finding
from alerts.rebuild import rebuild
from alerts.rule import KINDS, Rule
from alerts.states import advance
from alerts.statistics import fit_baseline
from tests.unit.alerts_memory import DAY, HOUR, MINUTE, START, MemoryWindows, Story, flow
from tidings.types import Filters, Measured

NOW = START + 60 * DAY


def rule(kind: str, **fields: object) -> Rule:
    return replace(Rule("r", baseline_seconds=40 * 86_400), kind=kind, **fields)  # type: ignore[arg-type]  # many types


def found(rule: Rule, windows: MemoryWindows, now: datetime = NOW) -> Mapping[str, Finding]:
    findings = CONDITIONS[rule.kind](rule, windows, now)
    assert findings is not None
    return findings


def stories(
    entity: str, count: int, p_negative: float = 1.0, before: timedelta = HOUR, **more: object
) -> list[Story]:
    return [Story(NOW - before + i * MINUTE, entity, p_negative, **more) for i in range(count)]  # type: ignore[arg-type]


def stream() -> MemoryWindows:
    """Neutral stories every half an hour: there is always something in a window."""
    return MemoryWindows(flow("Calm Co", START, NOW + 5 * DAY, HOUR / 2, p_negative=0.0))


def test_there_is_a_condition_for_every_kind() -> None:
    assert set(CONDITIONS) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_without_history_or_without_any_item_there_is_no_data(kind: str) -> None:
    asked = rule(kind, level=0.5)
    assert kind == "level" or CONDITIONS[asked.kind](asked, stream(), START + 5 * DAY) is None
    assert CONDITIONS[asked.kind](asked, MemoryWindows(), NOW) is None
    down = MemoryWindows(flow("Calm Co", START, NOW - 2 * DAY, HOUR))
    answer = CONDITIONS[asked.kind](asked, down, NOW)
    assert answer is None or (kind == "no_data" and set(answer) == {"Calm Co"})
    assert kind == "no_data" or answer is None


def test_volume_is_more_stories_than_usual_of_either_sign() -> None:
    windows = stream()
    windows.add(flow("Loud Co", START, NOW, 6 * HOUR, p_negative=0.0))
    assert found(rule("volume"), windows) == {}
    windows.add(stories("Loud Co", 20, p_negative=0.0))
    (finding,) = found(rule("volume"), windows).values()
    assert (finding.value, finding.measured.measure, finding.measured.kind) == (24, "stories", "volume")
    assert finding.expected == pytest.approx(4, abs=0.1)
    assert finding.measured.upper < finding.value
    assert finding.measured.inputs["counts"] == [4.0] * 40
    assert found(rule("volume", p_below=finding.p_value), windows) == {}
    assert found(rule("volume", min_stories=25), windows) == {}
    assert set(found(rule("volume", measure="items"), windows)) == {"Loud Co"}


def test_drop_is_a_mean_sentiment_below_its_past() -> None:
    windows = stream()
    for day in range(60):  # six stories a day, of mixed but mild mood
        windows.add(
            Story(START + day * DAY + i * HOUR, "Mild Co", (0.1, 0.2, 0.3)[(day + i) % 3]) for i in range(6)
        )
    assert found(rule("drop"), windows) == {}
    now = NOW + 12 * HOUR
    windows.add(Story(NOW + i * HOUR, "Mild Co", 0.25) for i in range(6))
    assert found(rule("drop"), windows, now) == {}, "lower, but not by much"
    windows.add(Story(NOW + i * HOUR, "Mild Co", 0.95) for i in range(6))
    (finding,) = found(rule("drop"), windows, now).values()
    assert (finding.measured.measure, finding.measured.direction) == ("sentiment", "below")
    assert finding.value < finding.measured.lower < finding.expected
    assert finding.expected == pytest.approx(-0.2, abs=0.01)
    assert found(rule("drop", min_stories=19), windows, now) == {}
    assert found(rule("drop", min_sources=2), windows, now) == {}
    assert found(rule("drop", exclude=("Mild Co",)), windows, now) == {}


def test_a_rise_of_sentiment_is_no_drop() -> None:
    windows = stream()
    windows.add(flow("Grim Co", START, NOW - DAY, 4 * HOUR, p_negative=0.9))
    windows.add(stories("Grim Co", 8, p_negative=0.0))
    assert found(rule("drop"), windows) == {}


def test_the_baseline_of_a_mean_is_student_s_t() -> None:
    """Windows of equal size: the textbook's prediction interval for one more mean."""
    means, n = [-0.1, 0.0, 0.1, 0.3, -0.2], 4
    fitted = fit_mean([m * n for m in means], [n] * 5, n)
    assert fitted is not None
    mean, deviation = sum(means) / 5, stats.tstd(means)
    assert fitted.mean == pytest.approx(mean)
    assert fitted.error == pytest.approx(deviation * (1 + 1 / 5) ** 0.5)
    assert fitted.p_value(-0.5) == pytest.approx(stats.t.cdf((-0.5 - mean) / fitted.error, 4))
    larger = fit_mean([m * n for m in means], [n] * 5, 400)
    assert larger is not None
    assert larger.error == fitted.error, "many stories of one mood are not many independent ones"
    assert fit_mean([1.0, 1.0, 0.0], [1, 1, 0], 3) is None
    same = fit_mean([0.0] * 10, [1] * 10, 1)
    assert same is not None
    assert same.p_value(-0.1) > 0.01, "windows that are all alike are no certainty"


def test_level_is_a_fixed_limit() -> None:
    windows = stream()
    windows.add(stories("Sour Co", 6) + stories("Sour Co", 4, p_negative=0.0, before=2 * HOUR))
    share = rule("level", measure="negative_share", level=0.55)
    (finding,) = found(share, windows).values()
    assert (finding.value, finding.expected, finding.p_value) == (pytest.approx(0.6), 0.55, 1.0)
    assert finding.measured.share == pytest.approx(0.6)
    assert found(replace(share, level=0.6), windows) == {}
    assert found(replace(share, min_stories=11), windows) == {}
    low = rule("level", measure="sentiment", level=-0.5, direction="below")
    assert set(found(low, windows)) == {"Sour Co"}
    assert found(replace(low, level=-0.6), windows) == {}
    assert set(found(rule("level", level=5), windows)) == {"Sour Co"}
    assert found(rule("level", level=6), windows) == {}
    assert set(found(rule("level", measure="items", level=40), windows)) == {"Calm Co"}


def test_no_data_is_a_source_that_has_gone_quiet() -> None:
    windows = stream()
    windows.add(flow("X", START, NOW - 22 * HOUR, HOUR, source="agency"))
    windows.add(flow("X", START, NOW, 10 * DAY, source="seldom"))
    quiet = rule("no_data", scope="source", min_stories=10)
    (key,) = found(quiet, windows)
    finding = found(quiet, windows)[key]
    assert (key, finding.value, finding.expected) == ("agency", 2, pytest.approx(24, abs=0.1))
    assert (finding.measured.measure, finding.measured.direction) == ("items", "below")
    assert finding.value < finding.measured.lower
    assert found(replace(quiet, min_stories=25), windows) == {}
    assert found(replace(quiet, p_below=finding.p_value), windows) == {}
    later = found(quiet, windows, NOW + DAY)["agency"]
    assert (later.value, later.measured.stories) == (0, 0)
    assert later.p_value < finding.p_value


def test_a_source_that_rests_at_weekends_is_not_missed_then() -> None:
    windows = stream()
    for day in range(60):
        if (START + day * DAY).weekday() < 5:
            windows.add(flow("X", START + day * DAY, START + (day + 1) * DAY, HOUR, source="office"))
    sunday = NOW + (6 - NOW.weekday()) * DAY
    assert found(rule("no_data", scope="source", min_stories=10), windows, sunday) == {}


def test_the_whole_stream_can_be_missed() -> None:
    windows = MemoryWindows(flow("Calm Co", START, NOW - DAY, HOUR / 2))
    assert set(found(rule("no_data", scope="all"), windows)) == {""}


def test_new_key_is_a_name_seldom_seen_before() -> None:
    windows = stream()
    windows.add(flow("Known Co", START, NOW - DAY, 5 * DAY, p_negative=0.0))
    windows.add(stories("Known Co", 8) + stories("New Co", 5) + stories("Fine Co", 8, p_negative=0.1))
    windows.add([Story(NOW - 20 * DAY, "New Co")])
    (key,) = found(rule("new_key"), windows)
    finding = found(rule("new_key"), windows)[key]
    assert (key, finding.value, finding.measured.kind) == ("New Co", 5, "new_key")
    assert finding.p_value < 1e-3
    assert found(rule("new_key", min_stories=6), windows) == {}
    assert found(rule("new_key", p_below=1e-12), windows) == {}
    assert found(rule("new_key", include=("Known Co",)), windows) == {}


def test_sources_of_the_negative_stories_are_counted_where_the_rule_asks() -> None:
    windows = stream()
    windows.add(stories("New Co", 5) + stories("New Co", 1, p_negative=0.2, source="blog"))
    assert set(found(rule("new_key"), windows)) == {"New Co"}
    assert found(rule("new_key", min_sources=2), windows) == {}, "the blog's story is not negative"
    windows.add(stories("New Co", 1, source="paper"))
    (finding,) = found(rule("new_key", min_sources=2), windows).values()
    assert finding.measured.sources == 2


def creeping(per_day: int) -> MemoryWindows:
    """One negative story a day, and in the last ten days so many."""
    windows = stream()
    windows.add(flow("Slow Co", START, NOW - 10 * DAY, DAY))
    windows.add(flow("Slow Co", NOW - 10 * DAY, NOW, DAY / per_day))
    return windows


def test_drift_is_a_slow_burn() -> None:
    assert found(rule("drift"), creeping(1)) == {}
    (finding,) = found(rule("drift"), creeping(5)).values()
    assert 3.5 < finding.value < 5
    assert finding.expected == pytest.approx(1, abs=0.05)
    assert finding.measured.lower < finding.expected < finding.measured.upper < finding.value
    assert finding.measured.inputs["counts"][-10:] == [5.0] * 10
    assert finding.measured.inputs["recent"] == [13.0]
    assert found(rule("spike"), creeping(5)) == {}, "no single day stands out of the last ones"
    assert found(rule("drift", min_stories=60), creeping(5)) == {}


def test_one_bad_day_is_no_drift() -> None:
    windows = creeping(1)
    windows.add(stories("Slow Co", 40))
    assert set(found(rule("spike"), windows)) == {"Slow Co"}
    assert found(rule("drift"), windows) == {}


def test_a_drift_that_is_over_is_found_no_more() -> None:
    assert found(rule("drift"), creeping(5), NOW + 5 * DAY) == {}


def test_drift_raises_few_false_alarms() -> None:
    """On a stationary Poisson stream the rate is below what p says, and near it: the peak's removal costs some."""
    draws = stats.poisson.rvs(2.0, size=(2000, 61), random_state=7)
    hits = sum(measure_drift(list(row[:47]), list(row[47:])).p_value < 0.01 for row in draws)
    assert hits <= 20


@pytest.mark.parametrize(
    ("kind", "key"), [("volume", "Filtered Co"), ("new_key", "Filtered Co"), ("level", "Filtered Co")]
)
def test_filters_choose_the_items(kind: str, key: str) -> None:
    windows = stream()
    windows.add(stories(key, 30, kind="social"))
    asked = rule(kind, level=10)
    assert key in found(asked, windows)
    assert found(replace(asked, filters=Filters(kinds=("social",))), windows, NOW).keys() >= {key}
    news = replace(asked, filters=Filters(kinds=("news",)))
    assert key not in found(news, windows)
    assert key not in found(
        replace(asked, filters=Filters(languages=("en",), sources=("wire",), kinds=("news",))), windows
    )


@pytest.mark.parametrize("kind", ["volume", "new_key", "level"])
def test_a_name_within_a_topic(kind: str) -> None:
    windows = stream()
    windows.add(stories("Pair Co", 30, topic="Legal"))
    assert set(found(rule(kind, scope="topic_entity", level=10), windows)) == {"Legal | Pair Co"}


@pytest.mark.parametrize("kind", ["volume", "new_key"])
def test_a_budget_is_shared_by_all_keys(kind: str) -> None:
    windows = stream()
    windows.add(stories("New Co", 12))
    asked = rule(kind, budget_per_week=0.1, p_below=0.0)
    (alone,) = found(replace(asked, include=("New Co",)), windows).values()
    windows.add(story for i in range(200) for story in stories(f"Other {i}", 1, 0.0, 9 * DAY))
    assert "New Co" not in found(replace(asked, budget_per_week=1e-12), windows)
    (among,) = found(asked, windows).values()
    assert among.measured.threshold < alone.measured.threshold
    baseline = fit_baseline(among.measured.inputs["counts"])
    shared = threshold_from(0.1, 201, 86_400)  # the keys seen in the baseline
    assert among.measured.threshold == shared.of(among.value, baseline)


@pytest.mark.parametrize("kind", ["volume", "new_key", "level", "drop", "drift", "no_data"])
def test_a_stored_alert_of_each_kind_is_rebuilt_exactly(kind: str) -> None:
    windows = creeping(5)
    windows.add(flow("Calm Co", START, NOW - DAY, HOUR, p_negative=0.1, source="agency"))
    windows.add(stories("New Co", 30, 0.87) + stories("Slow Co", 2, 0.3) + stories("Calm Co", 30, 0.71))
    asked = rule(kind, level=3.3, scope="source" if kind == "no_data" else "entity")
    findings = found(asked, windows)
    assert findings
    for key, finding in findings.items():
        alert = advance(None, finding, asked, key, NOW)
        assert alert is not None
        stored = json.loads(json.dumps(asdict(alert.measured)))
        stored["filters"] = Filters()
        assert rebuild(replace(alert, measured=Measured(**stored))) == finding
