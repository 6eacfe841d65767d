"""The way of a message: poll, decode, classify, insert, dead letters, record, commit. In that order, always."""

import logging
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from threading import Event
from typing import Protocol, TypeVar

from ingest.dead_letters import DeadLetter, dead_letter
from ingest.limit import DeadLetterLimit
from ingest.message import Message, decode
from ingest.steps import Backoff, Member, Steps, StoppedWaiting
from tidings import metrics
from tidings.clock import Clock, StreamClock, WallClock
from tidings.errors import InvalidMessage, Refused
from tidings.text import classifier_input
from tidings.types import Consumed, Item, Prediction, ScoredItem

_log = logging.getLogger(__name__)
_Thing = TypeVar("_Thing", Message, DeadLetter, ScoredItem)

REFUSED = "refused"  # the reason of a dead letter that the store would not take (see ingest.message.REASONS)

Classify = Callable[[Sequence[str]], list[Prediction]]
Insert = Callable[[Sequence[ScoredItem]], None]  # acknowledged when it returns; raises Unavailable, Refused
Record = Callable[[Sequence[Consumed]], None]  # acknowledged when it returns; raises Unavailable
Partition = tuple[str, int]  # Kafka topic and partition number
Offsets = Mapping[Partition, int]  # the next offset to read


class Source(Member, Protocol):
    """A member of a consumer group."""

    def poll(self, timeout_seconds: float) -> list[Message]:
        """The next bounded batch, empty after `timeout_seconds`; raises Unavailable."""
        ...

    def lost(self) -> Collection[Partition]:
        """Partitions taken from this member since the last poll: their messages are for another to finish."""
        ...

    def commit(self, offsets: Offsets) -> None:
        """Acknowledged when it returns; raises Unavailable, also while the group is rebalancing."""
        ...

    def waiting(self) -> Collection[Partition]:
        """The partitions of this member that hold messages it has not read yet, as far as it knows."""
        ...


class DeadLetters(Protocol):
    """Where messages go that cannot be decoded or that the store refuses."""

    def send(self, letters: Sequence[DeadLetter]) -> None:
        """Acknowledged when it returns; raises Unavailable."""
        ...


@dataclass(frozen=True)
class BatchReport:
    """What became of one batch, told after its offsets were committed."""

    messages: int
    stored: tuple[ScoredItem, ...]
    dead_letters: tuple[DeadLetter, ...]


def run(
    source: Source,
    dead_letters: DeadLetters,
    classify: Classify,
    insert: Insert,
    stop: Event,
    *,
    record: Record | None = None,
    limit: DeadLetterLimit | None = None,
    on_batch: Callable[[BatchReport], None] | None = None,
    stream_clock: StreamClock | None = None,
    clock: Clock | None = None,
    backoff: Backoff | None = None,
    poll_seconds: float = 0.5,
) -> None:
    """Handles messages until `stop` is set, then finishes and commits the batch in hand and returns.

    Delivery is at least once: offsets are committed only after the insert, the dead letters and the `record` of both
    are acknowledged, so a crash means that messages are read again, never that they are lost. What the group
    takes away meanwhile (source.lost) is dropped from the batch: another member reads it from the last commit.
    What is Unavailable is tried again with growing pauses, for as long as it takes; if `stop` is set
    meanwhile the batch stays uncommitted and comes again at the next start. Rows that the store has Refused become dead
    letters. Any other error, and too many dead letters (`limit`), ends the run with the batch in hand uncommitted
    and its dead letters unsent. `stream_clock` is advanced by what was stored.
    """
    clock = clock or WallClock()
    with Steps(source, stop, backoff or Backoff()) as steps:
        try:
            while not stop.is_set():
                messages = steps.here("poll", partial(source.poll, poll_seconds))
                if not messages:
                    _advance(stream_clock, [], steps, source)
                    continue
                items, letters = _decode(messages, clock)
                scored = steps.aside("classify", partial(_classify, items, classify, clock))
                stored, refused = _insert(scored, insert, steps, source)
                letters = _held([*letters, *_refused_letters(messages, refused, clock)], source)
                consumed = _consumed(_held(stored, source), letters)
                if limit:
                    limit.check(consumed, letters)
                if letters:
                    steps.aside("dead_letters", partial(dead_letters.send, letters))
                if record and consumed:
                    steps.aside("record", partial(record, consumed))
                steps.here("commit", partial(_commit, messages, source))
                _count(messages, stored, letters, clock)
                _advance(stream_clock, stored, steps, source)
                if on_batch:
                    on_batch(BatchReport(len(messages), tuple(stored), tuple(letters)))
        except StoppedWaiting:
            _log.warning(
                "stopped before the batch in hand was stored; it will be read again at the next start"
            )


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


def _insert(
    scored: list[ScoredItem], insert: Insert, steps: Steps, source: Source
) -> tuple[list[ScoredItem], list[tuple[ScoredItem, Refused]]]:
    """What was stored, and the rows that the store refused: a refused part is halved until they are found."""
    stored: list[ScoredItem] = []
    refused: list[tuple[ScoredItem, Refused]] = []
    parts = [scored]
    while parts:
        part = _held(parts.pop(), source)
        if not part:
            continue
        try:
            steps.aside("insert", partial(insert, part))
            stored += part
        except Refused as error:
            if len(part) == 1:
                refused.append((part[0], error))
            else:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
    return stored, refused


def _refused_letters(
    messages: Sequence[Message], refused: Sequence[tuple[ScoredItem, Refused]], clock: Clock
) -> list[DeadLetter]:
    whence = {(message.kafka_topic, message.partition, message.offset): message for message in messages}
    now = clock.now()
    return [
        DeadLetter(whence[one.kafka_topic, one.kafka_partition, one.kafka_offset], REFUSED, str(error), now)
        for one, error in refused
    ]


def _consumed(stored: Sequence[ScoredItem], letters: Sequence[DeadLetter]) -> list[Consumed]:
    found = [
        Consumed(
            one.kafka_topic,
            one.kafka_partition,
            one.kafka_offset,
            item_id=one.item.item_id,
            published_at=one.item.published_at,
        )
        for one in stored
    ]
    for letter in letters:
        message = letter.message
        found.append(Consumed(message.kafka_topic, message.partition, message.offset, reason=letter.reason))
    return sorted(found, key=lambda one: (one.kafka_topic, one.kafka_partition, one.kafka_offset))


def _commit(messages: Sequence[Message], source: Source) -> None:
    offsets: dict[Partition, int] = {}
    for message in _held(messages, source):  # asked at every try: waiting for the group may lose partitions
        where = _partition(message)
        offsets[where] = max(offsets.get(where, 0), message.offset + 1)
    if offsets:
        source.commit(offsets)


def _held(things: Sequence[_Thing], source: Source) -> list[_Thing]:
    """Without those of partitions that another member has by now."""
    lost = source.lost()
    return [thing for thing in things if _partition(thing) not in lost]


def _partition(thing: Message | DeadLetter | ScoredItem) -> Partition:
    if isinstance(thing, ScoredItem):
        return thing.kafka_topic, thing.kafka_partition
    message = thing.message if isinstance(thing, DeadLetter) else thing
    return message.kafka_topic, message.partition


def _advance(
    stream_clock: StreamClock | None, stored: Sequence[ScoredItem], steps: Steps, source: Source
) -> None:
    if stream_clock:
        latest: dict[Hashable, datetime] = {}
        for one in stored:
            where = _partition(one)
            latest[where] = max(one.item.published_at, latest.get(where, one.item.published_at))
        stream_clock.advance(latest, steps.here("waiting", source.waiting))


def _count(
    messages: Sequence[Message], stored: Sequence[ScoredItem], letters: Sequence[DeadLetter], clock: Clock
) -> None:
    for message in messages:
        metrics.MESSAGES.labels(message.kafka_topic).inc()
    metrics.BATCH_MESSAGES.observe(len(messages))
    metrics.BATCH_BYTES.observe(sum(len(message.value or b"") for message in messages))
    for letter in letters:
        metrics.DEAD_LETTERS.labels(letter.reason).inc()
    metrics.ITEMS_STORED.inc(len(stored))
    for one in stored:
        if one.prediction.flag:
            metrics.ITEMS_FLAGGED.labels(one.prediction.flag).inc()
    if stored:
        latest = max(one.item.published_at for one in stored)
        metrics.BEHIND_SECONDS.set((clock.now() - latest).total_seconds())
