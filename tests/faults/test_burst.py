"""More arrives at once than a worker can score and store in that time: it waits in the broker, not in the worker."""

import os
import time
from functools import partial
from pathlib import Path

import pytest

from store.store import Store
from tests.faults.harness import account, consumed, world
from tests.faults.traffic import generate

# The long form's two bursts together; two million items take hours here (docs/reliability.md).
LONG = int(os.environ.get("BURST_ITEMS", "18000"))


@pytest.mark.parametrize(
    ("items", "batch_items"),
    [(600, 64), pytest.param(LONG, 1024, marks=[pytest.mark.faults, pytest.mark.slow])],
)
def test_two_bursts_at_ten_times_what_a_worker_takes_are_accounted_for(
    items: int, batch_items: int, tmp_path: Path
) -> None:
    traffic = generate(seed=17, items=items, url_characters=4_000 if items < 50_000 else 0)
    half = len(traffic.messages) // 2
    with world(tmp_path, batch_items) as (here, store):
        for start, end in ((0, half), (half, len(traffic.messages))):
            began = time.monotonic()
            here.send(traffic.messages[start:end])
            sent = (end - start) / (time.monotonic() - began)
            if not here.workers:
                here.start_worker()
                here.wait_until(lambda: consumed(store) > 0, 100)
            began, before = time.monotonic(), consumed(store)
            here.wait_until(partial(_has, store, end), 500 + (end - start) / 20)
            stored = (end - before) / (time.monotonic() - began)
            print(f"sent at {sent:.0f} a second, stored at {stored:.0f} a second: {sent / stored:.0f} times")
            assert items < 1_000 or sent > 10 * stored  # a short burst is over before it has begun
        here.stop()
        account(store, traffic, "two bursts", 2, here.most_rss_mib)


def _has(store: Store, messages: int) -> bool:
    return consumed(store) >= messages
