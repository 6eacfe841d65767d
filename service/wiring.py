"""Where the wings meet: each is built from settings and handed what it needs."""

from collections.abc import Callable
from functools import cache, lru_cache
from threading import Lock

from alerts.engine import Engine
from alerts.outbox import Outbox
from alerts.protocols import Explain
from alerts.receivers.build import build_receivers
from alerts.receivers.email import EmailReceiver
from alerts.receivers.receiver import HttpReceiver
from alerts.receivers.words import summarise
from alerts.routing import make_policy
from alerts.rules import load_rules
from classifier.explain import explain
from classifier.model import Model
from dashboards.annotations import AnnotationReceiver
from ingest.entities import mentions_in
from store.store import Store
from tidings.errors import ConfigError
from tidings.settings import Settings
from tidings.types import Mention, Word


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


@lru_cache(maxsize=20_000)
def names_in(headline: str) -> tuple[Mention, ...]:
    """Whom a headline names: what ingest finds in it alone. Remembered, for an open story is asked of every minute."""
    return mentions_in(headline)


def all_receivers(settings: Settings) -> list[EmailReceiver | HttpReceiver | AnnotationReceiver]:
    """Those that the settings configure, and Grafana's annotations where [grafana] has a url. Connects to nothing."""
    receivers: list[EmailReceiver | HttpReceiver | AnnotationReceiver] = [*build_receivers(settings)]
    if settings.grafana.url:
        if any(one.name == AnnotationReceiver.name for one in receivers):
            raise ConfigError(
                "receivers.grafana: [grafana] url makes a receiver of this name; choose another"
            )
        receivers.append(AnnotationReceiver(settings.grafana, summarise))
    return receivers


def build_alerting(
    settings: Settings, store: Store, model: Callable[[], Model], active: Callable[[], bool] = lambda: True
) -> tuple[Engine, Outbox]:
    """The alert engine over the store's windows, and the outbox to its receivers, which sends while `active`."""
    receivers = all_receivers(settings)
    engine = Engine(
        rules=load_rules(settings.alerts.rules),
        windows=store,
        history=store,
        explain=build_explain(settings, model),
        dashboard_url=settings.alerts.dashboard_url,
        names_in=names_in,
    )
    return engine, Outbox(store.outbox, receivers, make_policy(settings.routing), active=active)
