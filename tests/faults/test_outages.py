"""The broker and the store go away while a worker works; then everything is sent twice more, backwards."""

import time
from pathlib import Path

from tests.faults.harness import account, consumed, world
from tests.faults.outage import frozen
from tests.faults.traffic import Traffic, generate

SECONDS = 3.0


def test_outages_and_replays_change_no_count(tmp_path: Path) -> None:
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
            time.sleep(SECONDS)
        all_read()
        here.gate.close()
        send(traffic.messages[part : 2 * part])
        time.sleep(SECONDS)
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
