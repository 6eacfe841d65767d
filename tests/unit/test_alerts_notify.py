"""The notifier: each receiver on its own, retried with back-off, told once."""

import logging
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from prometheus_client import REGISTRY

from alerts.notify import Notifier
from alerts.receivers.words import (
    bars_of,
    one_line,
    safe_link,
    say_count,
    say_odds,
    sparkline,
    summarise,
)
from tests.unit.alerts_memory import START, MemoryHistory
from tidings.errors import TidingsError, Unavailable
from tidings.types import Alert, Window

FIRING = Alert(
    alert_id="f00d-20240101T000000Z",
    fingerprint="f00d",
    rule="spike",
    scope="entity",
    key="Northgate Bank",
    severity="critical",
    state="firing",
    value=23.2,
    expected=0.81,
    p_value=2e-12,
    window_seconds=600,
    started_at=START,
    fired_at=START,
    unsent=("email", "webhook"),
)


@dataclass
class Turned:
    """A clock that tests turn."""

    at: datetime = START

    def now(self) -> datetime:
        return self.at


@dataclass
class Inbox:
    """A receiver that keeps what it gets, or raises what it is told to."""

    name: str
    error: Exception | None = None
    tried: int = 0
    got: list[Alert] = field(default_factory=list)

    def send(self, alert: Alert) -> None:
        self.tried += 1
        if self.error:
            raise self.error
        self.got.append(alert)


def _count(receiver: str, outcome: str) -> float:
    labels = {"receiver": receiver, "outcome": outcome}
    return REGISTRY.get_sample_value("tidings_alerts_notifications_total", labels) or 0.0


def _notifier(history: MemoryHistory, *inboxes: Inbox, clock: Turned | None = None) -> Notifier:
    return Notifier(history, inboxes, clock or Turned(), jitter=lambda: 1.0)


def test_each_receiver_is_told_once() -> None:
    history, email, webhook = MemoryHistory([FIRING]), Inbox("email"), Inbox("webhook")
    notifier = _notifier(history, email, webhook)
    before = _count("email", "sent")
    assert (notifier.flush(), notifier.flush()) == (2, 0)
    assert [a.alert_id for a in email.got + webhook.got] == [FIRING.alert_id] * 2
    assert history.latest()[FIRING.alert_id].unsent == ()
    assert _count("email", "sent") == before + 1


def test_one_receivers_failure_never_stops_another() -> None:
    for error in (Unavailable("down"), TidingsError("refused"), KeyError("a defect")):
        history, email, webhook = MemoryHistory([FIRING]), Inbox("email", error), Inbox("webhook")
        assert _notifier(history, email, webhook).flush() == 1
        assert len(webhook.got) == 1


def test_an_unavailable_receiver_is_tried_again_ever_more_slowly() -> None:
    history, email, clock = MemoryHistory([replace(FIRING, unsent=("email",))]), Inbox("email"), Turned()
    email.error = Unavailable("SMTP server mail:25: cannot be reached")
    notifier = _notifier(history, email, clock=clock)
    tries = []
    for second in range(0, 4000):
        clock.at = START + timedelta(seconds=second)
        before = email.tried
        notifier.flush()
        if email.tried > before:
            tries.append(second)
    assert tries[:7] == [0, 5, 15, 35, 75, 155, 315]
    assert max(b - a for a, b in pairwise(tries)) == 900
    email.error = None
    clock.at += timedelta(seconds=900)
    assert notifier.flush() == 1
    assert history.active_alerts()[0].unsent == ()


def test_a_receiver_found_down_is_asked_once_a_flush() -> None:
    alerts = [replace(FIRING, alert_id=f"f00d-{i}", unsent=("email",)) for i in range(5)]
    email = Inbox("email", Unavailable("down"))
    notifier = _notifier(MemoryHistory(alerts), email)
    assert notifier.flush() == 0
    assert email.tried == 1
    email.error = None
    assert notifier.flush() == 4  # the first one waits for its turn


def test_a_permanent_error_is_given_up_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    history = MemoryHistory([replace(FIRING, unsent=("email",))])
    email = Inbox("email", TidingsError("refused every recipient (code 550)"))
    notifier = _notifier(history, email)
    before = _count("email", "failed")
    with caplog.at_level(logging.ERROR):
        assert (notifier.flush(), notifier.flush(), email.tried) == (0, 0, 1)
    assert [r.getMessage() for r in caplog.records] == [
        f"alert {FIRING.alert_id}: firing cannot be sent to email and is given up: "
        "refused every recipient (code 550)"
    ]
    assert history.active_alerts()[0].unsent == ()
    assert _count("email", "failed") == before + 1


def test_a_defect_is_retried_without_logging_its_text(caplog: pytest.LogCaptureFixture) -> None:
    history = MemoryHistory([replace(FIRING, unsent=("email",))])
    _notifier(history, Inbox("email", KeyError("https://hooks.example/secret"))).flush()
    assert "secret" not in caplog.text
    assert "unexpected KeyError" in caplog.text
    assert history.active_alerts()[0].unsent == ("email",)


def test_who_could_not_hear_of_the_firing_gets_one_message_when_it_is_over() -> None:
    history, email = MemoryHistory([replace(FIRING, unsent=("email",))]), Inbox("email", Unavailable("down"))
    notifier = _notifier(history, email)
    notifier.flush()
    end = START + timedelta(hours=1)
    history.save_alerts([replace(FIRING, state="resolved", resolved_at=end, unsent=("email",))])
    email.error = None
    assert (notifier.flush(), notifier.flush()) == (1, 0)  # at once: the back-off was for 'firing'
    assert [(a.state, a.fired_at, a.resolved_at) for a in email.got] == [("resolved", START, end)]
    assert history.active_alerts() == []


def test_a_failed_save_does_not_send_twice() -> None:
    class Unsaved(MemoryHistory):
        broken = True

        def save_alerts(self, alerts: object) -> None:
            if self.broken:
                raise Unavailable("store: connection refused")
            super().save_alerts(alerts)  # type: ignore[arg-type]  # the outage takes anything

    history, email = Unsaved([replace(FIRING, unsent=("email",))]), Inbox("email")
    notifier = _notifier(history, email)
    with pytest.raises(Unavailable):
        notifier.flush()
    history.broken = False
    assert notifier.flush() == 0
    assert len(email.got) == 1
    assert history.active_alerts()[0].unsent == ()


def test_pending_alerts_are_not_sent_and_removed_receivers_are_forgotten() -> None:
    pending = replace(FIRING, state="pending", alert_id="p", unsent=("email",))
    gone = replace(FIRING, alert_id="g", unsent=("pager",))
    history, email = MemoryHistory([pending, gone]), Inbox("email")
    assert _notifier(history, email).flush() == 0
    assert history.latest()["g"].unsent == ()
    assert email.tried == 0


@pytest.mark.parametrize(
    ("p_value", "words"),
    [
        (0.0, "less than 1 in a billion"),
        (2e-12, "less than 1 in a billion"),
        (3e-4, "about 1 in 3,300"),
        (1e-3, "about 1 in 1,000"),
        (4e-7, "about 1 in 2.5 million"),
        (1.0, "about 1 in 1"),
    ],
)
def test_odds_in_words(p_value: float, words: str) -> None:
    assert say_odds(p_value) == words


def test_counts_in_words() -> None:
    assert [say_count(v) for v in (0.008, 0.81, 4.0, 23.2, 1234.0)] == [
        *("fewer than 0.1", "0.8", "4.0", "23", "1,234")
    ]


def test_the_summary_names_the_key_the_count_and_what_is_usual() -> None:
    assert summarise(FIRING) == "negative stories on Northgate Bank: 23 in 10 minutes (expected 0.8)"
    assert "on the topic Macro:" in summarise(replace(FIRING, scope="topic", key="Macro"))
    assert "on the whole stream:" in summarise(replace(FIRING, scope="all", key=""))


def test_text_from_outside_is_made_harmless() -> None:
    assert one_line("a\r\nBcc: x\x00 \u202eb\ud800") == "a Bcc: x b"
    assert one_line("x" * 400, 10) == "x" * 9 + "…"
    assert safe_link("https://news.example/a?b=1#c") == "https://news.example/a?b=1#c"
    for bad in (
        *("javascript:alert(1)", "data:text/html,x", "//x.example", "https://", "ftp://x.example"),
        *(
            "https://bank.example@evil.example/",
            "https://[",
            "https://x.example/\n",
            'https://x.example/"on=',
        ),
    ):
        assert safe_link(bad) == ""


def test_the_chart_marks_the_alerts_own_window() -> None:
    series = [
        Window("entity", "K", START + i * timedelta(minutes=5), 300, negative_story_sum=float(i))
        for i in range(5)
    ]
    bars = bars_of(series, 600)
    assert [bar.present for bar in bars] == [False, False, False, True, True]
    assert [bar.height for bar in bars] == [0, 0.25, 0.5, 0.75, 1]
    assert sparkline(series) == "·▃▅▇█"
    assert bars_of((), 600) == []
    assert sparkline([replace(series[0])]) == "·"
