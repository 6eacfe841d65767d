"""The scheduled proof: counts corrupted on purpose, the alert at a real webhook, and its end after a repair."""

import json
from datetime import timedelta

from alerts.engine import Engine
from alerts.outbox import Outbox
from alerts.receivers.build import build_receivers
from service.demo_catchers import Hook, catch_webhooks
from service.jobs import Jobs
from store.store import Store
from tests.contract.test_store_audit import at, deliver
from tests.contract.test_store_reconcile import corrupt
from tests.items import T0, scored
from tidings.metrics import DIFFERING_WINDOWS, UNEXPLAINED_OFFSETS
from tidings.settings import OutgoingSettings, Settings, WebhookSettings
from tidings.types import Consumed

NOW = T0 + timedelta(hours=1)


def jobs_of(store: Store, hook: Hook) -> Jobs:
    settings = Settings(webhook=WebhookSettings(url=hook.url), outgoing=OutgoingSettings(allow_private=True))
    outbox = Outbox(store.outbox, build_receivers(settings))
    return Jobs(store, Engine([], store, store), outbox, lambda: NOW, None)


def heard(hook: Hook) -> list[tuple[str, str]]:
    bodies = [json.loads(request.body) for request in hook.received]
    return [(body["event"], body["summary"]) for body in bodies]


def test_wrong_windows_are_told_once_and_their_end_too(store: Store) -> None:
    with catch_webhooks() as hook:
        jobs = jobs_of(store, hook)
        deliver(store, at(0, scored("a", 3, entities=["Acme"])), at(1, scored("b", 4)))
        store.roll()
        jobs.prove()
        assert (heard(hook), store.alerts(9)) == ([], [])
        corrupt(store, "topic", "items", 1)
        for _ in range(2):
            jobs.prove()
            jobs.evaluate()  # the engine has no such rule, and leaves it alone
        summary = (
            "counts that do not agree: 2 windows differ from their items, 0 Kafka offsets are unexplained"
        )
        assert jobs.stop(deliver_seconds=10)
        assert heard(hook) == [("firing", summary)]
        (alert,) = store.active_alerts()
        assert (alert.rule, alert.severity, alert.scope, alert.value) == (
            "tidings counts",
            "critical",
            "all",
            2,
        )
        assert DIFFERING_WINDOWS._value.get() == 2
        store.repair(store.reconcile(T0, NOW).differences)
        jobs.prove()
        jobs.prove()
        assert jobs.stop(deliver_seconds=10)
        assert heard(hook) == [("firing", summary), ("resolved", summary)]
        assert store.active_alerts() == []
        assert DIFFERING_WINDOWS._value.get() == 0


def test_a_lost_offset_is_told_until_its_item_is_there(store: Store) -> None:
    with catch_webhooks() as hook:
        jobs = jobs_of(store, hook)
        store.record([Consumed("news.raw", 0, 7, "a")])
        jobs.prove()
        assert UNEXPLAINED_OFFSETS._value.get() == 1
        deliver(store, at(7, scored("a")))
        store.roll()
        jobs.prove()
        assert jobs.stop(deliver_seconds=10)
        assert [event for event, _ in heard(hook)] == ["firing", "resolved"]
        assert UNEXPLAINED_OFFSETS._value.get() == 0
