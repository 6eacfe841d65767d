"""Which process's alert engine is active: one at a time over one store."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ingest.kafka_leader import KafkaLeader
from tidings.metrics import ENGINE_ACTIVE
from tidings.settings import Settings

log = logging.getLogger(__name__)


def always() -> bool:
    """An engine that is the only one."""
    return True


@contextmanager
def one_engine(settings: Settings) -> Iterator[Callable[[], bool]]:
    """Yields what says whether this process's engine is active now; raises Unavailable when no broker answers.

    An embedded store belongs to one process, so its engine is always active. Over a server's store the engines of
    all processes elect one through Kafka; at the end this one gives way to another at once.
    """
    if settings.store.backend == "embedded":
        ENGINE_ACTIVE.set(1)
        yield always
        return
    leader = KafkaLeader(
        settings.kafka, lambda leads: log.info("alert engine: %s", "active" if leads else "standing by")
    )
    ENGINE_ACTIVE.set_function(lambda: float(leader.holds()))
    try:
        yield leader.holds
    finally:
        leader.close()


def only_while(active: Callable[[], bool], job: Callable[[], object]) -> Callable[[], None]:
    """The job, for the engine that is active; the others do nothing."""

    def run() -> None:
        if active():
            job()

    return run
