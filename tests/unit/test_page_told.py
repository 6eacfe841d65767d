"""What the page says of who was told: what became of each message, and why an alert is not told now."""

from dataclasses import replace
from datetime import timedelta

import pytest

from alerts.routing import Situation, due, make_policy
from dashboards.page.language import Words
from dashboards.page.reads_told import Delivery
from dashboards.page.told import outcome, said_of
from service.page_alert import quiet
from tests.items import T0
from tidings.quiet import Quiet
from tidings.settings import RoutingSettings
from tidings.types import Acknowledgement, Alert, Silence

EN, ZH = Words("en"), Words("zh")
HOUR = timedelta(hours=1)
ALERT = Alert(
    "A", "f" * 16, "rule", "entity", "Acme Corp", "warning", "firing", 9, 1, 0.001, 600, T0,
    fired_at=T0, labels={"scope": "entity", "key": "Acme Corp"},
)  # fmt: skip
WHOLE = replace(ALERT, alert_id="B", scope="all", key="", labels={"scope": "all", "key": ""})
SILENCE = Silence("s", {"key": "Acme*"}, "kim", "known", T0 - HOUR, T0 + HOUR)
SNOOZE = Acknowledgement("A", "lee", "", T0, T0 + HOUR)
MUTE = "Mon-Sun 00:00-24:00 UTC receiver=desk"
ALWAYS = RoutingSettings(mute_times=(MUTE,))
INHIBIT = RoutingSettings(inhibit=("scope=all > scope=entity",))


def test_nothing_keeps_it_quiet() -> None:
    later = RoutingSettings(mute_times=("Mon-Sun 17:00-18:00 UTC",))
    over = [replace(SILENCE, ends_at=T0)]
    woken = replace(SNOOZE, snoozed_until=T0)
    for settings in (RoutingSettings(), later, INHIBIT):
        assert quiet(ALERT, woken, over, [ALERT], make_policy(settings), ["desk"], T0) == []


@pytest.mark.parametrize(
    ("settings", "seen", "silences", "expected"),
    [
        (RoutingSettings(), None, [SILENCE], Quiet("silenced", "kim", T0 + HOUR, "known")),
        (RoutingSettings(), SNOOZE, [], Quiet("snoozed", "lee", T0 + HOUR)),
        (INHIBIT, None, [], Quiet("inhibited")),
        (ALWAYS, None, [], Quiet("muted", "desk", why=MUTE)),
    ],
)
def test_each_reason_for_quiet_is_one_that_routing_knows(
    settings: RoutingSettings, seen: Acknowledgement | None, silences: list[Silence], expected: Quiet
) -> None:
    policy = make_policy(settings)
    found = quiet(ALERT, seen, silences, [ALERT, WHOLE], policy, ["desk", "wall"], T0)
    assert found == [expected]
    situation = Situation([ALERT, WHOLE], silences=silences, acknowledgements=[seen] if seen else [])
    told = {note.receiver for note in due(situation, ["desk", "wall"], policy, T0) if ALERT in note.alerts}
    assert told == ({"wall"} if expected.kind == "muted" else set()), "routing tells nobody else"
    assert quiet(replace(ALERT, state="resolved"), seen, silences, [WHOLE], policy, ["desk"], T0) == []
    assert said_of(expected, EN) != said_of(expected, ZH)


def test_reasons_in_words() -> None:
    assert said_of(Quiet("silenced", "kim", T0, "known"), EN) == "by kim until 2 Mar 2026, 09:00 UTC: known"
    assert said_of(Quiet("muted", "desk, wall"), EN) == "desk, wall (mute time)"


def test_what_became_of_a_message() -> None:
    sent = Delivery("desk", "firing", 0, "sent", 1, T0, None, T0, "")
    assert outcome(sent, EN) == "delivered 2 Mar 2026, 09:00 UTC"
    again = replace(sent, state="waiting", sent_at=None, next_attempt_at=T0, attempts=2, error="503")
    assert outcome(again, EN) == "not delivered (attempts: 2); tried again 2 Mar 2026, 09:00 UTC: 503"
    failed = replace(again, state="failed", next_attempt_at=None, error="404 Not Found")
    assert outcome(failed, EN).endswith("2 Mar 2026, 09:00 UTC: 404 Not Found")
    for state in ("waiting", "sent", "failed", "dropped"):
        one = replace(sent, state=state)
        assert outcome(one, EN) != outcome(one, ZH)
