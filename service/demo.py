"""`tidings demo`: the whole stream on this machine, with the real parts, and a story to watch."""

import logging
import secrets
import shutil
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from threading import Event, Lock, Thread

from rich.console import Console
from rich.live import Live

from alerts.receivers.webhook import verify
from classifier.model import Model
from ingest.embedded import embedded_broker
from ingest.kafka import Producer, create_topics
from ingest.pipeline import BatchReport
from service import demo_view as view
from service.demo_catchers import Hook, catch_mail, catch_webhooks
from service.demo_page import demo_page
from service.demo_story import RULES, Message, expected, story
from service.jobs import Jobs
from service.run import ingest, make_jobs, schedule
from service.wiring import lazy_model
from store.store import Store, open_store
from tidings.clock import StreamClock
from tidings.errors import ConfigError, TidingsError
from tidings.settings import OutgoingSettings, Settings

_MARKER = "made-by-tidings-demo"
_BUCKET = timedelta(minutes=10)
_BUCKETS = 48
_LIMIT_SECONDS = 300
_TOPICS = 6
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
        watch = _Watch(len(messages), store, page)
        _stream(settings, store, messages, watch, console, model)
        numbers = _summary(messages, watch, store, time.monotonic() - began)
        _finish(console, numbers, mailbox.received, hook, secret, folder)
        if page and keep:
            _wait(console, page)
    return 0 if numbers.counts_agree and numbers.alerts and mailbox.received and hook.received else 1


def _stream(
    settings: Settings,
    store: Store,
    messages: Sequence[Message],
    watch: "_Watch",
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
        _show(console, watch, clock, stop, lambda: _up_to_date(jobs, clock))
        if not stop.is_set() and watch.handled < len(messages):
            raise TidingsError(f"the demo did not end within {_LIMIT_SECONDS} s; broker.log may say why")
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=30)
        scheduler.shutdown()
    if failures:
        raise failures[0]
    jobs.evaluate()  # up to the very last message
    jobs.stop(_DELIVER_SECONDS)


class _Watch:
    """What the view shows, gathered from the pipeline's reports. Written by one thread, read by another."""

    def __init__(self, total: int, store: Store, page: str) -> None:
        self.total = total
        self._page = page
        self.handled = 0
        self.stored = 0
        self.dead_letters: Counter[str] = Counter()
        self._store = store
        self._lock = Lock()
        self._model = "loading the model"
        self._recent: deque[tuple[float, int]] = deque(maxlen=20)
        self._first: tuple[float, int] | None = None
        self._sums: dict[str, dict[int, tuple[float, int]]] = {}
        self._items: Counter[str] = Counter()
        self._headlines: deque[view.Headline] = deque(maxlen=8)

    def on_batch(self, report: BatchReport) -> None:
        with self._lock:
            self.handled += report.messages
            self.stored += len(report.stored)
            self.dead_letters.update(letter.reason for letter in report.dead_letters)
            self._recent.append((time.monotonic(), self.handled))
            self._first = self._first or self._recent[0]
            for scored in report.stored:
                item, prediction = scored.item, scored.prediction
                self._model = f"model {prediction.model_version}"
                bucket = int(item.published_at.timestamp() // _BUCKET.total_seconds())
                sums = self._sums.setdefault(prediction.topic, {})
                total, count = sums.get(bucket, (0.0, 0))
                sums[bucket] = (total + prediction.sentiment, count + 1)
                self._items[prediction.topic] += 1
                if prediction.p_negative > 0.8:
                    self._headlines.append(
                        view.Headline(item.published_at, item.source, item.headline, prediction.sentiment)
                    )

    def per_second(self) -> float:
        """Messages handled per second from the first batch to the last."""
        if not self._first or len(self._recent) < 2:
            return 0.0
        (began, before), (ended, after) = self._first, self._recent[-1]
        return (after - before) / max(0.001, ended - began)

    def snapshot(self, phase: str, now: datetime | None) -> view.Snapshot:
        alerts = tuple(alert for alert in self._store.alerts(5) if alert.fired_at)
        with self._lock:
            end = int(now.timestamp() // _BUCKET.total_seconds()) if now else 0
            lines = []
            for name, items in self._items.most_common(_TOPICS):
                sums = self._sums[name]
                series = tuple(
                    sums[b][0] / sums[b][1] if b in sums else None for b in range(end - _BUCKETS + 1, end + 1)
                )
                lines.append(view.TopicLine(name, items, series))
            speed = 0.0
            if len(self._recent) > 1:
                (first, done), (last, handled) = self._recent[0], self._recent[-1]
                speed = (handled - done) / max(0.001, last - first)
            return view.Snapshot(
                phase, self._model, self.total, self.handled, self.dead_letters.total(), speed, now,
                tuple(lines), tuple(reversed(self._headlines)), alerts, self._page,
            )  # fmt: skip


def _up_to_date(jobs: Jobs, clock: StreamClock) -> bool:
    now = clock.now()
    return bool(now and jobs.evaluated and now - jobs.evaluated < timedelta(seconds=2 * _STEP_SECONDS))


def _show(
    console: Console, watch: _Watch, clock: StreamClock, stop: Event, evaluated: Callable[[], bool]
) -> None:
    """The live view, or plain lines where there is no terminal, until all is handled and evaluated."""
    deadline = time.monotonic() + _LIMIT_SECONDS

    def going() -> bool:
        done = watch.handled >= watch.total and evaluated()
        return not done and not stop.is_set() and time.monotonic() < deadline

    def phase() -> str:
        return "streaming" if watch.handled < watch.total else "evaluating"

    if console.is_terminal:
        with Live(console=console, screen=True, auto_refresh=False) as screen:
            while going():
                screen.update(view.live(watch.snapshot(phase(), clock.now())), refresh=True)
                time.sleep(0.2)
            screen.update(view.live(watch.snapshot("done", clock.now())), refresh=True)
            time.sleep(4)  # to read the alert
        return
    told: set[str] = set()
    while going():
        snapshot = watch.snapshot(phase(), clock.now())
        console.print(view.plain_line(snapshot), markup=False, highlight=False)
        _tell(console, snapshot, told)
        stop.wait(2)


def _tell(console: Console, snapshot: view.Snapshot, told: set[str]) -> None:
    for alert in snapshot.alerts:
        if alert.alert_id not in told:
            told.add(alert.alert_id)
            console.print("\n".join(view.alert_lines(alert)), markup=False, highlight=False, soft_wrap=True)


def _summary(messages: Sequence[Message], watch: _Watch, store: Store, seconds: float) -> view.Summary:
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


def _finish(
    console: Console,
    numbers: view.Summary,
    mails: Sequence[EmailMessage],
    hook: Hook,
    secret: str,
    folder: Path,
) -> None:
    for alert in numbers.alerts:
        console.print("\n".join(view.alert_lines(alert)), markup=False, highlight=False, soft_wrap=True)
    if mails:
        console.print(view.mail(mails[0]))
    if hook.received:
        first = hook.received[0]
        headers = {name.lower(): value for name, value in first.headers.items()}
        signature, timestamp = headers.get("x-tidings-signature", ""), headers.get("x-tidings-timestamp", "")
        verified = verify(secret, timestamp, first.body, signature, datetime.now(UTC))
        console.print(view.hook(first, verified))
    console.print(view.summary(numbers))
    command = "tidings" if shutil.which("tidings") else str(Path(sys.argv[0]))
    prefix = "" if folder == Path("tidings-data") else f"TIDINGS_STORE_FOLDER={folder / 'store'} "
    console.print("\nThe data stay in", str(folder), "- try next:", highlight=False)
    for query in (
        "SELECT published_at, headline, sentiment FROM top_negative LIMIT 5",
        "SELECT title, reach, sources FROM stories WHERE day >= today() - 1 ORDER BY reach DESC LIMIT 5",
        "SELECT start, items, stories, negative_stories FROM sentiment_5m_by_key"
        " WHERE scope = 'entity' AND key = 'Northgate Bank' ORDER BY start DESC LIMIT 8",
    ):
        console.print(f'  {prefix}{command} sql "{query}"', markup=False, highlight=False, soft_wrap=True)
    console.print("The live page over the same data, until Ctrl-C:", highlight=False)
    console.print(f"  {prefix}{command} run --only api", markup=False, highlight=False, soft_wrap=True)


def _wait(console: Console, page: str) -> None:
    """Until Ctrl-C."""
    line = f"\nThe live page stays up: {page} - Ctrl-C ends it; the commands above work then."
    console.print(line, highlight=False, soft_wrap=True)
    try:
        Event().wait()
    except KeyboardInterrupt:
        console.print("The live page is closed.")


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
