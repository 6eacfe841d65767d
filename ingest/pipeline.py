"""The way of a message: poll, decode, classify, insert, dead letters, commit. In that order, always."""

import logging
import random
import time
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from threading import Event
from typing import Protocol, TypeVar

from ingest.dead_letters import DeadLetter, dead_letter
from ingest.message import Message, decode
from tidings import metrics
from tidings.clock import Clock, StreamClock, WallClock
from tidings.errors import InvalidMessage, Unavailable
from tidings.text import classifier_input
from tidings.types import Item, Prediction, ScoredItem

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")

Classify = Callable[[Sequence[str]], list[Prediction]]
Insert = Callable[[Sequence[ScoredItem]], None]  # acknowledged when it returns
Partition = tuple[str, int]  # Kafka topic and partition number
Offsets = Mapping[Partition, int]  # the next offset to read


class Source(Protocol):
    """A member of a consumer group."""

    def poll(self, timeout_seconds: float) -> list[Message]:
        """The next bounded batch, empty after `timeout_seconds`; raises Unavailable."""
        ...

    def commit(self, offsets: Offsets) -> None:
        """Acknowledged when it returns; raises Unavailable."""
        ...

    def waiting(self) -> Collection[Partition]:
        """The partitions of this member that hold messages it has not read yet, as far as it knows."""
        ...

    def keep_alive(self) -> None:
        """Tells the group that this member lives, without reading anything."""
        ...


class DeadLetters(Protocol):
    """Where undecodable messages go."""

    def send(self, letters: Sequence[DeadLetter]) -> None:
        """Acknowledged when it returns; raises Unavailable."""
        ...


@dataclass(frozen=True)
class BatchReport:
    """What became of one batch, told after its offsets were committed."""

    messages: int
    stored: tuple[ScoredItem, ...]
    dead_letters: tuple[DeadLetter, ...]


@dataclass(frozen=True)
class Backoff:
    """Seconds to wait before try n (0, 1, …): doubling from `first` up to `longest`, less up to a half."""

    first: float = 0.5
    longest: float = 30.0

    def seconds(self, attempt: int) -> float:
        delay = min(self.longest, self.first * 2.0 ** min(attempt, 32))
        return delay * random.uniform(0.5, 1.0)  # noqa: S311  (spreads retries; nothing secret)


class _StoppedWaiting(Exception):
    """Stop was asked for while something was unavailable: the batch is left uncommitted."""


def run(
    source: Source,
    dead_letters: DeadLetters,
    classify: Classify,
    insert: Insert,
    stop: Event,
    *,
    on_batch: Callable[[BatchReport], None] | None = None,
    stream_clock: StreamClock | None = None,
    clock: Clock | None = None,
    backoff: Backoff | None = None,
    poll_seconds: float = 0.5,
) -> None:
    """Handles messages until `stop` is set, then finishes and commits the batch in hand and returns.

    Delivery is at least once: offsets are committed only after the insert and the dead letters are
    acknowledged, so a crash means that messages are read again, never that they are lost. What is
    Unavailable is tried again with growing pauses, for as long as it takes; if `stop` is set meanwhile
    the batch stays uncommitted and comes again at the next start. Any other error ends the run, uncommitted.
    `stream_clock` is advanced by what was stored.
    """
    clock = clock or WallClock()
    wait = _Waiting(source, stop, backoff or Backoff())
    try:
        while not stop.is_set():
            messages = wait.until_done("poll", partial(source.poll, poll_seconds))
            if not messages:
                if stream_clock:
                    stream_clock.advance({}, source.waiting())
                continue
            items, letters = _decode(messages, clock)
            scored = wait.until_done("classify", partial(_classify, items, classify, clock))
            if scored:
                wait.until_done("insert", partial(insert, scored))
            if letters:
                wait.until_done("dead_letters", partial(dead_letters.send, letters))
            wait.until_done("commit", partial(source.commit, _next_offsets(messages)))
            _count(messages, scored, letters)
            if stream_clock:
                stream_clock.advance(_latest(scored), source.waiting())
            if on_batch:
                on_batch(BatchReport(len(messages), tuple(scored), tuple(letters)))
    except _StoppedWaiting:
        _log.warning("stopped before the batch in hand was stored; it will be read again at the next start")


def _decode(messages: Sequence[Message], clock: Clock) -> tuple[list[tuple[Message, Item]], list[DeadLetter]]:
    items: list[tuple[Message, Item]] = []
    letters: list[DeadLetter] = []
    now = clock.now()
    for message in messages:
        try:
            items.append((message, decode(message.value, message.kafka_topic, now)))
        except InvalidMessage as error:
            letters.append(dead_letter(message, error, now))
    return items, letters


def _classify(items: Sequence[tuple[Message, Item]], classify: Classify, clock: Clock) -> list[ScoredItem]:
    if not items:
        return []
    predictions = classify([classifier_input(item.title, item.text) for _, item in items])
    now = clock.now()
    return [
        ScoredItem(item, prediction, now, message.kafka_topic, message.partition, message.offset)
        for (message, item), prediction in zip(items, predictions, strict=True)
    ]


def _latest(scored: Sequence[ScoredItem]) -> dict[Hashable, datetime]:
    latest: dict[Hashable, datetime] = {}
    for one in scored:
        where = (one.kafka_topic, one.kafka_partition)
        latest[where] = max(one.item.published_at, latest.get(where, one.item.published_at))
    return latest


def _next_offsets(messages: Sequence[Message]) -> dict[Partition, int]:
    offsets: dict[Partition, int] = {}
    for message in messages:
        where = (message.kafka_topic, message.partition)
        offsets[where] = max(offsets.get(where, 0), message.offset + 1)
    return offsets


def _count(messages: Sequence[Message], scored: Sequence[ScoredItem], letters: Sequence[DeadLetter]) -> None:
    for message in messages:
        metrics.MESSAGES.labels(message.kafka_topic).inc()
    for letter in letters:
        metrics.DEAD_LETTERS.labels(letter.reason).inc()
    metrics.ITEMS_STORED.inc(len(scored))
    for one in scored:
        if one.prediction.flag:
            metrics.ITEMS_FLAGGED.labels(one.prediction.flag).inc()


class _Waiting:
    """Runs a step, again and again while it is Unavailable, and keeps the group membership alive."""

    def __init__(self, source: Source, stop: Event, backoff: Backoff) -> None:
        self._source = source
        self._stop = stop
        self._backoff = backoff

    def until_done(self, step: str, action: Callable[[], _Result]) -> _Result:
        attempt = 0
        while True:
            try:
                with metrics.BATCH_SECONDS.labels(step).time():
                    return action()
            except Unavailable as error:
                metrics.RETRIES.labels(step).inc()
                seconds = self._backoff.seconds(attempt)
                _log.warning("%s: %s; trying again in %.1f s", step, error, seconds)
                self._pause(seconds)
                attempt += 1

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._stop.wait(min(left, 1.0)):
                raise _StoppedWaiting
            try:
                self._source.keep_alive()
            except Unavailable as error:
                _log.debug("keep-alive: %s", error)
