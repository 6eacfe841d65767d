"""Kafka: the only file that knows kafka-python."""

import logging
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka import errors as kafka_errors

from ingest.dead_letters import DeadLetter, headers
from ingest.message import Message
from ingest.pipeline import Offsets, Partition
from tidings.errors import ConfigError, TidingsError, Unavailable
from tidings.settings import KafkaSettings

_log = logging.getLogger(__name__)
# A dead letter is the original bytes plus headers; this much is room for those.
_HEADER_BYTES = 65_536
_CONNECT_MS = 5_000
_ADMIN_MS = 30_000
_FLUSH_SECONDS = 60
# The group moved on without this member: what it holds will be read again, by it or another.
_REBALANCED = (
    kafka_errors.CommitFailedError,
    kafka_errors.IllegalGenerationError,
    kafka_errors.RebalanceInProgressError,
    kafka_errors.UnknownMemberIdError,
)


class GroupConsumer:
    """A member of the settings' consumer group (see ingest.pipeline.Source); use from one thread."""

    def __init__(self, settings: KafkaSettings) -> None:
        """Connects and subscribes; raises Unavailable when no broker answers."""
        self._settings = settings
        self._paused = False
        with _mapped(settings):
            self._consumer = KafkaConsumer(
                *settings.topics,
                **_connection(settings),
                group_id=settings.group,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                max_poll_records=settings.batch_items,
                session_timeout_ms=settings.session_timeout_ms,
                heartbeat_interval_ms=max(1, settings.session_timeout_ms // 5),
                max_partition_fetch_bytes=settings.max_message_bytes + _HEADER_BYTES,
            )

    def poll(self, timeout_seconds: float) -> list[Message]:
        """At most `batch_items` messages, in order within each partition."""
        with _mapped(self._settings):
            if self._paused:
                self._consumer.resume(*self._consumer.paused())
                self._paused = False
            found = self._consumer.poll(timeout_ms=int(timeout_seconds * 1000))
        return [_message(record) for records in found.values() for record in records]

    def commit(self, offsets: Offsets) -> None:
        """Commits exactly these offsets. After a rebalance nothing is committed: the messages come again."""
        wanted = {
            TopicPartition(topic, partition): OffsetAndMetadata(offset, "", -1)
            for (topic, partition), offset in offsets.items()
        }
        try:
            with _mapped(self._settings):
                self._consumer.commit(wanted)
        except _REBALANCED:
            _log.warning("the consumer group was rebalanced; some stored messages will be read again")

    def waiting(self) -> set[Partition]:
        """The assigned partitions with more to read, and those that nothing is known of yet.

        Where a partition ends is asked of the broker, because the last fetch may know too little; but that
        fetch counts too, because Tansu's answer may lie inside the last batch.
        """
        with _mapped(self._settings):
            assigned = self._consumer.assignment()
            ends = self._consumer.end_offsets(list(assigned)) if assigned else {}
            return {
                (part.topic, part.partition)
                for part in assigned
                if (seen := self._consumer.highwater(part)) is None
                or self._consumer.position(part) < max(seen, ends[part])
            }

    def keep_alive(self) -> None:
        """Polls with every partition paused, so that the group does not take a waiting member for dead."""
        with _mapped(self._settings):
            self._consumer.pause(*self._consumer.assignment())
            self._paused = True
            found = self._consumer.poll(timeout_ms=0)
            for partition, records in found.items():  # assigned during this very call, so not yet paused
                self._consumer.seek(partition, records[0].offset)

    def close(self) -> None:
        """Leaves the group; commits nothing."""
        self._consumer.close(autocommit=False)


class Producer:
    """Sends messages in the background; `flush` waits until all are acknowledged by all replicas."""

    def __init__(self, settings: KafkaSettings) -> None:
        """Connects; raises Unavailable when no broker answers."""
        self._settings = settings
        self._failures: list[Exception] = []
        with _mapped(settings):
            self._producer = KafkaProducer(
                **_connection(settings),
                acks="all",
                linger_ms=5,
                batch_size=131_072,
                max_request_size=settings.max_message_bytes + _HEADER_BYTES,
            )

    def send(
        self,
        kafka_topic: str,
        value: bytes | None,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Queues one message; raises Unavailable when the queue stays full, TidingsError if too large."""
        with _mapped(self._settings):
            future = self._producer.send(kafka_topic, value=value, key=key, headers=list(headers))
            future.add_errback(self._failures.append)

    def flush(self) -> None:
        """Waits for all acknowledgements; raises Unavailable (or TidingsError) when one did not come."""
        with _mapped(self._settings):
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


class DeadLetterProducer:
    """Sends dead letters to the settings' dead-letter topic (see ingest.pipeline.DeadLetters)."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._kafka_topic = settings.dead_letter_topic
        self._producer = Producer(settings)

    def send(self, letters: Sequence[DeadLetter]) -> None:
        """Acknowledged when it returns. A failure may leave some letters sent twice, none lost."""
        for letter in letters:
            self._producer.send(self._kafka_topic, letter.message.value, letter.message.key, headers(letter))
        self._producer.flush()

    def close(self) -> None:
        self._producer.close()


def create_topics(settings: KafkaSettings, partitions: int = 1, replicas: int = 1) -> tuple[str, ...]:
    """Creates the settings' topics and the dead-letter topic where they are missing; returns the new ones.

    Topics that exist are left as they are.
    """
    wanted = dict.fromkeys([*settings.topics, settings.dead_letter_topic])
    largest = {"max.message.bytes": str(settings.max_message_bytes + _HEADER_BYTES)}
    created = []
    with _mapped(settings):
        admin = KafkaAdminClient(**_connection(settings))
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
    """Every message of a topic as of now, with its headers, outside any group (dead letters, tests)."""
    with _mapped(settings):
        consumer = KafkaConsumer(
            **_connection(settings),
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            max_partition_fetch_bytes=settings.max_message_bytes + _HEADER_BYTES,
        )
        try:
            numbers = consumer.partitions_for_topic(kafka_topic) or set()
            partitions = [TopicPartition(kafka_topic, number) for number in sorted(numbers)]
            return list(_read(consumer, partitions)) if partitions else []
        finally:
            consumer.close()


def _read(consumer: Any, partitions: Sequence[Any]) -> Iterator[tuple[Message, list[tuple[str, bytes]]]]:
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    ends = consumer.end_offsets(partitions)
    found = True
    # Tansu may name an end that lies inside the last batch, so read on until nothing more comes.
    while found or any(consumer.position(partition) < ends[partition] for partition in partitions):
        found = consumer.poll(timeout_ms=500)
        for records in found.values():
            for record in records:
                yield _message(record), list(record.headers)


def _message(record: Any) -> Message:
    return Message(
        record.topic, record.partition, record.offset, record.value, record.key, max(0, record.timestamp)
    )


def _connection(settings: KafkaSettings) -> dict[str, Any]:
    _require_reachable(settings)
    return {
        "bootstrap_servers": list(settings.bootstrap_servers),
        "client_id": "tidings",
        "bootstrap_timeout_ms": _CONNECT_MS,
    }


def _require_reachable(settings: KafkaSettings) -> None:
    """Asks first, because kafka-python logs a screenful and leaks sockets when no broker answers."""
    for server in settings.bootstrap_servers:
        host, _, port = server.rpartition(":")
        if not host or not port.isdigit():
            raise ConfigError(f"kafka.bootstrap_servers: {server!r} is not host:port")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_MS / 1000):
                return
        except (OSError, OverflowError) as error:
            _log.debug("%s: %s", server, error)
    raise kafka_errors.KafkaConnectionError("no bootstrap server answers")


@contextmanager
def _mapped(settings: KafkaSettings) -> Iterator[None]:
    """Kafka's errors as ours: what may heal is Unavailable, the rest a TidingsError."""
    hosts = ", ".join(settings.bootstrap_servers)
    try:
        yield
    except _REBALANCED:
        raise
    except kafka_errors.AuthorizationError as error:
        raise TidingsError(f"Kafka at {hosts} refuses access: {error}; check the broker's ACLs") from None
    except (kafka_errors.MessageSizeTooLargeError, kafka_errors.RecordListTooLargeError) as error:
        raise TidingsError(
            f"Kafka at {hosts}: message too large: {error}; see kafka.max_message_bytes"
        ) from None
    except (kafka_errors.KafkaError, OSError) as error:
        name = type(error).__name__
        raise Unavailable(
            f"Kafka cannot be reached at {hosts} ({name}); start the broker or set kafka.bootstrap_servers"
        ) from None


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
    with _mapped(settings):
        consumer = KafkaConsumer(**_connection(settings))
        try:
            known = consumer.topics()
            names = [*settings.topics, settings.dead_letter_topic]
            # Asking for the partitions of an unknown topic could create it.
            return {
                name: len(consumer.partitions_for_topic(name) or ()) if name in known else 0 for name in names
            }
        finally:
            consumer.close()
