"""Where the wings meet: each is built from settings and handed what it needs."""

from pathlib import Path

from alerts.engine import Engine
from alerts.notify import Notifier
from alerts.protocols import Receiver
from alerts.receivers.email import EmailReceiver
from alerts.receivers.webhook import WebhookReceiver
from alerts.rules import load_rules
from classifier.model import Model
from store.store import Store
from tidings.settings import Settings


def open_model(settings: Settings) -> Model:
    """The classifier of the settings, checksums verified."""
    chosen = settings.classifier
    return Model.load(chosen.model, chosen.provider, chosen.threads, chosen.batch_tokens)


def build_receivers(settings: Settings) -> list[Receiver]:
    """The receivers that the settings configure; none is allowed (alerts are then only recorded)."""
    receivers: list[Receiver] = []
    if settings.email.host and settings.email.recipients:
        receivers.append(EmailReceiver(settings.email))
    if settings.webhook.url:
        receivers.append(WebhookReceiver(settings.webhook))
    return receivers


def build_alerting(settings: Settings, store: Store, rules: Path | None = None) -> tuple[Engine, Notifier]:
    """The alert engine over the store's windows, and the notifier for its receivers."""
    receivers = build_receivers(settings)
    engine = Engine(
        rules=load_rules(rules or settings.alerts.rules),
        windows=store,
        history=store,
        receivers=[receiver.name for receiver in receivers],
    )
    return engine, Notifier(store, receivers)
