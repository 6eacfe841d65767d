"""A member of a consumer group: reads, waits, commits, and knows what it has lost."""

import time
from collections.abc import Iterable, Mapping
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

_REBALANCE_MS = 500
# How often a waiting member asks how far the topic has gone on, and how long it waits for the answer.
_LAG_SECONDS = 10.0
_LAG_MS = 2_000


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
        self._committed: dict[Partition, int] = {}
        self._lag_at = time.monotonic()
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
        """At most `batch_items` messages of `batch_bytes` bytes and one more, in order within each partition.

        What was read before an error stays for the next call: positions have moved past it.
        """
        with mapped(self._settings):
            if self._paused:
                self._consumer.resume(*self._consumer.paused())
                self._paused = False
            while (room := self._room()) > 0:
                timeout_ms = 0 if self._batch else int(timeout_seconds * 1000)
                found = self._consumer.poll(timeout_ms, max_records=room)
                # The group changes before records are read, so these come from what is held now.
                self._batch = [m for m in self._batch if (m.kafka_topic, m.partition) not in self._lost]
                self._committed = {
                    where: n for where, n in self._committed.items() if where not in self._lost
                }
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
            self._committed |= offsets
            self._tell_lag({})

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
                if time.monotonic() - self._lag_at > _LAG_SECONDS:
                    self._lag_at = time.monotonic()
                    self._ask_lag()
                return False
            self._poll_paused(_REBALANCE_MS)
            return self._rebalancing()

    def close(self) -> None:
        """Leaves the group; commits nothing."""
        self._consumer.close(autocommit=False)

    def _room(self) -> int:
        """How many messages more fit, whatever their size; one while there are bytes left."""
        left = self._settings.batch_bytes - sum(len(one.value or b"") for one in self._batch)
        fit = max(1, left // self._settings.max_message_bytes) if left > 0 else 0
        return min(fit, self._settings.batch_items - len(self._batch))

    def _ask_lag(self) -> None:
        """While nothing is fetched the last fetch does not know how far the topic has gone on: the broker does."""
        assigned = self._consumer.assignment()
        for part in assigned:
            if (part.topic, part.partition) not in self._committed:
                offset = self._consumer.committed(part, timeout_ms=_LAG_MS)
                if offset is not None:
                    self._committed[part.topic, part.partition] = offset
        self._tell_lag(self._consumer.end_offsets(list(assigned), timeout_ms=_LAG_MS) if assigned else {})

    def _tell_lag(self, ends: Mapping[Any, int]) -> None:
        """Of each partition held what lies between the last commit and its end, as far as that is known."""
        for part in self._consumer.assignment():
            committed = self._committed.get((part.topic, part.partition))
            end = max(self._consumer.highwater(part) or 0, ends.get(part, 0))
            if committed is not None and end:
                metrics.LAG.labels(part.topic, part.partition).set(max(0, end - committed))

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
