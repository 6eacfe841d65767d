"""The loop by itself: what is stored, dead-lettered, recorded and committed, in which order and thread."""

import json
import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.dead_letters import DeadLetter
from ingest.limit import DeadLetterLimit
from ingest.message import Message
from ingest.pipeline import REFUSED, BatchReport, Offsets, Partition, run
from ingest.steps import Backoff
from tidings import metrics
from tidings.errors import Refused, TidingsError, Unavailable
from tidings.settings import IngestSettings
from tidings.types import Consumed, Prediction, ScoredItem

SOON = Backoff(first=0.001, longest=0.002)
TOPIC = "news.raw"


def message(offset: int, partition: int = 0, value: bytes | None = None) -> Message:
    row = {"title": f"Item {partition}.{offset}", "published_at": "2008-03-14T12:00:00Z"}
    return Message(TOPIC, partition, offset, value or json.dumps(row).encode(), None, 0)


def poison(offset: int, partition: int = 0) -> Message:
    return message(offset, partition, b"{")


def classify(texts: Sequence[str]) -> list[Prediction]:
    return [Prediction("Macro", 1.0, 0.2, 0.5, 0.3, "test") for _ in texts]


@dataclass
class Source:
    """Hands out batches, then asks to stop; notes commits and the threads it is called from."""

    batches: list[list[Message]]
    stop: Event
    gone: set[Partition] = field(default_factory=set)
    commits: list[Offsets] = field(default_factory=list)
    commit_errors: list[Exception] = field(default_factory=list)
    kept_alive: int = 0
    threads: set[int] = field(default_factory=set)

    def poll(self, timeout_seconds: float) -> list[Message]:
        self.threads.add(threading.get_ident())
        self.gone.clear()
        if not self.batches:
            self.stop.set()
            return []
        return self.batches.pop(0)

    def lost(self) -> Collection[Partition]:
        return set(self.gone)

    def commit(self, offsets: Offsets) -> None:
        self.threads.add(threading.get_ident())
        if self.commit_errors:
            raise self.commit_errors.pop(0)
        self.commits.append(dict(offsets))

    def waiting(self) -> set[Partition]:
        return set()

    def keep_alive(self) -> bool:
        self.threads.add(threading.get_ident())
        self.kept_alive += 1
        return False


@dataclass
class Outcome:
    """What the steps were given, and in which order."""

    steps: list[str] = field(default_factory=list)
    rows: list[ScoredItem] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    records: list[Consumed] = field(default_factory=list)
    reports: list[BatchReport] = field(default_factory=list)
    source: Source = field(default_factory=lambda: Source([], Event()))

    @property
    def titles(self) -> list[str]:
        return [row.item.title for row in self.rows]


def handle(
    *batches: Sequence[Message],
    insert: Callable[[Outcome, Sequence[ScoredItem]], None] | None = None,
    classify: Callable[[Sequence[str]], list[Prediction]] = classify,
    send: Callable[[Outcome, Sequence[DeadLetter]], None] | None = None,
    limit: IngestSettings | None = None,
    commit_errors: Sequence[Exception] = (),
    outcome: Outcome | None = None,
) -> Outcome:
    stop = Event()
    outcome = outcome or Outcome()
    outcome.source = Source([list(batch) for batch in batches], stop, commit_errors=list(commit_errors))

    class Letters:
        def send(self, letters: Sequence[DeadLetter]) -> None:
            outcome.steps.append("dead_letters")
            if send:
                send(outcome, letters)
            outcome.letters.extend(letters)

    def store(items: Sequence[ScoredItem]) -> None:
        outcome.steps.append("insert")
        if insert:
            insert(outcome, items)
        outcome.rows.extend(items)

    def record(consumed: Sequence[Consumed]) -> None:
        outcome.steps.append("record")
        outcome.records.extend(consumed)

    run(
        outcome.source,
        Letters(),
        classify,
        store,
        stop,
        record=record,
        limit=DeadLetterLimit(limit) if limit else None,
        on_batch=outcome.reports.append,
        backoff=SOON,
        poll_seconds=0.01,
    )
    return outcome


def test_every_message_is_recorded_before_its_offset_is_committed() -> None:
    done = handle([message(3), poison(4), message(7, partition=1)])
    assert done.steps == ["insert", "dead_letters", "record"]
    assert [(one.kafka_partition, one.kafka_offset, one.reason) for one in done.records] == [
        (0, 3, ""),
        (0, 4, "invalid_json"),
        (1, 7, ""),
    ]
    assert [one.item_id for one in done.records if one.item_id] == [row.item.item_id for row in done.rows]
    assert done.source.commits == [{(TOPIC, 0): 5, (TOPIC, 1): 8}]


@pytest.mark.parametrize("step", ["insert", "dead_letters"])
def test_a_step_that_fails_for_good_commits_and_records_nothing(step: str) -> None:
    def fail(outcome: Outcome, things: Sequence[object]) -> None:
        raise TidingsError("disk full")

    done = Outcome()
    with pytest.raises(TidingsError, match="disk full"):
        handle(
            [message(0), poison(1)],
            insert=fail if step == "insert" else None,
            send=fail if step == "dead_letters" else None,
            outcome=done,
        )
    assert (done.source.commits, done.records) == ([], [])


def test_the_consumer_is_kept_alive_from_its_own_thread_while_a_step_is_slow() -> None:
    slow_in = set()

    def slow(texts: Sequence[str]) -> list[Prediction]:
        slow_in.add(threading.get_ident())
        time.sleep(0.7)
        return classify(texts)

    done = handle([message(0)], classify=slow)
    assert done.source.kept_alive >= 2
    assert done.source.threads == {threading.get_ident()}
    assert slow_in.isdisjoint(done.source.threads)
    assert done.source.commits == [{(TOPIC, 0): 1}]


def test_what_is_unavailable_is_tried_again_and_counted_by_step_and_error() -> None:
    failures: list[Exception] = [Unavailable("down"), Unavailable("still down")]

    def insert(outcome: Outcome, items: Sequence[ScoredItem]) -> None:
        if failures:
            raise failures.pop(0)

    def counted() -> float:
        return metrics.RETRIES.labels("insert", "Unavailable")._value.get()

    before = counted()
    done = handle([message(0)], insert=insert)
    assert done.titles == ["Item 0.0"]
    assert counted() - before == 2


def test_a_commit_that_a_rebalance_refuses_is_tried_again_for_what_is_still_held() -> None:
    done = handle([message(0), message(0, partition=1)], commit_errors=[Unavailable("rebalancing")])
    assert done.source.commits == [{(TOPIC, 0): 1, (TOPIC, 1): 1}]


@pytest.mark.parametrize("at", ["classify", "insert", "dead_letters"])
def test_what_is_lost_in_the_middle_of_a_batch_is_never_committed(at: str) -> None:
    done = Outcome()

    def lose(*_: object) -> None:
        done.source.gone.add((TOPIC, 1))

    def lose_and_classify(texts: Sequence[str]) -> list[Prediction]:
        lose()
        return classify(texts)

    handle(
        [message(0), message(0, partition=1), poison(1), poison(1, partition=1)],
        insert=lose if at == "insert" else None,
        send=lose if at == "dead_letters" else None,
        classify=lose_and_classify if at == "classify" else classify,
        outcome=done,
    )
    assert done.source.commits == [{(TOPIC, 0): 2}]
    if at != "dead_letters":
        assert {letter.message.partition for letter in done.letters} == {0}
        assert {one.kafka_partition for one in done.records} == {0}
    if at == "classify":
        assert done.titles == ["Item 0.0"]


def test_nothing_is_committed_when_every_partition_is_lost() -> None:
    done = Outcome()
    handle([message(0)], insert=lambda outcome, items: outcome.source.gone.add((TOPIC, 0)), outcome=done)
    assert (done.source.commits, done.records) == ([], [])


@given(refused=st.sets(st.integers(0, 11)), size=st.integers(1, 12))
def test_splitting_finds_the_bad_rows_wherever_they_are(refused: set[int], size: int) -> None:
    def insert(outcome: Outcome, items: Sequence[ScoredItem]) -> None:
        bad = [item.kafka_offset for item in items if item.kafka_offset in refused]
        if bad:
            raise Refused(f"row {bad[0]} is bad")

    done = handle([message(n) for n in range(size)], insert=insert)
    expected = [n for n in range(size) if n in refused]
    assert [row.kafka_offset for row in done.rows] == [n for n in range(size) if n not in refused]
    assert [(letter.reason, letter.message.offset) for letter in done.letters] == [
        (REFUSED, n) for n in expected
    ]
    assert [letter.detail for letter in done.letters] == [f"row {n} is bad" for n in expected]
    assert [(one.kafka_offset, bool(one.item_id)) for one in done.records] == [
        (n, n not in refused) for n in range(size)
    ]
    assert done.source.commits == [{(TOPIC, 0): size}]


def test_a_store_that_goes_down_in_the_middle_of_splitting_is_waited_for() -> None:
    calls: list[int] = []

    def insert(outcome: Outcome, items: Sequence[ScoredItem]) -> None:
        calls.append(len(items))
        if len(calls) == 3:
            raise Unavailable("down")
        if any(item.kafka_offset == 2 for item in items):
            raise Refused("bad")

    done = handle([message(n) for n in range(4)], insert=insert)
    assert sorted(row.kafka_offset for row in done.rows) == [0, 1, 3]
    assert [letter.message.offset for letter in done.letters] == [2]


LIMIT = IngestSettings(dead_letter_share=0.5, dead_letter_messages=8, dead_letter_minimum=3)


def test_too_many_dead_letters_stop_the_worker_before_they_are_sent() -> None:
    done = Outcome()
    with pytest.raises(TidingsError) as error:
        handle(
            [message(0), message(1), poison(2)],
            [poison(3), poison(4), message(5), message(6, value=b"\xff")],
            limit=LIMIT,
            outcome=done,
        )
    text = str(error.value)
    assert text.startswith(
        "4 of the last 7 messages were dead letters (limit 50%), 3 of them invalid_json, for"
    )
    assert "ingest.dead_letter_share" in text
    assert done.source.commits == [{(TOPIC, 0): 3}]
    assert [letter.message.offset for letter in done.letters] == [2]
    assert [one.kafka_offset for one in done.records] == [0, 1, 2]
    # The good one of the batch in hand is stored; it comes again, and the store keeps an item once.
    assert done.titles == ["Item 0.0", "Item 0.1", "Item 0.5"]


@pytest.mark.parametrize(
    "batches",
    [
        [[poison(0), poison(1)]],  # fewer than the minimum
        [
            [message(n) for n in range(8)],
            [poison(8), poison(9), poison(10), poison(11)],
        ],  # no more than the share
        [[message(n), message(n + 1), poison(n + 2)] for n in range(0, 60, 3)],  # a third, for ever
    ],
)
def test_few_dead_letters_stop_nothing(batches: list[list[Message]]) -> None:
    last = batches[-1][-1].offset + 1
    assert handle(*batches, limit=LIMIT).source.commits[-1] == {(TOPIC, 0): last}


def test_rows_that_the_store_refuses_count_towards_the_limit() -> None:
    def insert(outcome: Outcome, items: Sequence[ScoredItem]) -> None:
        raise Refused("no such column")

    with pytest.raises(TidingsError, match="4 of them refused, for example: no such column"):
        handle([message(n) for n in range(4)], insert=insert, limit=LIMIT)


def test_the_default_limit_lets_a_stream_with_a_few_bad_messages_pass() -> None:
    batches = [[message(n) for n in range(k, k + 64)] for k in range(0, 4300, 64)]
    bad = [poison(4400 + n) for n in range(7)]
    assert len(handle(*batches, bad, limit=IngestSettings()).letters) == 7


def test_stopping_while_something_is_down_leaves_the_batch(caplog: pytest.LogCaptureFixture) -> None:
    def insert(outcome: Outcome, items: Sequence[ScoredItem]) -> None:
        outcome.source.stop.set()
        raise Unavailable("down")

    with caplog.at_level(logging.WARNING):
        done = handle([message(0)], insert=insert)
    assert done.source.commits == []
    assert "read again at the next start" in caplog.text
