"""A broker for the contract tests: the embedded one, or the cluster that KAFKA_BOOTSTRAP_SERVERS names."""

import os
import uuid
from collections.abc import Iterator

import pytest

from ingest.embedded import embedded_broker
from ingest.kafka import create_topics
from tidings.settings import KafkaSettings


@pytest.fixture(scope="session")
def bootstrap_servers() -> Iterator[tuple[str, ...]]:
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "")
    if given:
        yield tuple(given.split(","))
    else:
        with embedded_broker() as address:
            yield (address,)


@pytest.fixture
def kafka_settings(bootstrap_servers: tuple[str, ...]) -> KafkaSettings:
    """Topics and a group of this test's own. A short session: Tansu takes half of it to join a group."""
    name = uuid.uuid4().hex[:8]
    settings = KafkaSettings(
        bootstrap_servers=bootstrap_servers,
        topics=(f"news.{name}", f"social.{name}"),
        dead_letter_topic=f"dead.{name}",
        group=f"group.{name}",
        batch_items=4,
        session_timeout_ms=6_000,
    )
    create_topics(settings)
    return settings
