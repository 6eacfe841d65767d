"""More arrives at once than a worker can score and store in that time: it waits in the broker, not in the worker."""

import time
from pathlib import Path

import pytest

from tests.faults.harness import account, consumed, world
from tests.faults.traffic import generate


@pytest.mark.parametrize("items", [600, pytest.param(18_000, marks=[pytest.mark.faults, pytest.mark.slow])])
def test_a_burst_at_ten_times_what_a_worker_takes_is_accounted_for(items: int, tmp_path: Path) -> None:
    traffic = generate(seed=17, items=items, url_characters=4_000)
    with world(tmp_path) as (here, store):
        began = time.monotonic()
        here.send(traffic)
        sending = time.monotonic() - began
        here.start_worker()
        here.wait_until(lambda: consumed(store) > 0, 100)
        began, before = time.monotonic(), consumed(store)
        here.wait_until(lambda: consumed(store) >= len(traffic.messages), 500)
        rate = (len(traffic.messages) - before) / (time.monotonic() - began)
        here.stop()
        burst = len(traffic.messages) / sending
        account(store, traffic, "burst", 1, here.most_rss_mib)
        assert burst > 10 * rate
        print(f"sent at {burst:.0f} a second, stored at {rate:.0f} a second: {burst / rate:.0f} times")
