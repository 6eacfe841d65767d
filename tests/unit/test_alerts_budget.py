"""The budget of false alarms: the formula, and what it is worth on a stream without news."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.budget import WEEK_SECONDS, budget_threshold, clusters_per_window
from bench.false_alarms import DAY, HOUR, detection, false_alarms

budgets = st.floats(min_value=1e-3, max_value=1e3)
key_numbers = st.integers(min_value=1, max_value=10**6)
seconds = st.integers(min_value=60, max_value=30 * 86_400)


@given(budgets, key_numbers, seconds)
def test_the_threshold_spends_the_budget(budget: float, keys: int, window: int) -> None:
    p = budget_threshold(budget, keys, window)
    assert 0 < p <= 0.1
    if p < 0.1:
        spent = keys * WEEK_SECONDS / window * clusters_per_window(p) * p
        assert spent == pytest.approx(budget, rel=1e-6)


@given(budgets, key_numbers, seconds)
def test_more_keys_or_a_smaller_budget_never_raise_it(budget: float, keys: int, window: int) -> None:
    p = budget_threshold(budget, keys, window)
    assert budget_threshold(budget, keys + 1, window) <= p
    assert budget_threshold(budget / 2, keys, window) <= p
    assert budget_threshold(budget, keys, window + 60) >= p


def test_a_budget_must_be_positive() -> None:
    for wrong in ((0.0, 1, 60), (1.0, 0, 60), (1.0, 1, 0), (-1.0, 1, 60)):
        with pytest.raises(ValueError, match="greater than 0"):
            budget_threshold(*wrong)


def test_clusters_of_a_gaussian_sliding_window_come_as_often_as_said() -> None:
    """Pickands' rate against a simulated moving sum of 200 steps a window: within a third at 1 in 1,000."""
    random, window, windows, p = np.random.default_rng(3), 200, 40_000, 1e-3
    noise = np.concatenate([[0.0], np.cumsum(random.standard_normal(window * windows))])
    above = np.flatnonzero((noise[window:] - noise[:-window]) / np.sqrt(window) > 3.0902)
    clusters = 1 + int((np.diff(above) > window).sum())
    assert clusters / windows / p == pytest.approx(clusters_per_window(p), rel=0.34)


@pytest.mark.parametrize("dispersion", [0.0, 0.5])
def test_a_stream_without_news_keeps_the_budget(dispersion: float) -> None:
    """At most twice the budget over 40 weeks, at a busy rate where the count is all but continuous."""
    realised = false_alarms(np.random.default_rng(5), DAY, 20, 10.0, dispersion, 20, False)
    assert realised <= 2.0


def test_a_daily_season_is_no_news_to_a_seasonal_rule() -> None:
    assert false_alarms(np.random.default_rng(5), HOUR, 3, 100.0, 0.0, 1, True) <= 2.0


def test_large_spikes_are_found() -> None:
    found, delay = detection(np.random.default_rng(5), DAY, 10.0, 0.0, 3.0, 20)
    assert found >= 0.9
    assert 0 < delay <= 24
