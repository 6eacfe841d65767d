from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from alerts.season import HOURS, exposures, flat_profile, own_exposures, profile

MONDAY = datetime(2024, 1, 1, tzinfo=UTC)


def hourly(weeks: int, level: float, seed: int = 1) -> tuple[list[float], np.ndarray]:
    hour = np.arange(HOURS)
    worth = 1 - 0.8 * np.cos(2 * np.pi * hour / 24)
    return np.random.default_rng(seed).poisson(level * np.tile(worth, weeks)).astype(float).tolist(), worth


def test_the_profile_finds_the_season_of_a_busy_stream() -> None:
    counts, worth = hourly(8, 50)
    assert profile(counts, MONDAY) == pytest.approx(tuple(worth), abs=0.2)
    # From another hour on it is the same, in its place.
    later = profile(counts[30:], MONDAY + timedelta(hours=30))
    assert later == pytest.approx(tuple(worth), abs=0.25)


def test_a_sparse_stream_stays_near_flat_and_a_short_one_is() -> None:
    counts, _ = hourly(8, 0.02)
    assert max(abs(each - 1) for each in profile(counts, MONDAY)) < 0.2
    assert profile([5.0] * (HOURS - 1), MONDAY) == flat_profile()


def test_a_past_burst_is_no_season() -> None:
    counts, worth = hourly(8, 50)
    counts[3 * HOURS + 12] = 5000.0
    assert profile(counts, MONDAY)[12] == pytest.approx(worth[12], abs=0.3)


def test_exposures_are_the_means_of_the_profile() -> None:
    worth = tuple(float(hour) for hour in range(HOURS))
    assert exposures(worth, MONDAY + timedelta(hours=5), 3600, 3) == pytest.approx([5, 6, 7])
    assert exposures(worth, MONDAY + timedelta(hours=5, minutes=30), 3600, 1) == pytest.approx([5.5])
    assert exposures(worth, MONDAY + timedelta(hours=167), 7200, 1) == pytest.approx(
        [83.5]
    )  # over the week's end
    assert exposures(worth, MONDAY, 7 * 86_400, 2) == pytest.approx([83.5, 83.5])


def test_a_sparse_key_has_the_scopes_season_and_a_busy_one_its_own() -> None:
    """Windows of 6 hours; the scope is flat, the key speaks in the first of each day only."""
    own = [4.0, 0.0, 0.0, 0.0] * 7 * 6
    flat = [1.0] * (len(own) + 1)
    past, present, doubt = own_exposures([count * 100 for count in own], flat, 6 * 3600)
    assert present > past[0] > 3.5  # a past window's own count is no part of its factor
    assert past[1] < 0.1
    assert doubt < 0.001
    _, sparse, doubt = own_exposures([count / 100 for count in own], flat, 6 * 3600)
    assert sparse == pytest.approx(1.0, abs=0.05)
    assert doubt < 0.001
    assert own_exposures([0.0] * 8, [1.0] * 9, 6 * 3600) == ([1.0] * 8, 1.0, 0.0)


def test_the_doubt_is_what_fitfulness_adds_to_a_keys_own_season() -> None:
    """Against simulation: weeks of a key without a season of its own, so that all its factor varies by is error."""
    random, weeks, mean, phi = np.random.default_rng(1), 4, 200.0, 0.4
    flat = [1.0] * (weeks * HOURS + 1)
    factors, doubts = [], []
    for _ in range(400):
        counts = random.poisson(random.gamma(1 / phi, mean * phi, weeks * HOURS)).astype(float).tolist()
        _, factor, doubt = own_exposures(counts, flat, 3600)
        factors.append(factor)
        doubts.append(doubt)
    assert 1 < np.mean(doubts) / (np.var(factors) / np.mean(factors) ** 2) < 2, "on the safe side"
    burst = [*([10.0, 20.0] * HOURS * 2), 9e9, *([10.0] * (HOURS - 1))]
    assert own_exposures(burst, [1.0] * (5 * HOURS + 1), 3600)[2] <= 0.05, "a burst is no end of it"
