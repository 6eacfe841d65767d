"""One leader at a time: it stays when another comes, hands over when it leaves, and stops when the broker is silent."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from kafka.errors import InvalidSessionTimeoutError

from ingest.embedded import embedded_broker
from ingest.kafka_connection import mapped
from ingest.kafka_leader import KafkaLeader
from service.leader import one_engine, only_while
from tests.faults.outage import frozen
from tidings.errors import ConfigError, Unavailable
from tidings.metrics import ENGINE_ACTIVE
from tidings.settings import KafkaSettings, Settings

SOON = 30.0
# kafka-python leaves the socket of a broker that does not answer to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """What is left is collected here, and not in another test."""
    yield
    gc.collect()


def wait(done: Callable[[], object], seconds: float = SOON) -> float:
    began = time.monotonic()
    while not done():
        assert time.monotonic() - began < seconds, "not in time"
        time.sleep(0.05)
    return time.monotonic() - began


def test_one_of_two_leads_and_the_other_follows_when_it_leaves(kafka_settings: KafkaSettings) -> None:
    settings = replace(kafka_settings, control_topic=f"control.{kafka_settings.group}")
    told: list[bool] = []
    with ExitStack() as closing:
        first = KafkaLeader(settings, told.append)
        closing.callback(first.close)
        wait(first.holds)
        second = KafkaLeader(settings)
        closing.callback(second.close)
        end = time.monotonic() + 6
        while time.monotonic() < end:  # the second has joined meanwhile
            assert (first.holds(), second.holds()) == (True, False)
            time.sleep(0.05)
        first.close()
        assert not first.holds()
        assert told == [False, True, False]
        wait(second.holds)


def test_a_leader_that_hears_nothing_stops_within_the_session_and_leads_again(
    kafka_settings: KafkaSettings,
) -> None:
    with embedded_broker() as broker, ExitStack() as closing:
        leader = KafkaLeader(replace(kafka_settings, bootstrap_servers=(broker,)))
        closing.callback(leader.close)
        wait(leader.holds)
        with frozen(broker):
            assert wait(lambda: not leader.holds()) <= 6.5
        wait(leader.holds)


def test_without_a_broker_it_says_so() -> None:
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"):
        KafkaLeader(KafkaSettings(("127.0.0.1:1",)))


def test_a_time_out_that_the_broker_refuses_is_named() -> None:
    # Tansu takes any; Apache Kafka answers so below its group.min.session.timeout.ms.
    with (
        pytest.raises(ConfigError, match=r"kafka\.leader_session_timeout_ms .* group\.min\.session"),
        mapped(KafkaSettings()),
    ):
        raise InvalidSessionTimeoutError


def test_an_embedded_store_has_one_engine_and_asks_no_broker() -> None:
    done: list[int] = []
    with one_engine(Settings(kafka=KafkaSettings(("127.0.0.1:1",)))) as active:
        only_while(active, lambda: done.append(1))()
        only_while(lambda: False, lambda: done.append(2))()
        assert [sample.value for metric in ENGINE_ACTIVE.collect() for sample in metric.samples] == [1]
    assert done == [1]
