"""The broker and the store go away while a worker works; then everything is sent twice more, backwards."""

import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.harness import account, consumed, world
from tests.faults.outage import LastingBroker, frozen
from tests.faults.traffic import Traffic, generate

LONG = pytest.param(60.0, marks=[pytest.mark.faults, pytest.mark.slow])


@pytest.mark.parametrize("seconds", [3.0, LONG])
def test_outages_and_replays_change_no_count(seconds: float, tmp_path: Path) -> None:
    traffic = generate(seed=11, items=300)
    part = len(traffic.messages) // 3
    sent = 0
    with world(tmp_path) as (here, store):

        def send(messages: list[bytes]) -> None:
            nonlocal sent
            here.send(messages)
            sent += len(messages)

        def all_read() -> None:
            here.wait_until(lambda: consumed(store) >= sent, 200)

        here.start_worker()
        send(traffic.messages[:part])
        here.wait_until(lambda: consumed(store) > 0, 200)
        with frozen(here.kafka.bootstrap_servers[0]):
            time.sleep(seconds)
        all_read()
        here.gate.close()
        send(traffic.messages[part : 2 * part])
        time.sleep(seconds)
        here.gate.open()
        all_read()
        here.server.fault.write_text("close after")  # stored, but the worker never hears of it
        send(traffic.messages[2 * part :])
        all_read()
        for _ in range(2):
            send(traffic.messages[::-1])
        all_read()
        here.stop()
        assert not here.server.fault.exists()
        everything = Traffic(traffic.messages * 3, traffic.items, traffic.invalid * 3)
        account(
            store, everything, "broker frozen, store away, insert unheard, sent thrice", 3, here.most_rss_mib
        )


@pytest.mark.parametrize("seconds", [1.0, LONG])
def test_a_broker_that_is_killed_and_comes_back_changes_no_count(seconds: float, tmp_path: Path) -> None:
    traffic = generate(seed=19, items=300)
    half = len(traffic.messages) // 2
    with closing(LastingBroker(tmp_path)) as broker, world(tmp_path, broker=broker.address) as (here, store):
        here.send(traffic.messages[:half])
        here.start_worker()
        here.wait_until(lambda: consumed(store) > 0, 200)
        broker.kill()
        time.sleep(seconds)
        broker.start()
        here.send(traffic.messages[half:])
        here.wait_until(lambda: consumed(store) >= len(traffic.messages), 200)
        broker.kill()  # all is committed: nothing is read again that would be stored anew
        broker.start()
        here.kill_worker(0)
        here.send(traffic.messages[::-1])
        here.wait_until(lambda: consumed(store) >= 2 * len(traffic.messages), 200)
        here.stop()
        everything = Traffic(traffic.messages * 2, traffic.items, traffic.invalid * 2)
        account(store, everything, "broker killed twice", 2, here.most_rss_mib)
