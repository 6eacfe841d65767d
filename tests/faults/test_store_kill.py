"""kill -9 of the store at chosen moments of a batch, while a worker writes to it; then it is started again."""

from pathlib import Path
from threading import Event

import pytest

from tests.faults.harness import account, consumed, world
from tests.faults.traffic import generate

# What the worker is about to ask when the store dies: in the middle of an insert, and between insert and commit.
MOMENTS = (b"INSERT INTO item_versions", b"INSERT INTO story_items", b"INSERT INTO consumed_rows")


@pytest.mark.parametrize(
    ("rounds", "items"), [(1, 300), pytest.param(10, 6_000, marks=[pytest.mark.faults, pytest.mark.slow])]
)
def test_a_store_killed_between_insert_and_commit_counts_everything_once(
    rounds: int, items: int, tmp_path: Path
) -> None:
    traffic = generate(seed=13, items=items)
    kills = rounds * len(MOMENTS)
    sent = 0
    with world(tmp_path) as (here, store):
        here.start_worker()
        for number in range(kills):
            killed = Event()

            def kill(killed: Event = killed) -> None:
                here.server.kill()
                killed.set()

            here.gate.before(MOMENTS[number % len(MOMENTS)], kill)
            part = traffic.messages[number::kills]
            here.send(part)
            sent += len(part)
            here.wait_until(killed.is_set, 100)
            here.server.start()
            here.wait_until(lambda sent=sent: consumed(store) >= sent, 100)
        here.stop()
        account(store, traffic, "kill -9 of the store within a batch", kills, here.most_rss_mib)
