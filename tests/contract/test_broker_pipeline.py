"""The pipeline over a real broker: nothing is lost, whatever fails."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

import pytest

from ingest import dead_letters, kafka
from ingest.pipeline import Backoff, BatchReport, run
from ingest.replay import replay
from tidings.clock import StreamClock
from tidings.errors import TidingsError, Unavailable
from tidings.settings import KafkaSettings
from tidings.types import Prediction, ScoredItem

SOON = 30.0


def classify(texts: Sequence[str]) -> list[Prediction]:
    return [Prediction("Macro", 1.0, 0.2, 0.5, 0.3, "test") for _ in texts]


@dataclass
class Memory:
    """A store that keeps rows in memory and fails as it is told to, before keeping anything."""

    failures: list[Exception] = field(default_factory=list)
    rows: list[ScoredItem] = field(default_factory=list)

    def insert(self, items: Sequence[ScoredItem]) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.rows.extend(items)

    @property
    def titles(self) -> list[str]:
        return [row.item.title for row in self.rows]


def publish(settings: KafkaSettings, *values: bytes, key: bytes | None = None, topic: int = 0) -> None:
    producer = kafka.Producer(settings)
    for value in values:
        producer.send(settings.topics[topic], value, key)
    producer.flush()
    producer.close()


def message(title: str) -> bytes:
    return json.dumps({"title": title, "published_at": "2008-03-14T12:00:00Z", "source": "wire"}).encode()


@contextmanager
def consuming(settings: KafkaSettings) -> Iterator[kafka.GroupConsumer]:
    consumer = kafka.GroupConsumer(settings)
    try:
        yield consumer
    finally:
        consumer.close()


def run_until(
    settings: KafkaSettings,
    insert: Callable[[Sequence[ScoredItem]], None],
    enough: Callable[[list[BatchReport]], bool],
    stream_clock: StreamClock | None = None,
) -> list[BatchReport]:
    """Runs the pipeline in this thread until `enough` of its reports came; fails when they do not."""
    reports: list[BatchReport] = []
    stop = Event()

    def on_batch(report: BatchReport) -> None:
        reports.append(report)
        if enough(reports):
            stop.set()

    deadline = Thread(target=lambda: stop.wait(SOON) or stop.set(), daemon=True)
    deadline.start()
    letters = kafka.DeadLetterProducer(settings)
    try:
        with consuming(settings) as source:
            run(
                source,
                letters,
                classify,
                insert,
                stop,
                on_batch=on_batch,
                stream_clock=stream_clock,
                backoff=Backoff(first=0.01, longest=0.02),
            )
    finally:
        stop.set()
        letters.close()
    assert enough(reports), "the messages did not arrive in time"
    return reports


def handled(count: int) -> Callable[[list[BatchReport]], bool]:
    return lambda reports: sum(report.messages for report in reports) >= count


def left_over(settings: KafkaSettings, seconds: float) -> list[str]:
    """The titles that another member of the same group would read."""
    with consuming(settings) as source:
        end = time.monotonic() + seconds
        found: list[str] = []
        while not found and time.monotonic() < end:
            found += [json.loads(message.value or b"{}")["title"] for message in source.poll(0.5)]
        return found


def test_every_message_is_stored_with_its_origin_and_moves_stream_time(kafka_settings: KafkaSettings) -> None:
    publish(kafka_settings, *[message(f"Item {n}") for n in range(6)])
    publish(kafka_settings, message("A post"), topic=1)
    store, clock = Memory(), StreamClock()
    reports = run_until(kafka_settings, store.insert, handled(7), clock)
    news = [row for row in store.rows if row.item.kind == "news"]
    assert [(row.kafka_topic, row.kafka_offset) for row in news] == [
        (kafka_settings.topics[0], offset) for offset in range(6)
    ]
    assert [row.item.title for row in store.rows if row.item.kind == "social"] == ["A post"]
    assert all(report.messages <= kafka_settings.batch_items for report in reports)
    assert clock.now() == datetime(2008, 3, 14, 12, tzinfo=UTC)
    assert left_over(kafka_settings, 5) == []


def test_a_crash_before_the_insert_is_acknowledged_loses_nothing(kafka_settings: KafkaSettings) -> None:
    publish(kafka_settings, message("Kept"), message("Also kept"))
    with pytest.raises(TidingsError, match="disk full"):
        run_until(kafka_settings, Memory([TidingsError("disk full")]).insert, handled(2))
    store = Memory()
    run_until(kafka_settings, store.insert, handled(2))
    assert store.titles == ["Kept", "Also kept"]


def test_a_store_that_is_down_for_a_while_is_tried_again(kafka_settings: KafkaSettings) -> None:
    publish(kafka_settings, message("Patient"))
    store = Memory([Unavailable("down"), Unavailable("still down")])
    reports = run_until(kafka_settings, store.insert, handled(1))
    assert store.titles == ["Patient"]
    assert store.failures == []
    assert len(reports) == 1


def test_stopping_finishes_and_commits_the_batch_in_hand(kafka_settings: KafkaSettings) -> None:
    publish(kafka_settings, *[message(f"Item {n}") for n in range(9)])
    store = Memory()
    run_until(kafka_settings, store.insert, lambda reports: bool(reports))  # stops at the first batch
    done = len(store.rows)
    assert 0 < done < 9
    assert left_over(kafka_settings, SOON)[0] == f"Item {done}"


def test_stopping_while_the_store_is_down_leaves_the_batch_for_the_next_start(
    kafka_settings: KafkaSettings,
) -> None:
    publish(kafka_settings, message("Later"))
    stop = Event()

    def down(items: Sequence[ScoredItem]) -> None:
        stop.set()
        raise Unavailable("down")

    letters = kafka.DeadLetterProducer(kafka_settings)
    with consuming(kafka_settings) as source:
        run(source, letters, classify, down, stop)
    letters.close()
    assert left_over(kafka_settings, SOON) == ["Later"]


def test_dead_letters_carry_the_original_bytes_their_origin_and_the_reason(
    kafka_settings: KafkaSettings,
) -> None:
    bad = b'{"title": "\xff\x00"}'
    publish(kafka_settings, bad, key=b"\x00key")
    publish(kafka_settings, message("Good"))
    store = Memory()
    reports = run_until(kafka_settings, store.insert, handled(2))
    assert store.titles == ["Good"]
    assert [letter.reason for report in reports for letter in report.dead_letters] == ["invalid_utf8"]
    ((record, headers),) = kafka.read_all(kafka_settings, kafka_settings.dead_letter_topic)
    letter = dead_letters.read(record, headers)
    assert letter.message.value == bad
    assert letter.message.key == b"\x00key"
    assert (letter.message.kafka_topic, letter.message.partition, letter.message.offset) == (
        kafka_settings.topics[0],
        0,
        0,
    )
    assert letter.reason == "invalid_utf8"
    assert "byte 11" in letter.detail
    assert letter.message.timestamp_ms > 0
    assert left_over(kafka_settings, 5) == []


def test_replaying_a_file_twice_gives_the_same_items(kafka_settings: KafkaSettings, tmp_path: Path) -> None:
    file = tmp_path / "wire.csv"
    lines = [f"2008-03-1{n}T08:00:00Z,Item {n},https://example.org/{n}" for n in range(3)]
    file.write_text("published_at,title,url\n" + "\n".join(lines) + "\n")
    producer = kafka.Producer(kafka_settings)
    for _ in range(2):
        assert replay(file, producer, kafka_topic=kafka_settings.topics[0]).published == 3
    producer.close()
    store = Memory()
    run_until(kafka_settings, store.insert, handled(6))
    ids = [row.item.item_id for row in store.rows]
    assert ids[:3] == ids[3:]
    assert len(set(ids)) == 3
    assert {row.item.source for row in store.rows} == {"wire"}


def test_a_waiting_member_keeps_its_place_and_reads_on_where_it_was(kafka_settings: KafkaSettings) -> None:
    with consuming(kafka_settings) as source:
        publish(kafka_settings, message("First"))
        first = _poll(source)
        publish(kafka_settings, message("Second"))
        for _ in range(5):
            source.keep_alive()
        assert [first, _poll(source)] == [["First"], ["Second"]]


def _poll(source: kafka.GroupConsumer, seconds: float = SOON) -> list[str]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := source.poll(0.5):
            return [json.loads(message.value or b"{}")["title"] for message in found]
    return []


def test_a_large_message_arrives_whole(kafka_settings: KafkaSettings) -> None:
    publish(kafka_settings, message("x" * 900_000), message("y" * 1_000_001))
    store = Memory()
    reports = run_until(kafka_settings, store.insert, handled(2))
    assert [len(title) for title in store.titles] == [900_000]
    assert [letter.reason for report in reports for letter in report.dead_letters] == ["too_large"]


def test_stream_time_waits_for_the_partition_that_has_more_to_read(kafka_settings: KafkaSettings) -> None:
    publish(kafka_settings, *[message(f"Item {n}") for n in range(9)])
    with consuming(kafka_settings) as source:
        assert len(_poll(source)) == kafka_settings.batch_items
        assert (kafka_settings.topics[0], 0) in source.waiting()
        while _poll(source, 2.0):
            pass
        assert source.waiting() == set()


def test_topics_are_created_once_and_checked(kafka_settings: KafkaSettings) -> None:
    assert kafka.create_topics(kafka_settings) == ()
    assert kafka.topic_partitions(kafka_settings) == {
        kafka_settings.topics[0]: 1,
        kafka_settings.topics[1]: 1,
        kafka_settings.dead_letter_topic: 1,
    }


@pytest.mark.parametrize(
    "connect", [kafka.GroupConsumer, kafka.Producer, kafka.create_topics, kafka.check_broker]
)
def test_an_unreachable_broker_is_named_with_what_to_do(connect: Callable[[KafkaSettings], object]) -> None:
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1 .*kafka\.bootstrap_servers"):
        connect(KafkaSettings(bootstrap_servers=("127.0.0.1:1",)))
