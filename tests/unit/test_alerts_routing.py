"""Who is told of what, and when: grouping, repeats, silences, mute times, inhibition, storms."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from alerts.matching import parse_inhibition, parse_matchers, silence_of
from alerts.mute_times import parse_mute_time
from alerts.routing import Policy, Situation, due, held, make_policy, why_quiet
from tests.unit.alerts_memory import DAY, HOUR, MINUTE, START
from tests.unit.outbox_memory import alert_of, ended
from tidings.errors import ConfigError
from tidings.settings import RoutingSettings
from tidings.types import Acknowledgement, Alert, Notification, Silence, Told

A, B, C = (alert_of(key) for key in "ABC")
BY_SCOPE = Policy(group_by=("scope",), group_wait=MINUTE, group_interval=5 * MINUTE, repeat_interval=4 * HOUR)


def told(*notes: Notification) -> list[Told]:
    return [
        Told(n.notification_id, n.receiver, n.group, n.reason, n.created_at, {a.alert_id: a.state for a in n.alerts})
        for n in notes
    ]  # fmt: skip


def at(
    now: datetime, alerts: list[Alert], past: list[Told], policy: Policy, **said: object
) -> list[Notification]:
    return due(Situation(alerts, past, **said), ["email"], policy, now)  # type: ignore[arg-type]  # its fields


def said(notes: list[Notification]) -> list[tuple[str, list[tuple[str, str]]]]:
    return [(note.reason, [(a.key, a.state) for a in note.alerts]) for note in notes]


def test_as_it_comes_each_alert_is_told_at_once_by_itself_and_so_is_its_end() -> None:
    first = at(START, [A, B], [], Policy())
    assert said(first) == [("firing", [("A", "firing")]), ("firing", [("B", "firing")])]
    assert at(START + DAY, [A, B], told(*first), Policy()) == []
    over = at(START + HOUR, [ended(A, START + HOUR), B], told(*first), Policy())
    assert said(over) == [("resolved", [("A", "resolved")])]
    assert at(START + DAY, [ended(A, START + HOUR), B], told(*first, *over), Policy()) == []


def test_who_was_not_told_of_the_firing_is_not_told_of_the_end() -> None:
    assert at(START, [ended(A, START)], [], Policy()) == []
    assert at(START, [replace(A, state="pending", fired_at=None)], [], Policy()) == []


def test_a_group_waits_and_then_tells_of_changes_at_intervals() -> None:
    assert at(START + 59 * timedelta(seconds=1), [A, B], [], BY_SCOPE) == []
    first = at(START + MINUTE, [A, B], [], BY_SCOPE)
    assert said(first) == [("firing", [("A", "firing"), ("B", "firing")])]
    later = [ended(A, START), B, replace(C, fired_at=START + 2 * MINUTE)]
    assert at(START + 3 * MINUTE, later, told(*first), BY_SCOPE) == []
    second = at(START + 6 * MINUTE, later, told(*first), BY_SCOPE)
    assert said(second) == [("changed", [("C", "firing"), ("A", "resolved")])]
    third = at(START + 11 * MINUTE, [ended(B, START), ended(C, START)], told(*first, *second), BY_SCOPE)
    assert said(third) == [("resolved", [("B", "resolved"), ("C", "resolved")])]


def test_what_lasts_is_repeated_until_somebody_has_seen_it() -> None:
    first = at(START + MINUTE, [A, B], [], BY_SCOPE)
    when = START + MINUTE + 4 * HOUR
    assert at(when - MINUTE, [A, B], told(*first), BY_SCOPE) == []
    again = at(when, [A, B], told(*first), BY_SCOPE)
    assert said(again) == [("repeat", [("A", "firing"), ("B", "firing")])]
    third = at(when + 4 * HOUR, [A, B], told(*first, *again), BY_SCOPE)
    assert len({note.notification_id for note in (*first, *again, *third)}) == 3
    seen = [Acknowledgement("A-1", "kim", "", START)]
    assert said(at(when, [A, B], told(*first), BY_SCOPE, acknowledgements=seen)) == [
        ("repeat", [("B", "firing")])
    ]
    over = at(when, [ended(A, when), B], told(*first), BY_SCOPE, acknowledgements=seen)
    assert said(over) == [("resolved", [("A", "resolved")])]


def test_a_snoozed_alert_is_not_told_until_then() -> None:
    first = at(START, [A], [], Policy())
    snooze = [Acknowledgement("A-1", "kim", "", START, START + HOUR)]
    over = [ended(A, START + MINUTE)]
    assert at(START + 2 * MINUTE, over, told(*first), Policy(), acknowledgements=snooze) == []
    assert said(at(START + HOUR, over, told(*first), Policy(), acknowledgements=snooze)) == [
        ("resolved", [("A", "resolved")])
    ]


def test_a_silence_holds_what_matches_all_its_matchers_until_it_ends() -> None:
    silence = Silence("s", {"key": "A*", "severity": "critical"}, "kim", "known", START, START + HOUR)
    assert said(at(START, [A, B], [], Policy(), silences=[silence])) == [("firing", [("B", "firing")])]
    assert said(at(START + HOUR, [A], [], Policy(), silences=[silence])) == [("firing", [("A", "firing")])]
    assert silence_of(A, [silence], START - MINUTE) is None
    assert silence_of(A, [replace(silence, matchers={"team": "x"})], START) is None
    why = held(Situation([A, B], silences=[silence]), Policy(), START)
    assert why == {"A-1": "silenced by kim until 2024-01-01 01:00 UTC: known"}


def test_a_market_wide_alert_mutes_its_entities_and_not_their_end() -> None:
    policy = Policy(inhibitions=(parse_inhibition("scope=all > scope=entity", "x"),))
    market = alert_of("", scope="all", alert_id="m", labels={"scope": "all", "key": ""})
    first = at(START, [A], [], policy)
    notes = at(START, [market, ended(A, START), B], told(*first), policy)
    assert sorted(said(notes)) == [("firing", [("", "firing")]), ("resolved", [("A", "resolved")])]
    assert said(at(START, [ended(market, START), B], [], policy)) == [("firing", [("B", "firing")])]
    both = Policy(inhibitions=(parse_inhibition("severity=critical > severity=critical", "x"),))
    assert len(at(START, [A, B], [], both)) == 2, "no two alerts mute each other"


def test_a_mute_time_may_be_for_some_alerts_or_one_receiver() -> None:
    always = "Mon-Sun 00:00-24:00 UTC"
    policy = Policy(mute_times=(parse_mute_time(f"{always} receiver=email; key=A", "x"),))
    notes = due(Situation([A, B]), ["email", "pager"], policy, START)
    assert [(n.receiver, n.alerts[0].key) for n in notes] == [("email", "B"), ("pager", "A"), ("pager", "B")]


def test_a_storm_becomes_one_digest_and_nothing_is_lost() -> None:
    policy = Policy(storm_limit=3)
    many = [alert_of(f"k{i}") for i in range(10)]
    first = at(START, many[:3], [], policy)
    assert [note.reason for note in first] == ["firing"] * 3
    (digest,) = at(START + MINUTE, many, told(*first), policy)
    assert (digest.reason, digest.group) == ("digest", "digest")
    assert [alert.key for alert in digest.alerts] == [f"k{i}" for i in range(3, 10)]
    past = told(*first, digest)
    assert at(START + MINUTE, many, past, policy) == []
    over = [ended(alert, START) for alert in many]
    (end,) = at(START + 2 * MINUTE, over, past, policy)
    assert (end.reason, len(end.alerts)) == ("digest", 10)
    assert len(at(START + HOUR, over, past[:3], policy)) == 3, "the storm is over"


def test_a_storm_that_comes_one_by_one_is_told_at_most_once_a_minute() -> None:
    policy = Policy(storm_limit=5)
    past: list[Told] = []
    for second in range(0, 600, 5):  # an alert every five seconds, as fast as it is looked
        now = START + timedelta(seconds=second)
        alerts = [alert_of(f"k{i}", START + timedelta(seconds=i)) for i in range(0, second + 1, 5)]
        past += told(*at(now, alerts, past, policy))
    assert len(past) <= policy.storm_limit + 10
    last = at(START + 11 * MINUTE, alerts, past, policy)
    heard = [alert_id for one in [*past, *told(*last)] for alert_id in one.states]
    assert sorted(heard) == sorted(alert.alert_id for alert in alerts), "each once, none lost"


def test_why_an_alert_is_not_told_is_said() -> None:
    always = "Mon-Sun 00:00-24:00 UTC"
    policy = make_policy(
        RoutingSettings(
            inhibit=("scope=all > key=B",),
            mute_times=(f"{always} receiver=desk; key=A", f"{always} key=B", "Mon 23:00-23:30 UTC"),
        )
    )
    silence = Silence("s", {"key": "A"}, "kim", "known", START, START + HOUR)
    market = alert_of("", scope="all", alert_id="m", labels={"scope": "all", "key": ""})
    situation = Situation([A, B, C, market], silences=[silence])
    first, second = why_quiet(A, situation, policy, START)
    assert first == "silenced by kim until 2024-01-01 01:00 UTC: known"
    assert second == f"mute time '{always} receiver=desk; key=A' (to desk): quiet for more than a year"
    assert why_quiet(B, situation, policy, START)[0] == "inhibited by another alert"
    assert len(why_quiet(B, situation, policy, START)) == 2
    assert why_quiet(C, situation, policy, START) == []
    assert why_quiet(ended(A, START), situation, policy, START) == []


def test_a_receiver_is_told_whatever_another_was_told() -> None:
    first = due(Situation([A]), ["email"], Policy(), START)
    both = due(Situation([A], told(*first)), ["webhook", "email"], Policy(), START)
    assert [note.receiver for note in both] == ["webhook"]
    assert both[0].notification_id != first[0].notification_id


@pytest.mark.parametrize(
    "text",
    [
        *("", "Mon", "Mon 1:0-2:00 UTC", "Mon 01:00-02:00 Mars/X", "Foo 01:00-02:00 UTC"),
        *("Mon 01:00-25:00 UTC", "2026-13-01 01:00-02:00 UTC", "Mon 01:00-02:00 UTC key"),
    ],
)
def test_a_wrong_mute_time_names_the_setting(text: str) -> None:
    with pytest.raises(ConfigError, match=r"routing\.mute_times"):
        make_policy(RoutingSettings(mute_times=(text,)))


def test_wrong_matchers_name_the_setting() -> None:
    with pytest.raises(ConfigError, match=r"routing\.inhibit: .* MATCHERS > MATCHERS"):
        make_policy(RoutingSettings(inhibit=("scope=all",)))
    with pytest.raises(ConfigError, match="'key' is no matcher"):
        parse_matchers("scope=all; key", "--matcher")
    assert parse_matchers(" key = North*; scope=entity", "x") == {"key": "North*", "scope": "entity"}
