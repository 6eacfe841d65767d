"""The budget of false alarms: the formula, and what it is worth on a stream without news."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.budget import WEEK_SECONDS, count_clusters, gaussian_clusters, threshold_from
from alerts.statistics import fit_baseline, spike_p_value
from bench.false_alarm_chances import expected, known
from bench.false_alarm_streams import Setting, Stream, draw
from bench.false_alarms import DAY, HOUR, detection, false_alarms

budgets = st.floats(min_value=1e-3, max_value=1e3)
key_numbers = st.integers(min_value=1, max_value=10**6)
seconds = st.integers(min_value=60, max_value=30 * 86_400)
POISSON, FITFUL = Stream("Poisson", 0.0, False), Stream("over-dispersed", 0.5, False)


@given(budgets, key_numbers, seconds)
def test_the_threshold_spends_the_budget(budget: float, keys: int, window: int) -> None:
    found = threshold_from(budget, keys, window)
    p = found.p_below
    assert 0 < p <= found.most <= 0.1
    if p < 0.1:
        spent = keys * WEEK_SECONDS / window * gaussian_clusters(p) * p
        assert spent == pytest.approx(budget, rel=1e-6)


@given(budgets, key_numbers, seconds, st.floats(0, 100))
def test_that_of_a_count_spends_it_too(budget: float, keys: int, window: int, value: float) -> None:
    baseline = fit_baseline([3.0, 0.0, 1.0, 7.0] * 15)
    found = threshold_from(budget, keys, window)
    p = found.of(value, baseline)
    assert 0 < p <= found.most * (1 + 1e-9)
    if p < 0.1:
        spent = keys * WEEK_SECONDS / window * count_clusters(value, baseline) * p
        assert spent == pytest.approx(budget, rel=1e-6)


@given(budgets, key_numbers, seconds)
def test_more_keys_or_a_smaller_budget_never_raise_it(budget: float, keys: int, window: int) -> None:
    p = threshold_from(budget, keys, window).p_below
    assert threshold_from(budget, keys + 1, window).p_below <= p
    assert threshold_from(budget / 2, keys, window).p_below <= p
    assert threshold_from(budget, keys, window + 60).p_below >= p


@given(st.lists(st.integers(0, 30), min_size=20, max_size=60), st.floats(1, 300), st.floats(0.1, 50))
def test_a_larger_count_never_stops_firing(counts: list[int], value: float, more: float) -> None:
    """Alarms to be expected of a count or more, p * clusters, fall with the count."""
    baseline = fit_baseline([float(count) for count in counts])
    value += baseline.mean
    few, many = (spike_p_value(v, baseline) * count_clusters(v, baseline) for v in (value + more, value))
    assert few <= many * (1 + 1e-9) or many > 0.02, "above 0.02 no budget asks"


def test_a_budget_must_be_positive() -> None:
    for wrong in ((0.0, 1, 60), (1.0, 0, 60), (1.0, 1, 0), (-1.0, 1, 60)):
        with pytest.raises(ValueError, match="greater than 0"):
            threshold_from(*wrong)


def test_clusters_of_a_gaussian_sliding_window_come_as_often_as_said() -> None:
    """Pickands' rate against a simulated moving sum of 200 steps a window: within a third at 1 in 1,000."""
    random, window, windows, p = np.random.default_rng(3), 200, 40_000, 1e-3
    noise = np.concatenate([[0.0], np.cumsum(random.standard_normal(window * windows))])
    above = np.flatnonzero((noise[window:] - noise[:-window]) / np.sqrt(window) > 3.0902)
    clusters = 1 + int((np.diff(above) > window).sum())
    assert clusters / windows / p == pytest.approx(gaussian_clusters(p), rel=0.34)


@pytest.mark.parametrize(
    ("mean", "dispersion", "least"),
    [
        (0.6, 0.0, 4),
        (6.0, 0.0, 16),
        (60.0, 0.02, 101),
        (6.0, 0.1, 20),
        (1.0, 0.5, 8),
        (60.0, 0.5, 282),
        (60.0, 2.0, 653),
    ],
)
def test_clusters_of_a_sliding_count_come_as_often_as_said(
    mean: float, dispersion: float, least: int
) -> None:
    """A gamma process in steps of a 72nd of a window, counts with a chance near 1 in 1,000: within a quarter."""
    setting, windows = Setting("", 1200, 72, 0, False), 40_000
    steps = np.full(setting.window * windows, mean / setting.window)
    counts = draw(np.random.default_rng(2), setting, Stream("", dispersion, False), 1, steps)[0]
    total = np.concatenate([[0.0], np.cumsum(counts)])
    above = np.flatnonzero(total[setting.window :] - total[: -setting.window] >= least)
    clusters = 1 + int((np.diff(above) > setting.window).sum())
    truth = known(mean, dispersion)
    assert clusters / windows / spike_p_value(least, truth) == pytest.approx(
        count_clusters(least, truth), rel=0.25
    )


@pytest.mark.parametrize(("stream", "least"), [(POISSON, 0.0), (FITFUL, 0.5)])
def test_a_stream_without_news_keeps_the_budget(stream: Stream, least: float) -> None:
    """At most twice the budget, and half of it where counts vary enough, at a busy rate."""
    realised = false_alarms(np.random.default_rng(5), DAY, stream, 20, 10.0, 20)
    assert least <= realised <= 2.0


def test_a_daily_season_is_no_news_to_a_seasonal_rule() -> None:
    season = Stream("Poisson", 0.0, True)
    assert false_alarms(np.random.default_rng(5), HOUR, season, 3, 100.0, 1) <= 2.0


@pytest.mark.parametrize(
    ("keys", "stream"),
    [
        (10, FITFUL),
        (1000, FITFUL),
        (10, Stream("season", 0.5, True)),
        (1000, Stream("season", 0.5, True)),
        (10, Stream("the rate varies", 0.5, True, clumped=False)),
    ],
)
def test_fitful_streams_keep_the_budget_whatever_the_keys_and_the_season(keys: int, stream: Stream) -> None:
    """Windows of an hour, 100 items an hour: between a quarter of the budget and twice it, from 100 pasts."""
    setting = Setting("", 3600, 1, 672, True)
    found = expected(np.random.default_rng(5), setting, stream, keys, 100.0, 100, 1.0)
    assert 1 / 4 <= found <= 2.0


def test_large_spikes_are_found() -> None:
    found, delay = detection(np.random.default_rng(5), DAY, POISSON, 10.0, 3.0, 20)
    assert found >= 0.9
    assert 0 < delay <= 24
