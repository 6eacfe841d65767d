"""What the engine does for rules of every kind: reads once, filters, annotations, peaks that lie below."""

from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from alerts.annotations import LONGEST, check_template, render_annotations
from alerts.engine import Engine
from alerts.read_once import ReadOnce
from alerts.rule import Rule
from alerts.rules import load_rules
from tests.unit.alerts_memory import DAY, HOUR, MINUTE, START, MemoryHistory, MemoryWindows, Story, flow
from tidings.types import Alert, Filters, Mention, Window

NOW = START + 40 * DAY
NEWS = Filters(kinds=("news",))


class Counting(MemoryWindows):
    """Counts what is read of it."""

    def __init__(self, stories: list[Story]) -> None:
        super().__init__(stories)
        self.reads: Counter[str] = Counter()

    def totals(self, *arguments: Any, **named: Any) -> list[Window]:
        self.reads["totals"] += 1
        return super().totals(*arguments, **named)

    def series(self, *arguments: Any, **named: Any) -> dict[str, list[Window]]:
        self.reads["series"] += 1
        return super().series(*arguments, **named)

    def sources(self, *arguments: Any, **named: Any) -> dict[str, int]:
        self.reads["sources"] += 1
        return super().sources(*arguments, **named)


def stream(end: datetime = NOW + 5 * DAY) -> list[Story]:
    return flow("Calm Co", START, end, HOUR, p_negative=0.0)


def burst(entity: str, count: int = 12, **more: Any) -> list[Story]:
    return [Story(NOW - 2 * HOUR + i * MINUTE, entity, title=f"Trouble {i}", **more) for i in range(count)]


def run(windows: MemoryWindows, *rules: Rule, history: MemoryHistory | None = None) -> list[Alert]:
    return Engine(rules, windows, history or MemoryHistory()).evaluate(NOW)


def test_many_rules_over_one_scope_and_window_cost_the_reads_of_one() -> None:
    def reads(rules: int) -> Counter[str]:
        windows = Counting(stream() + burst("New Co"))
        alerts = run(windows, *(Rule(f"r{i}", min_stories=4 + i % 7, min_sources=1) for i in range(rules)))
        assert len(alerts) == rules
        return windows.reads

    assert reads(200) == reads(1)


def test_what_is_read_is_remembered_for_one_evaluation() -> None:
    windows = Counting(stream() + burst("New Co") + burst("Old Co", 3))
    once = ReadOnce(windows)
    once.begin(NOW)
    assert [w.key for w in once.totals("entity", NOW - DAY, NOW, 2)] == ["New Co", "Old Co"]
    assert [w.key for w in once.totals("entity", NOW - DAY, NOW, 4)] == ["New Co"]
    assert windows.reads["totals"] == 1
    assert len(once.totals("entity", NOW - DAY, NOW, 0)) == 3
    assert windows.reads["totals"] == 2, "a lower minimum is another read"
    once.totals("entity", NOW - DAY, NOW, 4, NEWS)
    assert windows.reads["totals"] == 3, "and so are filters"
    once.series("entity", ["New Co"], NOW - DAY, NOW, 3600)
    assert set(once.series("entity", ["Old Co", "New Co"], NOW - DAY, NOW, 3600)) == {"Old Co", "New Co"}
    once.series("entity", ["Old Co"], NOW - DAY, NOW, 3600)
    assert windows.reads["series"] == 2
    assert once.sources("entity", ["New Co"], NOW - DAY, NOW) == {"New Co": 1}
    once.sources("entity", ["New Co"], NOW - DAY, NOW)
    assert windows.reads["sources"] == 1
    windows.add(burst("New Co", 1))
    once.begin(NOW)
    assert once.totals("entity", NOW - DAY, NOW, 4)[0].items == 13, "what came since is seen"
    assert once.first_start() == START


def test_sums_of_past_days_are_read_again_the_next_day() -> None:
    windows = Counting(stream())
    once = ReadOnce(windows)
    for minutes, reads in ((30, 1), (31, 1), (60, 1), (24 * 60, 2), (24 * 60 + 1, 3), (24 * 60 + 2, 3)):
        once.begin(NOW + minutes * MINUTE)
        once.totals("entity", START, NOW, 0)
        assert windows.reads["totals"] == reads
    once.begin(NOW)  # an earlier evaluation, as a back-test may make: nothing is known
    once.totals("entity", START, NOW, 0)
    assert windows.reads["totals"] == 4


def test_filters_and_scope_reach_the_evidence_and_the_chart() -> None:
    windows = MemoryWindows(stream() + burst("New Co", topic="Legal"))
    windows.add(burst("New Co", 20, kind="social", topic="Legal"))
    (alert,) = run(windows, Rule("r", scope="topic_entity", filters=NEWS))
    assert (alert.scope, alert.key, alert.value) == ("topic_entity", "Legal | New Co", 12)
    assert {story.title for story in alert.evidence} <= {f"Trouble {i}" for i in range(12)}
    assert sum(window.items for window in alert.series) == 12
    assert alert.measured.filters == NEWS


def test_annotations_are_rendered_when_the_alert_fires_and_follow_its_peak() -> None:
    templates = {"say": "{{ key }}: {{ value | int }} in {{ window }}; {{ stories[0] }} ({{ labels.team }})"}
    rule = Rule("r", annotations=templates, labels={"team": "desk"}, for_seconds=300)
    windows, history = MemoryWindows(stream() + burst("New Co")), MemoryHistory()
    engine = Engine([rule], windows, history)
    (pending,) = engine.evaluate(NOW)
    assert pending.annotations == {}
    (fired,) = engine.evaluate(NOW + 5 * MINUTE)
    assert fired.annotations == {"say": "New Co: 12 in 24 hours; Trouble 0 (desk)"}
    windows.add([Story(NOW + 5 * MINUTE, "New Co")])
    engine.evaluate(NOW + 6 * MINUTE)
    assert history.latest()[fired.alert_id].annotations["say"].startswith("New Co: 13 in")


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ("{{ stories[7] }}", "(cannot be rendered: UndefinedError"),
        ("{{ 1 // 0 }}", "(cannot be rendered: ZeroDivisionError"),
        ("{{ ''.__class__.__mro__ }}", "(cannot be rendered: SecurityError"),
        ("{{ key.format.__globals__ }}", "(cannot be rendered: SecurityError"),
        ("{{ stories.append(1) }}", "(cannot be rendered: SecurityError"),
        ("{% for i in range(1000000) %}x{% endfor %}", "(cannot be rendered: OverflowError"),
        ("{% include 'a' %}", "(cannot be rendered: TypeError"),
    ],
)
def test_a_template_that_fails_or_reaches_out_keeps_no_alert_back(template: str, rendered: str) -> None:
    windows = MemoryWindows(stream() + burst("New Co"))
    (alert,) = run(windows, Rule("r", annotations={"a": template, "b": "{{ key }}"}))
    assert alert.annotations["a"].startswith(rendered)
    assert alert.annotations["b"] == "New Co"


def test_a_headline_is_never_a_template_and_annotations_are_bounded() -> None:
    windows = MemoryWindows(stream() + burst("{{ 7 * 7 }}"))
    (alert,) = run(windows, Rule("r", annotations={"a": "{{ key }}", "b": "{{ key * 5000 }}"}))
    assert alert.annotations["a"] == "{{ 7 * 7 }}"
    assert len(alert.annotations["b"]) == LONGEST
    assert render_annotations({}, alert) == {}
    assert check_template("{{ key }} {{ measured.kind }} {{ stories[0] }}") == ""


def test_the_peak_of_a_mean_is_its_lowest() -> None:
    rule = Rule(
        "r", kind="level", measure="sentiment", level=-0.5, direction="below", keep_firing_for_seconds=60
    )
    windows, history = MemoryWindows(stream() + burst("Low Co", p_negative=0.6)), MemoryHistory()
    engine = Engine([rule], windows, history)
    (fired,) = engine.evaluate(NOW)
    windows.add(Story(NOW, "Low Co", 1.0) for _ in range(12))
    engine.evaluate(NOW + MINUTE)
    assert history.latest()[fired.alert_id].value == pytest.approx(-0.8)
    windows.add(Story(NOW + MINUTE, "Low Co", 0.4) for _ in range(12))
    engine.evaluate(NOW + 2 * MINUTE)
    assert history.latest()[fired.alert_id].value == pytest.approx(-0.8), "better is no new peak"


def test_a_silent_source_fires_when_the_whole_stream_is_down_and_resolves_when_it_is_back() -> None:
    rule = Rule(
        "quiet", kind="no_data", scope="source", window_seconds=6 * 3600, baseline_seconds=14 * 86_400
    )
    windows, history = MemoryWindows(flow("X", START, NOW, 10 * MINUTE)), MemoryHistory()
    engine = Engine([rule, replace(rule, name="spike", kind="spike")], windows, history)
    assert engine.evaluate(NOW) == []
    (fired,) = engine.evaluate(NOW + 6 * HOUR)
    assert (fired.rule, fired.key, fired.state, fired.value) == ("quiet", "wire", "firing", 0)
    windows.add(flow("X", NOW + 6 * HOUR, NOW + 12 * HOUR, 10 * MINUTE))
    (over,) = engine.evaluate(NOW + 12 * HOUR)
    assert (over.alert_id, over.state) == (fired.alert_id, "resolved")


def test_the_default_pack_is_silent_on_ordinary_days_and_names_five_kinds_of_trouble() -> None:
    steady = stream(NOW + DAY) + flow("Loud Co", START, NOW + DAY, 6 * HOUR, p_negative=0.6)
    rules = load_rules()
    named = [Mention(name, ", ", ", ") for name in ("Loud Co", "New Co", "Slow Co")]

    def fired(*more: Story, without: tuple[str, ...] = ()) -> set[tuple[str, str]]:
        windows = MemoryWindows(
            [s for s in steady if s.source not in without or s.at < NOW - DAY] + list(more)
        )
        engine = Engine(rules, windows, MemoryHistory(), names_in=lambda _: named)
        alerts = engine.evaluate(NOW) + engine.evaluate(NOW + 30 * MINUTE)
        return {(alert.rule, alert.key) for alert in alerts if alert.state == "firing"}

    assert fired() == set()
    assert fired(*burst("Loud Co", 40)) == {("negative-spike", "Loud Co")}
    assert fired(*burst("New Co", 5)) == {("negative-spike", "New Co")}, "one source says so"
    both = {("negative-spike", "New Co"), ("new-name", "New Co")}
    assert fired(*burst("New Co", 5), *burst("New Co", 2, source="paper")) == both
    assert fired(*flow("Slow Co", NOW - 8 * DAY, NOW, 12 * HOUR, 0.6)) == {("slow-burn", "Slow Co")}
    assert fired(*burst("Federal Reserve", 40)) == set(), "a bystander"
    grim = fired(*(story for i in range(100) for story in burst(f"Co {i}", 1)))
    assert grim == {("market-mood", "")}
    assert fired(*burst("Calm Co", 1, source="paper", p_negative=0.0), without=("wire",)) == {
        ("source-quiet", "wire")
    }
