"""Past items from a file into Kafka, as fast as it goes or paced by their publication times."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Protocol

from ingest.rows import Row, read_rows

DEFAULT_TOPICS = {"news": "news.raw", "social": "social.raw"}
_PROGRESS_ROWS = 1000


class Publisher(Protocol):
    """Queues messages; `flush` returns once all are acknowledged and raises Unavailable otherwise."""

    def send(self, kafka_topic: str, value: bytes) -> None: ...

    def flush(self) -> None: ...


@dataclass(frozen=True)
class ReplayReport:
    """Rows read, published and left out by the time filter, and the times of what was published."""

    rows: int = 0
    published: int = 0
    left_out: int = 0
    first: datetime | None = None
    last: datetime | None = None


def replay(
    path: Path,
    publisher: Publisher,
    *,
    kafka_topic: str | None = None,
    topics: Mapping[str, str] = DEFAULT_TOPICS,
    start: datetime | None = None,
    end: datetime | None = None,
    speed: float | None = None,
    source: str = "",
    progress: Callable[[ReplayReport], None] | None = None,
    stop: Event | None = None,
) -> ReplayReport:
    """Publishes the rows with `start` <= published_at < `end`, in the file's order; returns the counts.

    `speed` is stream seconds per second (3600: an hour a second), None as fast as it goes. A row goes
    to `kafka_topic`, or to its kind's topic of `topics`. A row's message is the same whenever it
    is replayed, and so is its item_id: replaying a file again changes no count. `progress` is called every
    thousand rows, and whenever the pacing waits a second or more; `stop` ends the replay early. All is
    acknowledged on return. Raises ConfigError (file, line, column and fix) and Unavailable.
    """
    stop = stop or Event()
    rows = published = left_out = 0
    first: datetime | None = None
    last: datetime | None = None
    began = time.monotonic()

    def report() -> ReplayReport:
        return ReplayReport(rows, published, left_out, first, last)

    for row in read_rows(path, source):
        if stop.is_set():
            break
        rows += 1
        if (start and row.published_at < start) or (end and row.published_at >= end):
            left_out += 1
            continue
        first = first or row.published_at
        last = max(last, row.published_at) if last else row.published_at
        if speed:
            due = began + (row.published_at - first).total_seconds() / speed
            wait = due - time.monotonic()
            if progress and wait >= 1:
                progress(report())
            if wait > 0 and stop.wait(wait):
                break
        publisher.send(kafka_topic or topic_of(row, topics), message_of(row))
        published += 1
        if progress and rows % _PROGRESS_ROWS == 0:
            progress(report())
    publisher.flush()
    return report()


def message_of(row: Row) -> bytes:
    """The message that a row becomes: always the same, and so is its item_id."""
    return json.dumps(row.values, sort_keys=True, default=str).encode()


def topic_of(row: Row, topics: Mapping[str, str] = DEFAULT_TOPICS) -> str:
    """The Kafka topic of the row's kind; that of news for an unknown one."""
    return topics.get(str(row.values.get("kind", "news")), topics["news"])
