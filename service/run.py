"""`tidings run`: the service, or some of its parts, until it is told to stop."""

import logging
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from threading import Event
from types import FrameType

from apscheduler.schedulers.background import BackgroundScheduler
from prometheus_client import start_http_server

from classifier.model import Model
from ingest.kafka import DeadLetterProducer, GroupConsumer, create_topics
from ingest.limit import DeadLetterLimit
from ingest.pipeline import BatchReport
from ingest.pipeline import run as run_pipeline
from service.jobs import Jobs, guarded
from service.leader import always, one_engine, only_while
from service.sql_http import serving_sql
from service.web import serving_web
from service.wiring import build_alerting, lazy_model
from store.store import Store, open_store
from tidings.clock import StreamClock
from tidings.settings import Settings

log = logging.getLogger(__name__)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def run_service(settings: Settings, parts: Sequence[str]) -> None:
    """Runs until SIGTERM or SIGINT, then finishes the batch in hand, commits and returns."""
    stop = Event()
    _stop_on_signals(stop)
    # The engine ends first: another one does not wait for this one's visitors to go.
    with ExitStack() as closing, ExitStack() as engine:
        store = open_store(settings.store)
        closing.callback(store.close)
        if settings.metrics.port:
            start_http_server(settings.metrics.port, settings.metrics.host)
        stream_clock = StreamClock() if settings.clock == "stream" else None
        model = lazy_model(settings)
        active = always
        # Before it takes part in any election: rules or receivers may be wrong.
        jobs = make_jobs(settings, store, stream_clock, model, lambda: active())
        if "alerts" in parts:
            active = engine.enter_context(one_engine(settings))
        scheduler = schedule(settings, jobs, parts, active)
        engine.callback(jobs.stop)
        engine.callback(scheduler.shutdown)
        if "api" in parts and settings.sql.port:
            closing.enter_context(serving_sql(settings.sql, settings.store))
        if "api" in parts and settings.api.port:
            closing.enter_context(serving_web(settings, store, model))
        log.info("running %s; clock %s, store %s", ", ".join(parts), settings.clock, settings.store.backend)
        if "ingest" in parts:
            ingest(settings, store, stop, stream_clock, model)
        else:
            stop.wait()
        log.info("stopping")


def ingest(
    settings: Settings,
    store: Store,
    stop: Event,
    stream_clock: StreamClock | None,
    model: Callable[[], Model],
    on_batch: Callable[[BatchReport], None] | None = None,
) -> None:
    """Reads, scores and stores until `stop` is set."""
    with ExitStack() as closing:
        predict = model().predict
        create_topics(settings.kafka)
        dead_letters = DeadLetterProducer(settings.kafka)
        closing.callback(dead_letters.close)
        source = GroupConsumer(settings.kafka)
        closing.callback(source.close)
        log.info("reading %s as group %s", ", ".join(settings.kafka.topics), settings.kafka.group)
        run_pipeline(
            source,
            dead_letters,
            predict,
            store.insert,
            stop,
            record=store.record,
            limit=DeadLetterLimit(settings.ingest),
            on_batch=on_batch,
            stream_clock=stream_clock,
        )


def make_jobs(
    settings: Settings,
    store: Store,
    stream_clock: StreamClock | None,
    model: Callable[[], Model],
    active: Callable[[], bool] = always,
) -> Jobs:
    """The jobs on the settings' clock. Without ingest in this process stream time is the store's latest item."""
    engine, outbox = build_alerting(settings, store, model, active)
    if settings.clock == "wall":
        return Jobs(store, engine, outbox, lambda: datetime.now(UTC), None)

    def stream_now() -> datetime | None:
        now = stream_clock.now() if stream_clock else None
        return now or store.last_published()

    return Jobs(store, engine, outbox, stream_now, timedelta(seconds=settings.alerts.evaluate_every_seconds))


def schedule(
    settings: Settings, jobs: Jobs, parts: Sequence[str], active: Callable[[], bool] = always
) -> BackgroundScheduler:
    """A started scheduler; a job that takes longer than its interval is not run beside itself.

    What belongs to the alerts runs only while this process's engine is `active`.
    """
    defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    scheduler = BackgroundScheduler(timezone=UTC, job_defaults=defaults)
    often = settings.alerts.roll_every_seconds
    if "windows" in parts:
        scheduler.add_job(guarded(jobs.roll, "roll"), "interval", seconds=often)
    if "alerts" in parts:
        # In stream time an hour may pass in a second: look often, and step through what has passed.
        seconds = settings.alerts.evaluate_every_seconds if settings.clock == "wall" else often
        evaluate = only_while(active, guarded(jobs.evaluate, "evaluate"))
        # Soon after a minute is over, and not at any moment of the next one.
        scheduler.add_job(evaluate, "interval", seconds=seconds, start_date=_EPOCH + timedelta(seconds=often))
        if settings.clock == "wall":
            scheduler.add_job(only_while(active, guarded(jobs.look, "look")), "interval", seconds=often)
        # An engine that was stood down delivers no more: the active one has what waits.
        notify = guarded(lambda: jobs.notify() if active() else jobs.stop(), "notify")
        scheduler.add_job(notify, "interval", seconds=often)
        if proof_seconds := settings.alerts.reconcile_every_seconds:
            prove = only_while(active, guarded(jobs.prove, "proof"))
            scheduler.add_job(prove, "interval", seconds=proof_seconds)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # it warns of every skipped overlap
    scheduler.start()
    return scheduler


def _stop_on_signals(stop: Event) -> None:
    def handle(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(1)  # asked twice: at once; uncommitted messages will be read again
        log.info("%s: finishing the batch in hand", signal.Signals(number).name)
        stop.set()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
