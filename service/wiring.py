"""Where the wings meet: each is built from settings and handed what it needs."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import Lock

from alerts.engine import Engine
from alerts.notify import Notifier
from alerts.protocols import Explain, Receiver
from alerts.receivers.email import EmailReceiver
from alerts.receivers.webhook import WebhookReceiver
from alerts.rules import load_rules
from classifier.explain import explain
from classifier.model import Model
from store.store import Store
from tidings.settings import Settings
from tidings.types import Word


def open_model(settings: Settings) -> Model:
    """The classifier of the settings, checksums verified."""
    chosen = settings.classifier
    return Model.load(chosen.model, chosen.provider, chosen.threads, chosen.batch_tokens)


def lazy_model(settings: Settings) -> Callable[[], Model]:
    """The classifier, loaded when it is first asked for: once for a process, whichever part asks."""
    load, lock = cache(lambda: open_model(settings)), Lock()

    def model() -> Model:
        with lock:
            return load()

    return model


def build_explain(settings: Settings, model: Callable[[], Model]) -> Explain | None:
    """What the alert engine asks for the words that moved a score; None when the settings turn it off."""

    def words(text: str) -> tuple[Word, ...]:
        return explain(model().predict, text).top()

    return words if settings.alerts.explain else None


def build_receivers(settings: Settings) -> list[Receiver]:
    """The receivers that the settings configure; none is allowed (alerts are then only recorded)."""
    receivers: list[Receiver] = []
    if settings.email.host and settings.email.recipients:
        receivers.append(EmailReceiver(settings.email))
    if settings.webhook.url:
        receivers.append(WebhookReceiver(settings.webhook))
    return receivers


def build_alerting(
    settings: Settings, store: Store, model: Callable[[], Model], rules: Path | None = None
) -> tuple[Engine, Notifier]:
    """The alert engine over the store's windows, and the notifier for its receivers."""
    receivers = build_receivers(settings)
    engine = Engine(
        rules=load_rules(rules or settings.alerts.rules),
        windows=store,
        history=store,
        receivers=[receiver.name for receiver in receivers],
        explain=build_explain(settings, model),
    )
    return engine, Notifier(store, receivers)
