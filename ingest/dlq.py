"""The dead-letter topic as people work with it: what waits there by reason, and sending it back.

What was sent back is marked in the topic itself, by a record with the header `replayed` that lists positions. So a
mark lives at least as long as the letters it speaks of, and nothing else has to agree with the topic.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple, Protocol

from ingest import dead_letters
from ingest.dead_letters import DeadLetter, Headers
from ingest.message import Message, decode
from tidings.errors import InvalidMessage

Read = Callable[[], Iterable[tuple[Message, Headers]]]
MARK = "replayed"
# Sent letters are marked this many at a time: a crash in between sends so many once more, at most.
_MARK_EVERY = 500


class Position(NamedTuple):
    """Where in the dead-letter topic a letter lies."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A letter in its topic; `replayed` says that it was sent back already."""

    position: Position
    letter: DeadLetter
    replayed: bool


@dataclass(frozen=True, slots=True)
class Group:
    """The letters of one reason: how many wait and were sent back, and one of them (a waiting one, if any)."""

    reason: str
    waiting: int
    replayed: int
    first: datetime
    last: datetime
    example: Position
    detail: str


@dataclass(frozen=True)
class ReplayReport:
    """What became of the letters that were looked at. `sent` counts those that would be, in a dry run.

    `invalid` (by today's reason) cannot be decoded by this Tidings either, `foreign` came from a topic
    that is not read any more (or from somebody else): neither is sent.
    """

    looked_at: int = 0
    sent: int = 0
    already_replayed: int = 0
    invalid: dict[str, int] = field(default_factory=dict)
    foreign: int = 0


class Publisher(Protocol):
    """Queues messages; `flush` returns once all are acknowledged and raises Unavailable otherwise."""

    def send(
        self,
        kafka_topic: str,
        value: bytes | None,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None: ...

    def flush(self) -> None: ...


def entries(read: Read) -> Iterator[Entry]:
    """The topic's letters as of now. Reads it twice, marks first; keeps one letter and the marks in memory."""
    marked: set[Position] = set()
    last: dict[int, int] = {}
    for message, found in read():
        last[message.partition] = message.offset
        if _is_mark(found):
            marked.update(_positions(message.value))
    for message, found in read():
        if message.offset <= last.get(message.partition, -1) and not _is_mark(found):
            position = Position(message.partition, message.offset)
            yield Entry(position, dead_letters.read(message, found), position in marked)


def letter_at(records: Iterable[tuple[Message, Headers]], position: Position) -> DeadLetter | None:
    """The letter at a position, where `records` begins there; None when it holds none."""
    for message, found in records:
        if (message.partition, message.offset) == position and not _is_mark(found):
            return dead_letters.read(message, found)
        break
    return None


def group(found: Iterable[Entry]) -> list[Group]:
    """One Group a reason, most waiting letters first. Times are those of failure."""
    groups: dict[str, Group] = {}
    for entry in found:
        letter, done = entry.letter, entry.replayed
        at = letter.failed_at
        one = groups.get(letter.reason)
        if one is None:
            groups[letter.reason] = Group(
                letter.reason, not done, done, at, at, entry.position, letter.detail
            )
            continue
        if not done and not one.waiting:
            one = replace(one, example=entry.position, detail=letter.detail)
        groups[letter.reason] = replace(
            one,
            waiting=one.waiting + (not done),
            replayed=one.replayed + done,
            first=min(one.first, at),
            last=max(one.last, at),
        )
    return sorted(groups.values(), key=lambda one: (-one.waiting, -one.replayed, one.reason))


def replay(
    found: Iterable[Entry],
    publisher: Publisher | None,
    *,
    dead_letter_topic: str,
    topics: Sequence[str],
    now: datetime,
) -> ReplayReport:
    """Sends letters back to the topics they came from, original bytes and key, unless they were sent before.

    A letter that this Tidings cannot decode either is not sent. Without a `publisher` nothing is sent, only
    counted. A crash between sending and marking sends up to 500 letters again, which changes no count: the store
    keeps an item once. Raises Unavailable.
    """
    looked_at = sent = already = foreign = 0
    invalid: Counter[str] = Counter()
    unmarked: list[Position] = []

    def mark() -> None:
        if publisher and unmarked:
            publisher.flush()  # first acknowledged, then marked
            publisher.send(dead_letter_topic, json.dumps(unmarked).encode(), None, [(MARK, b"1")])
            publisher.flush()
            unmarked.clear()

    for entry in found:
        looked_at += 1
        message = entry.letter.message
        reason = None if entry.replayed else why_invalid(message, now)
        if entry.replayed:
            already += 1
        elif message.kafka_topic not in topics:
            foreign += 1
        elif reason:
            invalid[reason] += 1
        else:
            sent += 1
            unmarked.append(entry.position)
            if publisher:
                publisher.send(message.kafka_topic, message.value, message.key)
        if len(unmarked) >= _MARK_EVERY:
            mark()
            unmarked.clear()  # in a dry run too
    mark()
    return ReplayReport(looked_at, sent, already, dict(invalid), foreign)


def why_invalid(message: Message, now: datetime) -> str:
    """The reason why this Tidings cannot decode the message; empty when it can."""
    try:
        decode(message.value, message.kafka_topic, now)
    except InvalidMessage as error:
        return error.reason
    return ""


def _is_mark(found: Headers) -> bool:
    return any(name == MARK for name, _ in found)


def _positions(value: bytes | None) -> list[Position]:
    """The positions that a mark lists; none where it is damaged (its letters then wait, and may be sent again)."""
    try:
        return [Position(int(partition), int(offset)) for partition, offset in json.loads(value or b"")]
    except (ValueError, TypeError):
        return []
