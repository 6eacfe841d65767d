"""The engine over plain values: what fires, what does not, and what a restart or late data change."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from alerts.engine import Engine
from alerts.rules import Rule
from tests.unit.alerts_memory import DAY, HOUR, MINUTE, START, MemoryHistory, MemoryWindows, Story, flow
from tidings.errors import Unavailable

RULE = Rule("spike")
NOW = START + 40 * DAY


def ordinary(end: datetime = NOW + 20 * DAY) -> MemoryWindows:
    """From START on: a negative story every other day, one every six hours, as many neutral ones, and other news."""
    return MemoryWindows(
        flow("Quiet Co", START + DAY / 2, end, 2 * DAY)
        + flow("Quiet Co", START + DAY, end, 2 * DAY, p_negative=0.0)
        + flow("Loud Co", START, end, 6 * HOUR)
        + flow("Loud Co", START + HOUR, end, 6 * HOUR, p_negative=0.0)
        + flow("Calm Co", START, end, HOUR / 2, p_negative=0.0)
    )


def burst(entity: str, start: datetime, count: int = 12) -> list[Story]:
    return [Story(start + i * MINUTE, entity, 0.5 + i / 100, f"Trouble {i}") for i in range(count)]


def engine(windows: MemoryWindows, history: MemoryHistory | None = None, rule: Rule = RULE) -> Engine:
    return Engine([rule], windows, history if history is not None else MemoryHistory())


def test_a_burst_fires_with_its_evidence_and_chart() -> None:
    windows, history = ordinary(), MemoryHistory()
    windows.add(burst("Quiet Co", NOW - 2 * HOUR))
    (alert,) = engine(windows, history).evaluate(NOW + timedelta(seconds=31))
    assert (alert.rule, alert.scope, alert.key, alert.state) == ("spike", "entity", "Quiet Co", "firing")
    assert alert.value == pytest.approx(6.66)
    assert 0.3 < alert.expected < 0.7
    assert alert.p_value < 0.001
    assert alert.started_at == alert.fired_at == NOW
    assert alert.alert_id == f"{alert.fingerprint}-20240210T000000Z"
    assert alert.labels == {"scope": "entity", "key": "Quiet Co"}
    assert [e.title for e in alert.evidence] == [f"Trouble {i}" for i in (11, 10, 9, 8, 7)]
    assert len(alert.series) == 48
    assert alert.series[0].seconds == 3 * 3600
    assert alert.series[-1].start == NOW - 3 * HOUR
    assert alert.series[-1].negative_story_sum == pytest.approx(6.66)
    assert history.versions == [alert]


def test_steady_flow_never_fires() -> None:
    history = MemoryHistory()
    running = engine(ordinary(), history)
    assert [running.evaluate(NOW + i * 6 * HOUR) for i in range(40)] == [[]] * 40
    assert history.versions == []


def test_what_is_usual_for_a_loud_name_is_a_spike_for_a_quiet_one() -> None:
    windows = ordinary()
    windows.add(flow("Quiet Co", NOW - 4 * HOUR, NOW, 40 * MINUTE))
    windows.add(flow("Loud Co", NOW - 2 * HOUR, NOW, 40 * MINUTE))
    assert [alert.key for alert in engine(windows).evaluate(NOW)] == ["Quiet Co"]


def test_many_mildly_negative_stories_are_not_enough() -> None:
    windows = ordinary()
    windows.add(replace(story, p_negative=0.1) for story in burst("Quiet Co", NOW - HOUR, 30))
    assert engine(windows).evaluate(NOW) == []


def test_nothing_fires_before_there_is_history() -> None:
    windows = ordinary()
    early = START + 20 * DAY
    windows.add(burst("Quiet Co", early - HOUR))
    running = engine(windows)
    assert running.evaluate(early) == []  # 19 whole days of baseline
    assert [alert.state for alert in running.evaluate(early + DAY - 2 * HOUR)] == []
    later = START + 21 * DAY  # now 20
    windows.add(burst("Quiet Co", later - HOUR))
    assert [alert.state for alert in running.evaluate(later)] == ["firing"]
    assert engine(MemoryWindows()).evaluate(NOW) == []
    few = replace(RULE, min_history=5)
    assert len(engine(windows, rule=few).evaluate(early)) == 1


def test_the_present_window_is_no_part_of_its_own_baseline() -> None:
    windows = MemoryWindows(flow("Loud Co", START, NOW, 6 * HOUR))  # four a day
    windows.add(burst("Loud Co", NOW - HOUR, 40))
    (alert,) = engine(windows, rule=replace(RULE, baseline_seconds=6 * 86_400)).evaluate(NOW)
    assert alert.expected == pytest.approx((6 * 4 + 0.5) / 6)


def test_included_and_excluded_keys() -> None:
    windows = ordinary()
    windows.add(burst("Quiet Co", NOW - HOUR) + burst("New Co", NOW - HOUR))
    assert [a.key for a in engine(windows).evaluate(NOW)] == ["New Co", "Quiet Co"]
    assert [a.key for a in engine(windows, rule=replace(RULE, exclude=("New Co",))).evaluate(NOW)] == [
        "Quiet Co"
    ]
    assert [a.key for a in engine(windows, rule=replace(RULE, include=("New Co",))).evaluate(NOW)] == [
        "New Co"
    ]


@pytest.mark.parametrize(("scope", "key"), [("all", ""), ("topic", "Macro"), ("source", "wire")])
def test_every_scope_can_be_watched(scope: str, key: str) -> None:
    windows = ordinary()
    windows.add(flow("Quiet Co", NOW - 2 * HOUR, NOW, MINUTE))
    (alert,) = engine(windows, rule=replace(RULE, scope=scope)).evaluate(NOW)
    assert (alert.scope, alert.key) == (scope, key)


def test_it_is_told_once_keeps_its_peak_and_resolves() -> None:
    windows, history = ordinary(), MemoryHistory()
    windows.add(burst("Quiet Co", NOW - HOUR))
    running = engine(windows, history)
    (fired,) = running.evaluate(NOW)
    windows.add([Story(NOW + 5 * MINUTE, "Quiet Co", 1.0, "It gets worse")])
    assert running.evaluate(NOW + 10 * MINUTE) == []
    peak = history.latest()[fired.alert_id]
    assert peak.value == pytest.approx(fired.value + 1)
    assert peak.evidence[0].title == "It gets worse"
    assert running.evaluate(NOW + 20 * HOUR) == []
    peak = history.latest()[fired.alert_id]
    (over,) = running.evaluate(NOW + 30 * HOUR)
    assert (over.alert_id, over.state) == (fired.alert_id, "resolved")
    assert over.resolved_at == NOW + 30 * HOUR
    assert over.value == peak.value


def test_a_second_episode_is_a_new_alert_of_the_same_fingerprint() -> None:
    windows, history = ordinary(), MemoryHistory()
    windows.add(burst("Quiet Co", NOW - HOUR))
    running = engine(windows, history)
    (first,) = running.evaluate(NOW)
    running.evaluate(NOW + 2 * DAY)
    windows.add(burst("Quiet Co", NOW + 3 * DAY, 40))
    (second,) = running.evaluate(NOW + 3 * DAY + HOUR)
    assert second.fingerprint == first.fingerprint
    assert second.alert_id != first.alert_id


def test_a_burst_that_lasts_for_days_stays_one_alert() -> None:
    windows, history = ordinary(), MemoryHistory()
    windows.add(flow("Quiet Co", NOW - 3 * HOUR, NOW + 3 * DAY, HOUR))
    running = engine(windows, history)
    hours = range(0, 72, 6)
    states = [alert.state for i in hours for alert in running.evaluate(NOW + 3 * HOUR + i * HOUR)]
    assert states == ["firing"]


def test_for_holds_an_alert_back_and_a_short_burst_tells_nobody() -> None:
    rule = replace(RULE, window_seconds=3600, baseline_seconds=14 * 86_400, for_seconds=600)
    windows, history = ordinary(), MemoryHistory()
    windows.add(burst("Quiet Co", NOW - 5 * MINUTE, 5) + burst("Quiet Co", NOW - 5 * MINUTE, 5))
    running = engine(windows, history, rule)
    (pending,) = running.evaluate(NOW)
    assert (pending.state, pending.fired_at, pending.evidence) == ("pending", None, ())
    assert running.evaluate(NOW + 9 * MINUTE) == []
    (fired,) = running.evaluate(NOW + 10 * MINUTE)
    assert (fired.state, fired.started_at, fired.fired_at) == ("firing", NOW, NOW + 10 * MINUTE)
    assert fired.alert_id == pending.alert_id
    assert fired.evidence

    short, quiet = engine(windows, quiet_history := MemoryHistory(), rule), NOW + 2 * HOUR
    short.evaluate(NOW)
    (over,) = short.evaluate(quiet)
    assert (over.state, over.fired_at) == ("resolved", None)
    assert quiet_history.active_alerts() == []


def test_keep_firing_for_bridges_a_calm_hour() -> None:
    rule = replace(RULE, window_seconds=3600, baseline_seconds=14 * 86_400, keep_firing_for_seconds=7200)
    windows, history = ordinary(), MemoryHistory()
    windows.add(burst("Quiet Co", NOW - 20 * MINUTE))
    running = engine(windows, history, rule)
    (fired,) = running.evaluate(NOW)
    assert running.evaluate(NOW + 30 * MINUTE) == []  # still holds: counts from here
    assert running.evaluate(NOW + 2 * HOUR + 29 * MINUTE) == []
    (over,) = running.evaluate(NOW + 2 * HOUR + 30 * MINUTE)
    assert (over.alert_id, over.state) == (fired.alert_id, "resolved")


def test_a_restart_neither_repeats_nor_loses() -> None:
    windows, history = ordinary(), MemoryHistory()
    windows.add(burst("Quiet Co", NOW - HOUR))
    (fired,) = engine(windows, history).evaluate(NOW)
    assert engine(windows, history).evaluate(NOW + MINUTE) == []
    (over,) = engine(windows, history).evaluate(NOW + 2 * DAY)
    assert (over.alert_id, over.state) == (fired.alert_id, "resolved")


def test_a_feed_that_is_down_resolves_nothing() -> None:
    windows, history = ordinary(end=NOW), MemoryHistory()
    windows.add(burst("Quiet Co", NOW - HOUR))
    running = engine(windows, history)
    running.evaluate(NOW)
    assert running.evaluate(NOW + 2 * DAY) == []
    assert [a.state for a in history.active_alerts()] == ["firing"]
    windows.add(flow("Loud Co", NOW + 2 * DAY, NOW + 4 * DAY, HOUR))
    running.evaluate(NOW + 3 * DAY)
    assert [a.key for a in history.versions if a.state == "resolved"] == ["Quiet Co"]


def test_late_data_count_while_their_window_is_open_and_backfill_raises_nothing() -> None:
    windows = ordinary()
    running = engine(windows)
    assert running.evaluate(NOW) == []
    windows.add(burst("Quiet Co", NOW - 20 * HOUR))  # arrives a day late, but within the window
    assert [a.key for a in running.evaluate(NOW + MINUTE)] == ["Quiet Co"]
    windows.add(burst("Loud Co", NOW - 10 * DAY, 200))  # history filled in afterwards
    assert running.evaluate(NOW + 2 * MINUTE) == []


def test_an_earlier_now_is_ignored_even_after_a_restart() -> None:
    windows, history = ordinary(), MemoryHistory()
    windows.add(burst("Quiet Co", NOW - HOUR))
    running = engine(windows, history)
    running.evaluate(NOW)
    before = list(history.versions)
    windows.add(burst("New Co", NOW - 5 * DAY - HOUR))  # would fire if that day were evaluated
    assert running.evaluate(NOW - 5 * DAY) == []
    assert engine(windows, history).evaluate(NOW - 5 * DAY) == []
    assert history.versions == before


def test_a_rule_that_is_gone_or_relabelled_ends_its_alerts() -> None:
    windows, history = ordinary(), MemoryHistory()
    windows.add(burst("Quiet Co", NOW - HOUR))
    (fired,) = engine(windows, history).evaluate(NOW)
    relabelled = replace(RULE, labels={"team": "desk"})
    old, new = sorted(engine(windows, history, relabelled).evaluate(NOW + MINUTE), key=lambda a: a.state)[
        ::-1
    ]
    assert (old.alert_id, old.state) == (fired.alert_id, "resolved")
    assert (new.state, new.labels["team"]) == ("firing", "desk")
    (gone,) = Engine([], windows, history).evaluate(NOW + 2 * MINUTE)
    assert (gone.alert_id, gone.state) == (new.alert_id, "resolved")


def test_a_failed_read_saves_nothing_and_the_next_evaluation_makes_up_for_it() -> None:
    class Failing(MemoryWindows):
        broken = True

        def evidence(self, *arguments: object) -> tuple[()]:  # type: ignore[override]  # one outage, any arguments
            if self.broken:
                raise Unavailable("store: connection refused")
            return ()

    windows, history = Failing(ordinary().stories), MemoryHistory()
    windows.add(burst("Quiet Co", NOW - HOUR))
    running = engine(windows, history)
    with pytest.raises(Unavailable):
        running.evaluate(NOW)
    assert history.versions == []
    windows.broken = False
    assert [a.state for a in running.evaluate(NOW)] == ["firing"]


def test_fingerprints_do_not_change_between_versions() -> None:
    """Receivers and histories hold them."""
    windows = ordinary()
    windows.add(burst("Quiet Co", NOW - HOUR))
    (alert,) = engine(windows).evaluate(NOW)
    assert alert.fingerprint == "594af6e55a56c5bb"
