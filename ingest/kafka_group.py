"""A member of a consumer group: reads, waits, commits, and knows what it has lost."""

from collections.abc import Iterable
from typing import Any

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.structs import MemberState

from ingest.kafka_connection import HEADER_BYTES, connection, mapped, message
from ingest.message import Message
from ingest.pipeline import Offsets, Partition
from tidings import metrics
from tidings.settings import KafkaSettings

# Most messages taken at once, so that a batch cannot grow past its bytes by more than these.
_TAKE = 64
_REBALANCE_MS = 500


class GroupConsumer:
    """A member of the settings' consumer group (see ingest.pipeline.Source); use from one thread.

    Partitions move cooperatively (KIP-429): a member keeps what stays its own through a rebalance, positions and
    fetched messages included, and what it loses it loses for good. So `lost` is exact: a partition that is
    lost and comes back is read again from the last commit.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        """Connects and subscribes; raises Unavailable when no broker answers."""
        self._settings = settings
        self._paused = False
        self._batch: list[Message] = []
        self._lost: set[Partition] = set()
        with mapped(settings):
            self._consumer = KafkaConsumer(
                **connection(settings),
                group_id=settings.group,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                partition_assignment_strategy=[CooperativeStickyAssignor],
                session_timeout_ms=settings.session_timeout_ms,
                heartbeat_interval_ms=max(1, settings.session_timeout_ms // 5),
                # Polling never stops (keep_alive), so a member that does not poll hangs: others take over.
                max_poll_interval_ms=settings.session_timeout_ms,
                fetch_max_bytes=settings.batch_bytes,
                max_partition_fetch_bytes=settings.max_message_bytes + HEADER_BYTES,
            )
            self._consumer.subscribe(settings.topics, listener=_Changes(self._lost))

    def poll(self, timeout_seconds: float) -> list[Message]:
        """At most `batch_items` messages and about `batch_bytes` bytes, in order within each partition.

        What was read before an error stays for the next call: positions have moved past it.
        """
        with mapped(self._settings):
            if self._paused:
                self._consumer.resume(*self._consumer.paused())
                self._paused = False
            while (room := self._room()) > 0:
                timeout_ms = 0 if self._batch else int(timeout_seconds * 1000)
                found = self._consumer.poll(timeout_ms, max_records=min(room, _TAKE))
                # The group changes before records are read, so these come from what is held now.
                self._batch = [m for m in self._batch if (m.kafka_topic, m.partition) not in self._lost]
                self._lost.clear()
                self._batch += [message(record) for records in found.values() for record in records]
                if not found:
                    break
        batch, self._batch = self._batch, []
        return batch

    def lost(self) -> frozenset[Partition]:
        """The partitions taken from this member since the last `poll`."""
        return frozenset(self._lost)

    def commit(self, offsets: Offsets) -> None:
        """Commits exactly these offsets; raises Unavailable, and its Rebalancing while the group has no shape."""
        wanted = {
            TopicPartition(topic, partition): OffsetAndMetadata(offset, "", -1)
            for (topic, partition), offset in offsets.items()
        }
        with mapped(self._settings):
            self._consumer.commit(wanted)
            for (topic, partition), offset in offsets.items():
                end = self._consumer.highwater(TopicPartition(topic, partition))
                if end is not None:
                    metrics.LAG.labels(topic, partition).set(max(0, end - offset))

    def waiting(self) -> set[Partition]:
        """The assigned partitions with more to read, and those that nothing is known of yet.

        Where a partition ends is asked of the broker, because the last fetch may know too little; but that
        fetch counts too, because Tansu's answer may lie inside the last batch.
        """
        with mapped(self._settings):
            assigned = self._consumer.assignment()
            ends = self._consumer.end_offsets(list(assigned)) if assigned else {}
            return {
                (part.topic, part.partition)
                for part in assigned
                if (seen := self._consumer.highwater(part)) is None
                or self._consumer.position(part) < max(seen, ends[part])
            }

    def keep_alive(self) -> bool:
        """Polls with every partition paused, so that the group does not take a waiting member for dead.

        Paused partitions keep what was fetched and their positions. A rebalance is waited for half a second at a
        time, and True returned while it goes on: a join that ends between two polls is begun anew by kafka-python.
        """
        with mapped(self._settings):
            self._poll_paused(0)
            if not self._rebalancing():
                return False
            self._poll_paused(_REBALANCE_MS)
            return self._rebalancing()

    def close(self) -> None:
        """Leaves the group; commits nothing."""
        self._consumer.close(autocommit=False)

    def _room(self) -> int:
        size = sum(len(one.value or b"") for one in self._batch)
        return self._settings.batch_items - len(self._batch) if size < self._settings.batch_bytes else 0

    def _rebalancing(self) -> bool:
        return bool(self._consumer.group_metadata().state == MemberState.REBALANCING)

    def _poll_paused(self, timeout_ms: int) -> None:
        self._consumer.pause(*self._consumer.assignment())
        self._paused = True
        found = self._consumer.poll(timeout_ms)
        for partition, records in found.items():  # assigned during this very call, so not yet paused
            self._consumer.seek(partition, records[0].offset)


class _Changes(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python is untyped
    """Notes what is lost. Called by kafka-python while the consumer's thread waits in poll."""

    def __init__(self, lost: set[Partition]) -> None:
        self._lost = lost

    def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        metrics.REBALANCES.labels("assigned").inc()

    def on_partitions_revoked(self, revoked: Iterable[Any]) -> None:
        self._note(revoked, "revoked")

    def on_partitions_lost(self, lost: Iterable[Any]) -> None:
        self._note(lost, "lost")

    def _note(self, gone: Iterable[Any], change: str) -> None:
        metrics.REBALANCES.labels(change).inc()
        for part in gone:
            self._lost.add((part.topic, part.partition))
            metrics.LAG.remove(part.topic, str(part.partition))
