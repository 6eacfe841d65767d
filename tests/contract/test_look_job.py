"""The look at the running minute: an alert at a real webhook, before the minute is over, and no look without news."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from alerts.engine import Engine
from alerts.outbox import Outbox
from alerts.receivers.build import build_receivers
from alerts.rule import Rule
from service.demo_catchers import catch_webhooks
from service.jobs import Jobs
from store.store import Store
from tests.items import T0, scored
from tidings.metrics import EVALUATIONS
from tidings.settings import OutgoingSettings, Settings, WebhookSettings
from tidings.types import ScoredItem

RULE = Rule("three", kind="level", window_seconds=600, level=3, min_stories=4)


def told_now(name: str) -> ScoredItem:
    minute = (datetime.now(UTC) - T0).total_seconds() / 60
    return scored(name, minute, entities=["Acme"])


def test_what_has_just_come_is_told_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.jobs._REST", 0)
    with catch_webhooks() as hook:
        settings = Settings(
            webhook=WebhookSettings(url=hook.url), outgoing=OutgoingSettings(allow_private=True)
        )
        outbox = Outbox(store.outbox, build_receivers(settings))
        engine = Engine([RULE, replace(RULE, name="mean", direction="below")], store, store)
        jobs = Jobs(store, engine, outbox, lambda: datetime.now(UTC), None)
        asked = EVALUATIONS._value.get()
        store.insert([told_now(f"a{number}") for number in range(3)])
        jobs.look()
        jobs.look()  # nothing has changed since: nothing is asked
        assert EVALUATIONS._value.get() == asked + 1
        store.insert([told_now("a4")])
        store.roll()  # as the roll job does, or another process
        jobs.look()
        assert EVALUATIONS._value.get() == asked + 2
        assert jobs.stop(deliver_seconds=10)
        assert [json.loads(request.body)["event"] for request in hook.received] == ["firing"]
        (alert,) = store.active_alerts()
        assert (alert.key, alert.fired_at) == ("Acme", alert.started_at)
        assert alert.value > 3


def test_it_rests_after_a_look(store: Store) -> None:
    engine = Engine([RULE], store, store)
    jobs = Jobs(store, engine, Outbox(store.outbox, []), lambda: None, None)
    before = EVALUATIONS._value.get()
    for name in ("b1", "b2"):  # the second comes at once
        store.insert([told_now(name)])
        jobs.look()
    assert EVALUATIONS._value.get() == before + 1
