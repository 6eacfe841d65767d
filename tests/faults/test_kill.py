"""kill -9 of a worker at random moments, with two workers in the group."""

import random
import time
from pathlib import Path

import pytest

from tests.faults.harness import account, consumed, world
from tests.faults.traffic import generate


@pytest.mark.parametrize(
    ("kills", "items"), [(3, 900), pytest.param(100, 40_000, marks=[pytest.mark.faults, pytest.mark.slow])]
)
def test_kill_9_loses_and_doubles_nothing(kills: int, items: int, tmp_path: Path) -> None:
    chance = random.Random(7)
    traffic = generate(seed=7, items=items)
    with world(tmp_path) as (here, store):
        here.send(traffic.messages)
        here.start_worker()
        here.start_worker()
        for _ in range(kills):
            before = consumed(store)
            # At a random moment of work: some way after the last fault something was stored.
            here.wait_until(
                lambda before=before: consumed(store) > before or before >= len(traffic.messages), 300
            )
            time.sleep(chance.uniform(0, 0.5))
            here.look()
            here.kill_worker(chance.randrange(2))
        here.wait_until(lambda: consumed(store) >= len(traffic.messages), 600)
        here.stop()
        account(store, traffic, "kill -9 of a worker", kills, here.most_rss_mib)
