"""Kafka: producing, topics, reading outside a group. Only the files ingest/kafka*.py know kafka-python."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka import errors as kafka_errors

from ingest.dead_letters import DeadLetter, headers
from ingest.kafka_connection import HEADER_BYTES, connection, mapped, message
from ingest.kafka_group import GroupConsumer
from ingest.message import Message
from tidings.settings import KafkaSettings

__all__ = [
    "DeadLetterProducer",
    "GroupConsumer",
    "Producer",
    "check_broker",
    "create_topics",
    "read_all",
    "read_each",
    "topic_partitions",
]

_log = logging.getLogger(__name__)
_ADMIN_MS = 30_000
_FLUSH_SECONDS = 60
_LINGER_MS = 5
_POLLS_PAST_END = 20


class Producer:
    """Sends messages in the background; `flush` waits until all are acknowledged by all replicas.

    `publish` waits for its own messages, and may be called from several threads.
    """

    def __init__(self, settings: KafkaSettings, patience_seconds: float = 0) -> None:
        """Connects; raises Unavailable when no broker answers.

        Within `patience_seconds` a message is acknowledged or given up; 0 is kafka-python's own two minutes.
        """
        self._settings = settings
        self._failures: list[Exception] = []
        with mapped(settings):
            self._producer = KafkaProducer(
                **connection(settings),
                acks="all",
                linger_ms=_LINGER_MS,
                batch_size=131_072,
                max_request_size=settings.max_message_bytes + HEADER_BYTES,
                **_patience(patience_seconds),
            )

    def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Sends these (topic, value) and returns once all are acknowledged; raises Unavailable when one is not."""
        with mapped(self._settings):
            futures = [self._producer.send(topic, value=value) for topic, value in messages]
            for future in futures:
                future.get(timeout=_FLUSH_SECONDS)

    def send(
        self,
        kafka_topic: str,
        value: bytes | None,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Queues one message; raises Unavailable when the queue stays full, TidingsError if too large."""
        with mapped(self._settings):
            future = self._producer.send(kafka_topic, value=value, key=key, headers=list(headers))
            future.add_errback(self._failures.append)

    def flush(self) -> None:
        """Waits for all acknowledgements; raises Unavailable (or TidingsError) when one did not come."""
        with mapped(self._settings):
            self._producer.flush(timeout=_FLUSH_SECONDS)
            failures, self._failures = self._failures, []
            self._producer_errors(failures)

    def close(self) -> None:
        """Sends what is queued, for a few seconds at most, and disconnects."""
        self._producer.close(timeout=5)

    @staticmethod
    def _producer_errors(failures: Sequence[Exception]) -> None:
        if failures:
            raise failures[0]


def _patience(seconds: float) -> dict[str, int]:
    """kafka-python asks that delivery, which holds the time in the queue too, may take the longest."""
    ms = int(seconds * 1000)
    options = {"max_block_ms": ms, "request_timeout_ms": ms, "delivery_timeout_ms": ms + _LINGER_MS}
    return options if ms else {}


class DeadLetterProducer:
    """Sends dead letters to the settings' dead-letter topic (see ingest.pipeline.DeadLetters)."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._kafka_topic = settings.dead_letter_topic
        self._producer = Producer(settings)

    def send(self, letters: Sequence[DeadLetter]) -> None:
        """Acknowledged when it returns. A failure may leave some letters sent twice, none lost."""
        for letter in letters:
            value, key = letter.message.value, letter.message.key
            # kafka-python sends no message that has neither; such a letter's value is empty instead.
            value = b"" if value is None and key is None else value
            self._producer.send(self._kafka_topic, value, key, headers(letter))
        self._producer.flush()

    def close(self) -> None:
        self._producer.close()


def create_topics(settings: KafkaSettings, partitions: int = 1, replicas: int = 1) -> tuple[str, ...]:
    """Creates the settings' topics and the dead-letter topic where they are missing; returns the new ones.

    Topics that exist are left as they are.
    """
    wanted = dict.fromkeys([*settings.topics, settings.dead_letter_topic])
    largest = {"max.message.bytes": str(settings.max_message_bytes + HEADER_BYTES)}
    created = []
    with mapped(settings):
        admin = KafkaAdminClient(**connection(settings))
        try:
            for topic in [name for name in wanted if name not in set(admin.list_topics())]:
                options = {"num_partitions": partitions, "replication_factor": replicas, "configs": largest}
                try:
                    admin.create_topics({topic: options}, timeout_ms=_ADMIN_MS)
                    created.append(topic)
                except kafka_errors.TopicAlreadyExistsError:
                    _log.debug("%s was created by someone else meanwhile", topic)
        finally:
            admin.close()
    return tuple(created)


def read_all(settings: KafkaSettings, kafka_topic: str) -> list[tuple[Message, list[tuple[str, bytes]]]]:
    """Every message of a topic as of now, with its headers, outside any group (tests, small topics)."""
    return list(read_each(settings, kafka_topic))


def read_each(
    settings: KafkaSettings, kafka_topic: str, start: tuple[int, int] | None = None
) -> Iterator[tuple[Message, list[tuple[str, bytes]]]]:
    """A topic's messages as of now, one at a time, with their headers, outside any group.

    With `start` (partition, offset) only that partition, from that offset on. A topic or partition that is
    missing has no messages. Raises Unavailable.
    """
    with mapped(settings):
        consumer = KafkaConsumer(
            **connection(settings),
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            max_partition_fetch_bytes=settings.max_message_bytes + HEADER_BYTES,
        )
        try:
            # Asking for the partitions of an unknown topic could create it.
            known = kafka_topic in consumer.topics()
            numbers = (consumer.partitions_for_topic(kafka_topic) if known else None) or set()
            wanted = sorted(number for number in numbers if start is None or number == start[0])
            partitions = [TopicPartition(kafka_topic, number) for number in wanted]
            if partitions:
                yield from _read(consumer, partitions, start[1] if start else None)
        finally:
            consumer.close()


def _read(
    consumer: Any, partitions: Sequence[Any], start: int | None
) -> Iterator[tuple[Message, list[tuple[str, bytes]]]]:
    consumer.assign(partitions)
    if start is None:
        consumer.seek_to_beginning(*partitions)
    else:
        consumer.seek(partitions[0], start)
    ends = consumer.end_offsets(partitions)
    past_end = 0
    found = True
    # Tansu may name an end that lies inside the last batch, so read on until nothing more comes; but not
    # for ever, where someone goes on writing.
    while past_end < _POLLS_PAST_END:
        reached = all(consumer.position(partition) >= ends[partition] for partition in partitions)
        if reached and not found:
            return
        past_end += reached
        found = consumer.poll(timeout_ms=500)
        for records in found.values():
            for record in records:
                yield message(record), list(record.headers)


def check_broker(settings: KafkaSettings) -> str:
    """In words: the broker's address and Tidings' topics; raises Unavailable."""
    found = topic_partitions(settings)
    missing = [topic for topic, count in found.items() if not count]
    texts = [
        f"{topic} ({count} partition{'s' if count > 1 else ''})" for topic, count in found.items() if count
    ]
    if missing:
        texts.append(f"missing and created at start: {', '.join(missing)}")
    return f"{', '.join(settings.bootstrap_servers)}: {', '.join(texts)}"


def topic_partitions(settings: KafkaSettings) -> dict[str, int]:
    """The topics that Tidings uses, with their partition counts (0: missing); raises Unavailable."""
    with mapped(settings):
        consumer = KafkaConsumer(**connection(settings), enable_auto_commit=False)
        try:
            known = consumer.topics()
            names = [*settings.topics, settings.dead_letter_topic]
            # Asking for the partitions of an unknown topic could create it.
            return {
                name: len(consumer.partitions_for_topic(name) or ()) if name in known else 0 for name in names
            }
        finally:
            consumer.close()
