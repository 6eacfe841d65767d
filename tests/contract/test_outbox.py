"""The outbox over a real store, to real HTTP receivers: written before, marked after, none lost, none told twice."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

from alerts.engine import Engine
from alerts.outbox import Outbox
from alerts.protocols import Receiver
from alerts.receivers.build import build_receivers
from service.demo_catchers import Hook, catch_webhooks
from service.jobs import Jobs
from store.client import connect
from store.migrate import SCHEMA, migrate
from store.store import Store, open_store
from tests.items import T0
from tests.unit.outbox_memory import Inbox, alert_of, ended
from tidings.errors import TidingsError, Unavailable
from tidings.settings import OutgoingSettings, Settings, StoreSettings, WebhookSettings
from tidings.types import Acknowledgement, Measured, Silence

ALERT = alert_of("Acme", T0)
OVER = ended(ALERT, T0 + timedelta(hours=1))


def webhook(url: str) -> list[Receiver]:
    settings = Settings(webhook=WebhookSettings(url=url), outgoing=OutgoingSettings(allow_private=True))
    return list(build_receivers(settings))


def heard(hook: Hook) -> list[tuple[str, str]]:
    bodies = [json.loads(request.body) for request in hook.received]
    return [(body["event"], body["alert"]["alert_id"]) for body in bodies]


def run(store: Store, receivers: list[Receiver]) -> None:
    """One pass, as a process that has just started does it."""
    outbox = Outbox(store.outbox, receivers)
    outbox.run()
    assert outbox.wait(10)
    outbox.stop()


@contextmanager
def unwilling(release: Event) -> Iterator[str]:
    """The URL of an HTTP server that takes a request and answers when it is released."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            release.wait(20)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        release.set()
        server.shutdown()
        server.server_close()
        thread.join()


def test_every_process_goes_on_where_the_last_one_was(store: Store) -> None:
    with catch_webhooks() as hook:
        store.save_alerts([ALERT])
        run(store, webhook(hook.url))
        run(store, webhook(hook.url))
        assert heard(hook) == [("firing", "Acme-1")]
        store.save_alerts([OVER])
        run(store, webhook(hook.url))
        run(store, webhook(hook.url))
        assert heard(hook) == [("firing", "Acme-1"), ("resolved", "Acme-1")]
    notes = store.outbox.notifications_of("Acme-1")
    assert [(n.receiver, n.reason, n.state, n.attempts) for n in notes] == [
        ("webhook", "firing", "sent", 1),
        ("webhook", "resolved", "sent", 1),
    ]
    assert [a.state for note in notes for a in note.alerts] == ["firing", "resolved"], "as it was told"
    assert store.outbox.routable_alerts(["webhook"]) == []


def test_what_was_saved_before_a_crash_is_told_before_the_rules_are_asked_again(store: Store) -> None:
    store.save_alerts([ALERT])  # and there the process died; its rule is gone since
    with catch_webhooks() as hook:
        outbox = Outbox(store.outbox, webhook(hook.url))
        jobs = Jobs(store, Engine([], store, store), outbox, lambda: T0 + timedelta(hours=1), None)
        jobs.evaluate()
        assert jobs.stop(deliver_seconds=10)
        assert heard(hook) == [("firing", "Acme-1"), ("resolved", "Acme-1")]


def test_what_was_sent_and_not_marked_is_sent_again_under_the_same_key(store: Store) -> None:
    with catch_webhooks() as hook:
        store.save_alerts([ALERT])
        Outbox(store.outbox, webhook(hook.url))._write_due()
        (note,) = store.outbox.waiting_notifications()
        webhook(hook.url)[0].send(note)  # and there the process dies
        run(store, webhook(hook.url))
        run(store, webhook(hook.url))
        keys = [request.headers["Idempotency-Key"] for request in hook.received]
    assert keys == [note.notification_id] * 2


def test_a_killed_process_leaves_what_waits_to_the_next(
    store_settings: StoreSettings, tmp_path: Path
) -> None:
    release = Event()
    with unwilling(release) as url:
        settings = tmp_path / "store.json"
        settings.write_text(
            json.dumps({
                "backend": store_settings.backend, "folder": str(store_settings.folder), "host": store_settings.host,
                "port": store_settings.port, "database": store_settings.database, "url": url,
            })
        )  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", _DIES, str(settings)], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == -9, done.stderr
    with catch_webhooks() as hook:
        store = open_store(store_settings)
        try:
            (note,) = store.outbox.waiting_notifications()
            run(store, webhook(hook.url))
            assert [request.headers["Idempotency-Key"] for request in hook.received] == [note.notification_id]
        finally:
            store.close()


_DIES = """
import json, os, signal, sys, time
from pathlib import Path
from alerts.outbox import Outbox
from store.store import open_store
from tests.contract.test_outbox import ALERT, webhook
from tidings.settings import StoreSettings

given = json.load(open(sys.argv[1]))
url = given.pop("url")
store = open_store(StoreSettings(**given | {"folder": Path(given["folder"])}))
store.save_alerts([ALERT])
Outbox(store.outbox, webhook(url)).run()
time.sleep(0.5)  # the request is under way
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_receiver_that_hangs_or_refuses_delays_no_other(store: Store) -> None:
    store.save_alerts([ALERT])
    release, refuses = Event(), Inbox("refuses", Unavailable("answered 503", retry_after_seconds=60))
    with unwilling(release) as url, catch_webhooks() as hook:
        (slow,), (quick,) = webhook(url), webhook(hook.url)
        slow.name = "slow"  # type: ignore[misc]  # a receiver's name is its own
        outbox = Outbox(store.outbox, [slow, refuses, quick])
        began = time.monotonic()
        outbox.run()
        while not hook.received and time.monotonic() < began + 10:
            time.sleep(0.01)
        assert time.monotonic() - began < 5
        assert heard(hook) == [("firing", "Acme-1")]
        release.set()
        assert outbox.wait(10)
        outbox.stop()
    kept = {note.receiver: note for note in store.outbox.notifications_of("Acme-1")}
    assert {name: note.state for name, note in kept.items()} == {
        "slow": "sent",
        "refuses": "waiting",
        "webhook": "sent",
    }
    waits = kept["refuses"]
    assert (waits.attempts, waits.error) == (1, "answered 503")
    assert waits.next_attempt_at
    assert timedelta(seconds=59) < waits.next_attempt_at - waits.created_at < timedelta(seconds=90)


def test_a_permanent_failure_stays_visible_and_is_tried_once_more_by_each_process(store: Store) -> None:
    store.save_alerts([ALERT])
    for _ in range(2):
        run(store, [Inbox("desk", TidingsError("answered 404; check the address"))])
    row = json.loads(store.sql("SELECT receiver, state, attempts, error FROM notifications", "JSONEachRow"))
    assert row == {
        "receiver": "desk",
        "state": "failed",
        "attempts": 2,
        "error": "answered 404; check the address",
    }
    for expected in ([("Acme-1", "firing")], []):
        run(store, [desk := Inbox("desk")])
        assert desk.heard == expected


def test_silences_and_acknowledgements_are_kept_and_count(store: Store) -> None:
    now = datetime.now(UTC)
    silence = Silence("s1", {"key": "A*"}, "kim", "known outage", now, now + timedelta(hours=1))
    store.save_alerts([ALERT])
    store.outbox.save_silence(silence)
    (kept,) = store.outbox.silences(now)
    assert (kept.matchers, kept.author, kept.reason) == ({"key": "A*"}, "kim", "known outage")
    assert store.sql("SELECT silence_id, in_force FROM silences", "TSV").split() == ["s1", "1"]
    with catch_webhooks() as hook:
        run(store, webhook(hook.url))
        assert hook.received == []
        store.outbox.save_silence(replace(silence, ends_at=now))  # expired
        assert store.outbox.silences(now + timedelta(seconds=1)) == []
        run(store, webhook(hook.url))
        assert heard(hook) == [("firing", "Acme-1")]
        seen = Acknowledgement("Acme-1", "kim", "on it", now, now + timedelta(hours=1))
        store.outbox.save_acknowledgement(seen)
        (known,) = store.outbox.acknowledgements(["Acme-1", "other"])
        assert (known.author, known.note) == ("kim", "on it")
        store.save_alerts([OVER])
        run(store, webhook(hook.url))
        assert len(hook.received) == 1, "snoozed"
        store.outbox.save_acknowledgement(replace(seen, snoozed_until=None))
        run(store, webhook(hook.url))
        assert heard(hook)[-1] == ("resolved", "Acme-1")


def test_the_view_alerts_says_what_was_measured_and_who_has_seen_it(store: Store) -> None:
    measured = Measured(
        "level", "mean sentiment", lower=0.5, upper=9.0, threshold=0.001, stories=12, sources=3
    )
    store.save_alerts([replace(ALERT, measured=measured), alert_of("Other", T0)])
    store.outbox.save_acknowledgement(Acknowledgement("Acme-1", "kim", "", T0))
    row = json.loads(store.sql("SELECT * FROM alerts WHERE key = 'Acme'", "JSONEachRow"))
    expected = {"kind": "level", "measure": "mean sentiment", "lower": 0.5, "upper": 9.0, "share": None}
    assert expected.items() <= row.items()
    assert row["acknowledged_by"] == "kim"
    other = json.loads(store.sql("SELECT * FROM alerts WHERE key = 'Other'", "JSONEachRow"))
    assert (other["acknowledged_by"], other["acknowledged_at"]) == ("", None)


def test_an_upgrade_repeats_nothing_and_loses_nothing(store_settings: StoreSettings, tmp_path: Path) -> None:
    """Alerts of a store before schema 007, whose `unsent` said who had yet to hear."""
    for path in SCHEMA.glob("00[1-6]_*.sql"):
        (tmp_path / path.name).write_text(path.read_text())
    client = connect(store_settings)
    migrate(client, tmp_path)
    columns = ("alert_id", "rule", "scope", "key", "state", "started_at", "fired_at", "unsent", "labels", "evidence",
               "series")  # fmt: skip
    client.insert(
        "alert_rows",
        columns,
        [
            ("told", "r", "entity", "A", "firing", T0, T0, [], "{}", "[]", "[]"),
            ("half", "r", "entity", "B", "firing", T0, T0, ["webhook"], "{}", "[]", "[]"),
            ("over", "r", "entity", "C", "resolved", T0, T0, ["webhook"], "{}", "[]", "[]"),
            ("done", "r", "entity", "D", "resolved", T0, T0, [], "{}", "[]", "[]"),
            ("calm", "r", "entity", "E", "resolved", T0, None, [], "{}", "[]", "[]"),
        ],
    )
    client.close()
    store, email, hook = open_store(store_settings), Inbox("email"), Inbox("webhook")
    try:
        run(store, [email, hook])
        assert email.heard == []
        assert sorted(hook.heard) == [("half", "firing"), ("over", "resolved")]
    finally:
        store.close()
