"""Of several processes one: it holds the single partition of the control topic in a consumer group of its own."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from threading import Event, Thread
from time import monotonic
from typing import Any

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.structs import MemberState

from ingest.kafka import create_topics
from ingest.kafka_connection import Rebalancing, connection, mapped
from tidings.errors import Unavailable
from tidings.settings import KafkaSettings

_POLL_MS = 100
_HEARTBEAT_MS = 500  # so soon who stands by hears that the leader has gone
_RENEW_SECONDS = 0.5
_AGAIN_SECONDS = 5.0

_log = logging.getLogger(__name__)


class KafkaLeader:
    """Leads while it holds partition 0 of `settings.control_topic` in the group `settings.group` + ".leader".

    A lease: twice a second it commits an offset for the partition, which the broker accepts from a member of the
    group only, and it leads for one session time-out after the start of the last commit that was accepted. So it stops
    leading before the broker can give the partition to another: when it is taken away at once, and when nothing is
    heard from the broker after at most the session time-out. One whose lease ran out leaves the group and joins it
    anew: as the member that it was it would claim the partition that another holds by now. A killed leader is replaced
    after the session time-out and a join; one that closes, after a heartbeat and a join.
    """

    def __init__(
        self, settings: KafkaSettings, on_change: Callable[[bool], None] = lambda leads: None
    ) -> None:
        """Creates the topic where it is missing and starts a thread; raises Unavailable when no broker answers.

        `on_change` is called from that thread. The session time-out is `settings.leader_session_timeout_ms`.
        """
        self._settings = settings
        self._on_change = on_change
        self._session_ms = settings.leader_session_timeout_ms
        self._leased_until = 0.0  # monotonic seconds; written by the thread only
        self._told: bool | None = None
        self._stop = Event()
        create_topics(
            replace(settings, topics=(settings.control_topic,), dead_letter_topic=settings.control_topic)
        )
        self._thread = Thread(target=self._run, name="leader", daemon=True)
        self._thread.start()

    def holds(self) -> bool:
        """Whether this process is the one, now. Ask again before each piece of work."""
        return monotonic() < self._leased_until

    def close(self) -> None:
        """Leaves the group, so that another takes over without waiting for the time-out."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow()
            except Exception as error:  # whatever it is: a thread that ended would stand by for ever
                _log.warning("leader election begins again: %s: %s", type(error).__name__, error)
            self._lose()
            self._tell()
            self._stop.wait(_AGAIN_SECONDS)

    def _follow(self) -> None:
        with mapped(self._settings):
            consumer = self._join()
            try:
                while not self._stop.is_set():
                    consumer.poll(_POLL_MS)  # calls the listener where the group has changed
                    self._renew(consumer)
                    self._tell()
            finally:
                self._lose()  # before the partition can be another's
                consumer.close(autocommit=False, timeout_ms=self._session_ms)

    def _join(self) -> Any:
        consumer = KafkaConsumer(
            **connection(self._settings),
            group_id=f"{self._settings.group}.leader",
            enable_auto_commit=False,
            partition_assignment_strategy=[CooperativeStickyAssignor],  # who leads stays when another joins
            session_timeout_ms=self._session_ms,
            heartbeat_interval_ms=min(_HEARTBEAT_MS, self._session_ms // 4),
            max_poll_interval_ms=self._session_ms,
        )
        consumer.subscribe([self._settings.control_topic], listener=_Losses(self._lose))
        return consumer

    def _renew(self, consumer: Any) -> None:
        part = TopicPartition(self._settings.control_topic, 0)
        # A join that ends between two polls is begun anew by kafka-python: nothing is asked meanwhile.
        rebalancing = consumer.group_metadata().state == MemberState.REBALANCING
        if rebalancing or part not in consumer.assignment():
            return
        began = monotonic()
        lease_seconds = self._session_ms / 1000
        if self._leased_until and self._leased_until <= began:
            raise Rebalancing(f"nothing was heard of the broker for {lease_seconds:g} s")
        if self._leased_until - began > lease_seconds - min(_RENEW_SECONDS, lease_seconds / 4):
            return
        try:
            with mapped(self._settings):
                consumer.commit({part: OffsetAndMetadata(0, "", -1)}, timeout_ms=self._session_ms // 3)
        except Rebalancing:
            return
        except Unavailable:
            if self.holds():  # the lease bridges a short silence
                return
            raise
        self._leased_until = began + lease_seconds

    def _lose(self) -> None:
        self._leased_until = 0.0

    def _tell(self) -> None:
        if self._told != (holds := self.holds()):
            self._told = holds
            self._on_change(holds)


class _Losses(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python is untyped
    """Calls `lose` when partitions are taken away."""

    def __init__(self, lose: Callable[[], None]) -> None:
        self._lose = lose

    def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        pass

    def on_partitions_revoked(self, revoked: Iterable[Any]) -> None:
        self._lose_if(revoked)

    def on_partitions_lost(self, lost: Iterable[Any]) -> None:
        self._lose_if(lost)

    def _lose_if(self, gone: Iterable[Any]) -> None:
        if any(part.partition == 0 for part in gone):
            self._lose()
