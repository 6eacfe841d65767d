"""Members of one group: slow ones keep their place, and what moves between them is neither lost nor misfiled."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Event, Thread

import pytest

from ingest import kafka, kafka_group
from ingest.pipeline import Backoff, Offsets, Partition, run
from tests.contract.test_broker_pipeline import SOON, Memory, classify, left_over, message, publish
from tidings import metrics
from tidings.errors import Unavailable
from tidings.settings import KafkaSettings
from tidings.types import Consumed, Prediction, ScoredItem

# Longer than the session, and so than the longest silence that the consumer is allowed.
SLOW_SECONDS = 8.0


class Noting(kafka.GroupConsumer):
    """A member that notes what it committed."""

    def __init__(self, settings: KafkaSettings) -> None:
        super().__init__(settings)
        self.commits: list[dict[Partition, int]] = []

    def commit(self, offsets: Offsets) -> None:
        super().commit(offsets)
        self.commits.append(dict(offsets))


@dataclass
class Worker:
    """A member with a pipeline and a store of its own, in a thread."""

    settings: KafkaSettings
    name: str
    seconds: float = 0.0  # how long the first batch is in classify
    hold: Event | None = None  # until when it is
    stop: Event = field(default_factory=Event)
    busy: Event = field(default_factory=Event)
    store: Memory = field(default_factory=Memory)
    consumed: list[Consumed] = field(default_factory=list)
    commits: list[dict[Partition, int]] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)

    def classify(self, texts: Sequence[str]) -> list[Prediction]:
        if not self.busy.is_set():
            self.busy.set()
            time.sleep(self.seconds)
            if self.hold:
                self.hold.wait(SOON)
        return classify(texts)

    def run(self) -> None:
        letters = kafka.DeadLetterProducer(self.settings)
        source = Noting(self.settings)
        try:
            run(
                source,
                letters,
                self.classify,
                self.store.insert,
                self.stop,
                record=self.consumed.extend,
                backoff=Backoff(first=0.01, longest=0.05),
            )
        except BaseException as error:  # shown by the test
            self.errors.append(error)
        finally:
            self.commits = source.commits
            source.close()
            letters.close()


@contextmanager
def working(*workers: Worker) -> Iterator[None]:
    threads = [Thread(target=worker.run, daemon=True) for worker in workers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for worker in workers:
            worker.stop.set()
            if worker.hold:
                worker.hold.set()
        for thread in threads:
            thread.join(SOON)
        assert [worker.errors for worker in workers] == [[] for _ in workers]


def until(condition: object, seconds: float = SOON) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass in time"
        time.sleep(0.05)


@pytest.fixture
def two_partitions(kafka_settings: KafkaSettings) -> KafkaSettings:
    """One topic of two partitions, read in batches that hold all that the tests publish."""
    name = kafka_settings.topics[0].replace("news.", "two.")
    settings = replace(kafka_settings, topics=(name,), batch_items=100)
    kafka.create_topics(settings, partitions=2)
    return settings


def publish_to_both(settings: KafkaSettings, count: int) -> None:
    for n in range(count):
        publish(settings, message(f"Item {n}"), key=str(n).encode())


def lost() -> float:
    return metrics.REBALANCES.labels("lost")._value.get()


def test_a_slow_model_does_not_get_the_worker_thrown_out(kafka_settings: KafkaSettings) -> None:
    publish(kafka_settings, message("Slow"), message("And steady"))
    before = lost()
    worker = Worker(kafka_settings, "slow", seconds=SLOW_SECONDS)
    with working(worker):
        until(lambda: len(worker.consumed) == 2)
    assert lost() == before
    assert worker.commits == [{(kafka_settings.topics[0], 0): 2}]
    assert worker.store.titles == ["Slow", "And steady"]


def test_a_slow_store_does_not_get_the_worker_thrown_out(kafka_settings: KafkaSettings) -> None:
    publish(kafka_settings, message("Patient"))
    before = lost()
    worker = Worker(kafka_settings, "waits")
    end = time.monotonic() + SLOW_SECONDS
    insert = worker.store.insert

    def down(items: Sequence[object]) -> None:
        if time.monotonic() < end:
            raise Unavailable("down")
        insert(items)  # type: ignore[arg-type]  # as given

    worker.store.insert = down  # type: ignore[method-assign]  # this one store is down for a while
    with working(worker):
        until(lambda: bool(worker.consumed))
    assert lost() == before
    assert worker.commits == [{(kafka_settings.topics[0], 0): 1}]


def test_a_rebalance_in_the_middle_of_a_batch_loses_nothing_and_commits_nothing_that_is_anothers(
    two_partitions: KafkaSettings,
) -> None:
    publish_to_both(two_partitions, 12)
    topic = two_partitions.topics[0]
    first = Worker(two_partitions, "first", hold=Event())
    second = Worker(two_partitions, "second")
    with working(first):
        until(first.busy.is_set)
        with working(second):
            # The first is still in classify: it polls, so the group gives one of its partitions to the second.
            until(lambda: bool(second.consumed))
            assert first.store.rows == []
            assert first.hold
            first.hold.set()
            until(lambda: len(first.store.rows) + len(second.store.rows) >= 12)
            until(lambda: bool(first.consumed))
    moved = {one.kafka_partition for one in second.consumed}
    kept = {0, 1} - moved
    assert len(moved) == 1
    assert {one.kafka_partition for one in first.consumed} == kept
    assert all(set(offsets) <= {(topic, number) for number in kept} for offsets in first.commits)
    assert all(set(offsets) <= {(topic, number) for number in moved} for offsets in second.commits)
    # Each message was recorded by the one that committed it, once; and it is stored.
    both = [*first.consumed, *second.consumed]
    assert len(both) == len({(one.kafka_partition, one.kafka_offset) for one in both}) == 12
    assert {*first.store.titles, *second.store.titles} == {f"Item {n}" for n in range(12)}
    assert left_over(two_partitions, 5) == []


def test_what_a_dead_member_held_is_read_again_by_another(two_partitions: KafkaSettings) -> None:
    publish_to_both(two_partitions, 8)
    dying = Noting(two_partitions)
    until(lambda: bool(dying.poll(0.5)))
    dying.close()  # it leaves without a commit (a kill -9 is among the faults)
    heir = Worker(two_partitions, "heir")
    with working(heir):
        until(lambda: len(heir.consumed) == 8)
    assert sorted(heir.store.titles) == sorted(f"Item {n}" for n in range(8))


def test_a_batch_ends_at_its_bytes(kafka_settings: KafkaSettings) -> None:
    settings = replace(kafka_settings, batch_items=512, batch_bytes=200_000)
    publish(settings, *[message(f"{n:04} " + "x" * 10_000) for n in range(200)])
    source = kafka.GroupConsumer(settings)
    sizes: list[int] = []
    titles: list[str] = []
    try:
        end = time.monotonic() + SOON
        while len(titles) < 200 and time.monotonic() < end:
            batch = source.poll(0.5)
            sizes.append(sum(len(one.value or b"") for one in batch))
            titles += [json.loads(one.value or b"{}")["title"][:4] for one in batch]
    finally:
        source.close()
    assert titles == [f"{n:04}" for n in range(200)]
    assert max(sizes) <= 200_000 + 10_100, "one message more at most"
    assert len([size for size in sizes if size]) >= 3


def lag_of(settings: KafkaSettings) -> float:
    return metrics.LAG.labels(settings.topics[0], 0)._value.get()


def test_the_lag_goes_on_growing_while_the_store_is_away(
    kafka_settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_group, "_LAG_SECONDS", 0.2)
    away = Event()

    class Moody(Memory):
        def insert(self, items: Sequence[ScoredItem]) -> None:
            if away.is_set():
                raise Unavailable("away")
            super().insert(items)

    worker = Worker(kafka_settings, "waiting", store=Moody())
    publish(kafka_settings, *[message(f"Item {n}") for n in range(4)])
    with working(worker):
        until(lambda: len(worker.store.rows) == 4 and lag_of(kafka_settings) == 0)
        away.set()
        for sent in range(1, 7):  # one at a time: Tansu names an end inside a batch of several
            publish(kafka_settings, message(f"Item {4 + sent}"))
            until(lambda sent=sent: lag_of(kafka_settings) == sent)
        away.clear()
        until(lambda: len(worker.store.rows) == 10 and lag_of(kafka_settings) == 0)


def test_how_far_behind_a_partition_is_can_be_seen(kafka_settings: KafkaSettings) -> None:
    publish(kafka_settings, *[message(f"Item {n}") for n in range(10)])  # more than two batches
    worker = Worker(kafka_settings, "watched")
    seen: list[float] = []
    record = worker.consumed.extend

    def lag() -> float:
        return lag_of(kafka_settings)

    class Record(list[Consumed]):
        def extend(self, consumed: object) -> None:
            seen.append(lag())
            record(consumed)  # type: ignore[arg-type]  # as given

    worker.consumed = Record()
    with working(worker):
        until(lambda: lag() == 0.0 and len(worker.store.rows) == 10)
        assert seen[-1] > 0
    # Who holds a partition no more says nothing of it.
    assert (kafka_settings.topics[0], "0") not in metrics.LAG._metrics
