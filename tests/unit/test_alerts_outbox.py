"""The outbox: written before it is sent, marked after, retried, told once, and no receiver delays another."""

import logging
import time
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from alerts.courier import Courier
from alerts.outbox import Outbox
from alerts.routing import Policy
from tests.unit.alerts_memory import HOUR, MINUTE, START
from tests.unit.outbox_memory import Inbox, MemoryLog, Turned, alert_of, ended
from tidings.errors import TidingsError, Unavailable
from tidings.types import Notification

A, B = alert_of("A"), alert_of("B")


def outbox_of(
    log: MemoryLog, *inboxes: Inbox, clock: Turned | None = None, policy: Policy | None = None
) -> Outbox:
    return Outbox(log, inboxes, policy, clock or Turned(), jitter=lambda: 1.0)


def run(outbox: Outbox) -> None:
    outbox.run()
    assert outbox.wait(10)


def note_of(name: str, *alerts: object, at: float = 0) -> Notification:
    return Notification(name, "email", "g", "firing", alerts, START + timedelta(seconds=at))  # type: ignore[arg-type]  # alerts


def courier_of(log: MemoryLog, inbox: Inbox, clock: Turned, *waiting: Notification) -> Courier:
    """A courier without its thread, so that a test takes each step."""
    courier = Courier(inbox, log.save_notifications, clock, lambda: 1.0, lambda: True)
    courier._waiting = {note.notification_id: note for note in waiting}
    return courier


def _count(receiver: str, outcome: str) -> float:
    labels = {"receiver": receiver, "outcome": outcome}
    return REGISTRY.get_sample_value("tidings_alerts_notifications_total", labels) or 0.0


def test_each_receiver_is_told_once_of_each_state() -> None:
    log, email, webhook = MemoryLog(), Inbox("email"), Inbox("webhook")
    before = _count("email", "sent")
    outbox = outbox_of(log, email, webhook)
    log.put(A)
    run(outbox)
    run(outbox)
    log.put(ended(A, START + HOUR))
    run(outbox)
    run(outbox)
    assert email.heard == webhook.heard == [("A-1", "firing"), ("A-1", "resolved")]
    assert {note.state for note in log.notes.values()} == {"sent"}
    assert _count("email", "sent") == before + 2
    outbox.stop()


def test_it_is_written_before_it_is_sent() -> None:
    class Careful(Inbox):
        def send(self, notification: Notification) -> None:
            super().send(notification)
            states.append(log.notes[notification.notification_id].state)

    states: list[str] = []
    log = MemoryLog()
    log.put(A)
    run(outbox_of(log, Careful("email")))
    assert states == ["waiting"]


def test_a_crash_between_sending_and_marking_repeats_the_same_key() -> None:
    log, first, second = MemoryLog(), Inbox("email"), Inbox("email")
    log.put(A)
    dying = outbox_of(log, first)
    dying._write_due()
    (note,) = log.waiting_notifications()
    first.send(note)  # … and the process is killed
    run(outbox_of(log, second))
    assert [n.notification_id for n in first.got] == [n.notification_id for n in second.got]
    run(outbox_of(log, third := Inbox("email")))
    assert third.got == []


def test_two_processes_that_write_at_once_write_the_same_notification() -> None:
    log, other = MemoryLog(), MemoryLog()
    for one in (log, other):
        one.put(A, B)
        outbox_of(one, Inbox("email"))._write_due()
    assert log.notes.keys() == other.notes.keys()


def test_an_unavailable_receiver_is_tried_again_ever_more_slowly() -> None:
    log, clock = MemoryLog(), Turned()
    email = Inbox("email", Unavailable("SMTP server mail:25: cannot be reached"))
    courier = courier_of(log, email, clock, note_of("n", A))
    tries = []
    for second in range(4000):
        clock.at = START + timedelta(seconds=second)
        before = email.tried
        courier.step()
        if email.tried > before:
            tries.append(second)
    assert tries[:7] == [0, 5, 15, 35, 75, 155, 315]
    assert max(b - a for a, b in pairwise(tries)) == 900
    kept = log.notes["n"]
    assert (kept.state, kept.attempts) == ("waiting", len(tries))
    assert kept.error == "SMTP server mail:25: cannot be reached"
    email.error = None
    clock.at += timedelta(seconds=900)
    courier.step()
    assert (log.notes["n"].state, log.notes["n"].error, log.notes["n"].sent_at) == ("sent", "", clock.at)


@pytest.mark.parametrize(("asked", "waits"), [(60.0, 60), (1.0, 5), (1e9, 3600)])
def test_it_waits_as_long_as_it_is_asked_to(asked: float, waits: float) -> None:
    log, clock = MemoryLog(), Turned()
    email = Inbox("email", Unavailable("429", retry_after_seconds=asked))
    courier = courier_of(log, email, clock, note_of("n", A), note_of("o", B))
    courier.step()
    assert log.notes["n"].next_attempt_at == START + timedelta(seconds=waits)
    clock.at = START + timedelta(seconds=waits - 1)
    assert courier.step() == 1
    assert email.tried == 1, "the others wait as well"


def test_others_are_tried_while_one_waits() -> None:
    class Poisoned(Inbox):
        def send(self, notification: Notification) -> None:
            self.error = Unavailable("500") if notification.notification_id == "n" else None
            super().send(notification)

    log, clock, email = MemoryLog(), Turned(), Poisoned("email")
    courier = courier_of(log, email, clock, note_of("n", A), note_of("o", B, at=1))
    courier.step()
    clock.at += timedelta(seconds=5)
    courier.step()
    clock.at += timedelta(seconds=5)
    courier.step()
    assert [note.notification_id for note in email.got] == ["o"]


def test_a_permanent_error_is_given_up_and_stays_visible(caplog: pytest.LogCaptureFixture) -> None:
    log, email = MemoryLog(), Inbox("email", TidingsError("refused every recipient (code 550)"))
    log.put(A)
    outbox, before = outbox_of(log, email), _count("email", "failed")
    with caplog.at_level(logging.ERROR):
        run(outbox)
        run(outbox)
    (note,) = log.notes.values()
    assert (note.state, note.error, email.tried) == ("failed", "refused every recipient (code 550)", 1)
    assert [r.getMessage() for r in caplog.records] == [
        f"notification {note.notification_id} (firing) cannot be sent to email and is given up: "
        "refused every recipient (code 550)"
    ]
    assert _count("email", "failed") == before + 1
    outbox.stop()


def test_what_was_given_up_is_tried_once_more_by_the_next_process_while_it_matters() -> None:
    log, clock, refuses = MemoryLog(), Turned(), TidingsError("answered 403")
    log.put(A, B)
    first = outbox_of(log, Inbox("chat", refuses), Inbox("email"), clock=clock)
    run(first)
    clock.at = START + HOUR
    run(first)
    assert sorted(note.state for note in log.notes.values()) == ["failed", "failed", "sent", "sent"]
    log.put(ended(B, START + HOUR))
    run(outbox_of(log, chat := Inbox("chat"), email := Inbox("email"), clock=clock))
    assert sorted(chat.heard) == [("A-1", "firing"), ("B-1", "resolved")]
    assert email.heard == [("B-1", "resolved")]
    run(outbox_of(log, again := Inbox("chat"), Inbox("email"), clock=clock))
    assert again.got == [], "sent is sent"
    assert "failed" in {note.state for note in log.notes.values()}, (
        "B's firing was never told, and stays visible"
    )


def test_what_was_given_up_and_told_later_is_not_tried_again() -> None:
    log, clock, policy = MemoryLog(), Turned(), Policy(repeat_interval=HOUR)
    log.put(A)
    inbox = Inbox("chat", TidingsError("answered 403"))
    outbox = outbox_of(log, inbox, clock=clock, policy=policy)
    run(outbox)
    inbox.error, clock.at = None, START + HOUR
    run(outbox)
    assert [note.reason for note in inbox.got] == ["repeat"]
    run(outbox_of(log, later := Inbox("chat"), clock=clock, policy=policy))
    assert later.got == []


def test_a_defect_is_retried_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    log, email = MemoryLog(), Inbox("email", KeyError("https://hooks.example/secret"))
    courier_of(log, email, Turned(), note_of("n", A)).step()
    assert "secret" not in caplog.text
    assert (log.notes["n"].state, log.notes["n"].error) == ("waiting", "unexpected KeyError")


def test_an_end_replaces_a_firing_that_could_not_be_told() -> None:
    log, clock, email = MemoryLog(), Turned(), Inbox("email", Unavailable("down"))
    firing, over = note_of("n", A), note_of("o", ended(A, START + HOUR), at=3600)
    courier = courier_of(log, email, clock, firing, note_of("b", A, B))
    courier.step()
    email.error = None
    clock.at = START + HOUR
    courier._waiting["o"] = over
    while courier.step() == 0:
        pass
    assert [note.notification_id for note in email.got] == ["b", "o"], "b tells of B too, and keeps its turn"
    assert log.notes["n"].state == "dropped"
    assert log.notes["n"].error == "replaced by o after: down"


def test_nothing_overtakes_an_earlier_one_about_the_same_alert() -> None:
    log, clock, email = MemoryLog(), Turned(), Inbox("email", Unavailable("down"))
    both, over = note_of("n", A, B), note_of("o", ended(A, START), at=1)
    courier = courier_of(log, email, clock, both, over)
    courier.step()
    clock.at = START + timedelta(seconds=5)
    courier.step()
    email.error = None
    clock.at = START + timedelta(seconds=12)  # n waits for 15, and the receiver may be tried
    assert courier.step() == 3
    clock.at = START + timedelta(seconds=15)
    while courier.step() == 0:
        pass
    assert [note.notification_id for note in email.got] == ["n", "o"]


def test_what_was_never_tried_is_not_dropped() -> None:
    log, email = MemoryLog(), Inbox("email")
    courier = courier_of(log, email, Turned(), note_of("n", A), note_of("o", ended(A, START), at=1))
    while courier.step() == 0:
        pass
    assert [note.notification_id for note in email.got] == ["n", "o"]


def test_a_failed_mark_does_not_send_twice() -> None:
    log, email, clock = MemoryLog(), Inbox("email"), Turned()
    courier = courier_of(log, email, clock, note_of("n", A))
    log.notes["n"] = note_of("n", A)
    log.down = True
    courier.step()
    assert (len(email.got), log.notes["n"].state) == (1, "waiting")
    courier.offer(log.waiting_notifications())  # the log still says that it waits
    log.down = False
    courier.step()
    assert (len(email.got), log.notes["n"].state) == (1, "sent")
    courier.stop(5)


def test_a_slow_or_failing_receiver_never_delays_another() -> None:
    class Hangs(Inbox):
        def send(self, notification: Notification) -> None:
            release.wait(20)

    release, log = Event(), MemoryLog()
    log.put(A, B)
    slow, broken, quick = Hangs("slow"), Inbox("broken", Unavailable("down")), Inbox("quick")
    outbox = outbox_of(log, slow, broken, quick)
    began = time.monotonic()
    outbox.run()
    while len(quick.got) < 2 and time.monotonic() < began + 10:
        time.sleep(0.005)
    assert quick.heard == [("A-1", "firing"), ("B-1", "firing")]
    assert time.monotonic() - began < 5
    assert not outbox.wait(0.05)
    release.set()
    outbox.stop()


def test_a_receiver_that_is_gone_is_forgotten() -> None:
    log = MemoryLog()
    log.put(A)
    outbox_of(log, Inbox("pager"))._write_due()
    run(outbox_of(log, Inbox("email")))
    states = {note.receiver: note.state for note in log.notes.values()}
    assert states == {"pager": "dropped", "email": "sent"}
    run(outbox_of(log, pager := Inbox("pager")))
    assert pager.heard == [("A-1", "firing")], "it is back, and was not told"


def test_an_engine_that_is_no_longer_the_active_one_sends_nothing_and_marks_what_it_sent() -> None:
    log, inbox, active = MemoryLog(), Inbox("email"), True
    courier = Courier(inbox, log.save_notifications, Turned(), lambda: 1.0, lambda: active)
    log.down, courier._waiting = True, {name: note_of(name, A, at=at) for at, name in enumerate("ab")}
    assert courier.step() == 5.0  # sent, and not marked: the store is away
    log.down, active = False, False
    assert courier.step() == 5.0
    assert [note.notification_id for note in inbox.got] == ["a"]
    assert {name: note.state for name, note in log.notes.items()} == {"a": "sent"}
    active = True
    assert courier.step() == 0.0
    assert len(inbox.got) == 2


def test_after_a_stop_it_goes_on() -> None:
    log, email = MemoryLog(), Inbox("email")
    outbox = outbox_of(log, email)
    log.put(A)
    run(outbox)
    outbox.stop()
    log.put(B)
    run(outbox)
    outbox.stop()
    assert email.heard == [("A-1", "firing"), ("B-1", "firing")]


_EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["fire", "end", "run", "run", "down", "up", "kill", "unsaved"]),
        st.integers(0, 4),
        st.integers(0, 900),
    ),
    max_size=40,
)
_POLICIES = st.sampled_from(
    [
        Policy(),
        Policy(storm_limit=2),
        Policy(group_by=("scope",), group_interval=5 * MINUTE, storm_limit=3),
        Policy(group_by=("key",), group_interval=MINUTE),
    ]
)


@settings(max_examples=150, deadline=None)
@given(_EVENTS, _POLICIES)
def test_whatever_happens_each_receiver_hears_every_state_once_per_key(
    events: Sequence[tuple[str, int, int]], policy: Policy
) -> None:
    log, clock = MemoryLog(), Turned()
    inboxes = {"email": Inbox("email"), "webhook": Inbox("webhook")}
    couriers: dict[str, Courier] = {}
    outbox, episodes = outbox_of(log, *inboxes.values(), clock=clock, policy=policy), 0

    def turn() -> None:
        """One pass of the outbox, with couriers that a test steps."""
        outbox._write_due()
        for name, inbox in inboxes.items():
            courier = couriers.setdefault(name, courier_of(log, inbox, clock))
            for note in log.waiting_notifications():
                if note.receiver == name and note.notification_id not in courier._finished:
                    courier._waiting.setdefault(note.notification_id, note)
            while courier.step() == 0:
                pass

    for event, which, seconds in events:
        clock.at += timedelta(seconds=seconds)
        active = {a.key: a for a in log.alerts.values() if a.state == "firing"}
        if event == "fire" and f"k{which}" not in active:
            episodes += 1
            log.put(alert_of(f"k{which}", clock.at, alert_id=f"k{which}-{episodes}"))
            turn()  # jobs look at every change
        elif event == "end" and f"k{which}" in active:
            log.put(ended(active[f"k{which}"], clock.at))
        elif event in ("down", "up"):
            inboxes["email"].error = Unavailable("down") if event == "down" else None
        elif event == "kill":
            couriers.clear()
        elif event == "unsaved":  # sent, and killed before it was marked
            for note in log.waiting_notifications():
                if inboxes[note.receiver].error is None and not any(
                    earlier.created_at < note.created_at for earlier in log.waiting_notifications()
                ):
                    inboxes[note.receiver].send(note)
            couriers.clear()
        elif event == "run":
            turn()
        log.alerts = dict(sorted(log.alerts.items(), reverse=bool(seconds % 2)))
    inboxes["email"].error = None
    for _ in range(6):
        clock.at += HOUR
        turn()
    assert not log.waiting_notifications()
    for inbox in inboxes.values():
        by_key = {note.notification_id: note for note in inbox.got}
        said = [(alert.alert_id, alert.state) for note in by_key.values() for alert in note.alerts]
        assert len(said) == len(set(said)), "a state was told twice, under different keys"
        for alert in log.alerts.values():
            states = [state for alert_id, state in said if alert_id == alert.alert_id]
            assert states in (["firing"], ["resolved"], ["firing", "resolved"]) or (
                not states
                and policy.group_interval
                and alert.state == "resolved"  # over before its group's turn
            )
            assert not states or states[-1] == alert.state, "the present state is told"
