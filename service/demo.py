"""`tidings demo`: the whole stream on this machine, with the real parts, and a story to watch."""

import logging
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

from rich.console import Console

from classifier.model import Model
from ingest.embedded import embedded_broker
from ingest.kafka import Producer, create_topics
from service import demo_view as view
from service.demo_catchers import catch_mail, catch_webhooks
from service.demo_page import demo_page
from service.demo_story import RULES, Message, expected, story
from service.demo_tell import LIMIT_SECONDS, finish, show, wait
from service.demo_watch import Watch
from service.jobs import Jobs
from service.run import ingest, make_jobs, schedule
from service.wiring import lazy_model
from store.store import Store, open_store
from tidings.clock import StreamClock
from tidings.errors import ConfigError, TidingsError
from tidings.settings import OutgoingSettings, Settings

_MARKER = "made-by-tidings-demo"
_AHEAD = 512
_DELIVER_SECONDS = 30  # for the last notifications
_STEP_SECONDS = 120  # of stream time, between evaluations


def run_demo(folder: Path, seed: int, console: Console, settings: Settings, keep: bool = False) -> int:
    """Runs the demo; returns the exit code: 0 when the counts agree and the alert came.

    The live page is up meanwhile; with `keep` it stays up until Ctrl-C.
    """
    began = time.monotonic()
    _make_room(folder, console)
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # it complains of the broker's end
    messages = story(datetime.now(UTC), seed)
    with ExitStack() as parts:
        mailbox = parts.enter_context(catch_mail())
        hook = parts.enter_context(catch_webhooks())
        broker = parts.enter_context(embedded_broker(folder / "broker.log"))
        secret = secrets.token_hex(16)
        settings = replace(
            settings,
            clock="stream",
            kafka=replace(settings.kafka, bootstrap_servers=(broker,), session_timeout_ms=6_000, batch_items=64),
            store=replace(settings.store, backend="embedded", folder=folder / "store"),
            alerts=replace(settings.alerts, rules=RULES, evaluate_every_seconds=_STEP_SECONDS, roll_every_seconds=1),
            email=replace(
                settings.email, host=mailbox.host, port=mailbox.port, security="none", user="",
                sender="tidings@example.com", recipients=("desk@example.com",),
            ),
            webhook=replace(settings.webhook, url=hook.url, url_file=None, secret=secret, secret_file=None),
            outgoing=OutgoingSettings(allow_private=True),
            receivers={},
        )  # fmt: skip
        store = open_store(settings.store)
        parts.callback(store.close)
        model = lazy_model(settings)
        page = parts.enter_context(demo_page(settings, store, model))
        if page:
            console.print(f"The live page: {page}", highlight=False)
        watch = Watch(len(messages), store, page)
        _stream(settings, store, messages, watch, console, model)
        numbers = _summary(messages, watch, store, time.monotonic() - began)
        finish(console, numbers, mailbox.received, hook, secret, folder)
        if page and keep:
            wait(console, page)
    return 0 if numbers.counts_agree and numbers.alerts and mailbox.received and hook.received else 1


def _stream(
    settings: Settings,
    store: Store,
    messages: Sequence[Message],
    watch: Watch,
    console: Console,
    model: Callable[[], Model],
) -> None:
    """Publishes, reads, scores, stores, rolls and evaluates until all is handled."""
    stop, failures, clock = Event(), list[BaseException](), StreamClock()
    jobs = make_jobs(settings, store, clock, model)
    create_topics(settings.kafka)

    def publish() -> None:
        producer = Producer(settings.kafka)
        for sent, message in enumerate(messages):
            # A little ahead of the reader, so that news and posts arrive side by side as they were published.
            while sent - watch.handled > _AHEAD and not stop.wait(0.02):
                pass
            if stop.is_set():
                break
            producer.send(message.kafka_topic, message.value)
        producer.flush()
        producer.close()

    def read() -> None:
        ingest(settings, store, stop, clock, model, watch.on_batch)

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)
            stop.set()

    threads = [Thread(target=guarded, args=(work,), daemon=True) for work in (publish, read)]
    for thread in threads:
        thread.start()
    scheduler = schedule(settings, jobs, ("windows", "alerts"))
    try:
        show(console, watch, clock, stop, lambda: _up_to_date(jobs, clock))
        if not stop.is_set() and watch.handled < len(messages):
            raise TidingsError(f"the demo did not end within {LIMIT_SECONDS} s; broker.log may say why")
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=30)
        scheduler.shutdown()
    if failures:
        raise failures[0]
    jobs.evaluate()  # up to the very last message
    jobs.stop(_DELIVER_SECONDS)


def _up_to_date(jobs: Jobs, clock: StreamClock) -> bool:
    now = clock.now()
    return bool(now and jobs.evaluated and now - jobs.evaluated < timedelta(seconds=2 * _STEP_SECONDS))


def _summary(messages: Sequence[Message], watch: Watch, store: Store, seconds: float) -> view.Summary:
    status, wanted = store.status(), expected(messages)
    duplicates = watch.stored - status.items
    found = (status.items, duplicates, watch.dead_letters.total())
    fired = tuple(alert for alert in store.alerts(100) if alert.fired_at)
    return view.Summary(
        sent=len(messages),
        stored=status.items,
        duplicates=duplicates,
        dead_letters=watch.dead_letters,
        as_expected=found == (wanted.items, wanted.duplicates, wanted.malformed),
        stories=status.stories,
        minutes=status.minutes,
        alerts=fired,
        seconds=seconds,
        per_second=watch.per_second(),
    )


def _make_room(folder: Path, console: Console) -> None:
    """A fresh folder; a former demo's data are moved aside, anybody else's are not touched."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARKER).exists():
            raise ConfigError(
                f"{folder} holds data that are not the demo's: give another place with --folder"
            )
        aside = folder.with_name(f"{folder.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}")
        folder.rename(aside)
        console.print(f"The former demo's data are now in {aside}", highlight=False)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARKER).touch()
