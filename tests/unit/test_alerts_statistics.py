import math
from bisect import bisect_left

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from alerts.statistics import (
    Baseline,
    fit_baseline,
    interval,
    negative_binomial_tail,
    spike_p_value,
    without_ongoing_burst,
)

Floats = npt.NDArray[np.float64]
means = st.floats(min_value=1e-3, max_value=1e4)
dispersions = st.floats(min_value=1e-3, max_value=50)
values = st.floats(min_value=0, max_value=1e4)


def spread(baseline: Baseline) -> float:
    """The mean over-dispersion."""
    return float(baseline.weights @ baseline.dispersions)


def drawn(random: np.random.Generator, mean: float, dispersion: float, windows: int) -> Floats:
    rates = random.gamma(1 / dispersion, mean * dispersion, windows) if dispersion else np.full(windows, mean)
    return random.poisson(rates).astype(float)


@given(st.integers(min_value=0, max_value=2000), means, dispersions)
def test_the_tail_is_the_negative_binomial_one_at_whole_values(
    value: int, mean: float, dispersion: float
) -> None:
    r = 1 / dispersion
    expected = stats.nbinom.sf(value - 1, r, r / (r + mean))
    assert negative_binomial_tail(value, mean, dispersion) == pytest.approx(expected, rel=1e-6, abs=1e-13)


@given(st.integers(min_value=0, max_value=500), st.floats(min_value=1e-3, max_value=400))
def test_without_over_dispersion_it_is_the_poisson_one(value: int, mean: float) -> None:
    expected = stats.poisson.sf(value - 1, mean)
    assert negative_binomial_tail(value, mean, 0.0) == pytest.approx(expected, rel=1e-7, abs=1e-13)
    assert negative_binomial_tail(value, mean, 1e-7) == pytest.approx(expected, rel=2e-2, abs=1e-9)


@given(values, values, means, st.one_of(st.just(0.0), dispersions))
def test_it_is_a_probability_that_never_rises_with_the_value(
    a: float, b: float, mean: float, dispersion: float
) -> None:
    low, high = (negative_binomial_tail(x, mean, dispersion) for x in sorted((a, b)))
    assert 0.0 <= high <= low + 1e-12 <= 1.0 + 1e-12


def test_the_ends_of_the_tail() -> None:
    # SciPy's gammainc and betainc answer 0 for denormal values; the limit is 1.
    assert negative_binomial_tail(2e-313, 1, 0) == negative_binomial_tail(2e-313, 1, 1) == 1.0
    assert negative_binomial_tail(0, 3, 1) == negative_binomial_tail(-2, 3, 1) == 1.0
    assert negative_binomial_tail(1, 0, 1) == negative_binomial_tail(math.inf, 3, 1) == 0.0
    assert negative_binomial_tail(1e6, 1, 0.1) < 1e-200
    for wrong in ((math.nan, 1, 1), (1, -1, 1), (1, 1, -1), (1, math.inf, 1), (1, 1, math.nan)):
        with pytest.raises(ValueError, match="finite"):
            negative_binomial_tail(*wrong)


def test_an_empty_past_makes_four_stories_a_surprise_but_not_one() -> None:
    calm = fit_baseline([0.0] * 20)
    assert 0 < calm.mean < 0.1
    assert spike_p_value(4, calm) < 1e-3 < spike_p_value(0.3, calm)
    # One short window of silence proves little.
    assert spike_p_value(4, fit_baseline([0.0])) > 1e-3


def test_a_name_that_bursts_now_and_then_needs_a_bigger_burst() -> None:
    quiet, bursty = [0.0] * 60, [0.0] * 57 + [6.0, 0.0, 5.0]
    assert spike_p_value(6, fit_baseline(quiet)) < 1e-4
    assert spike_p_value(6, fit_baseline(bursty)) > 1e-3


def test_impossible_counts_are_refused() -> None:
    for counts in ([], [-1.0], [math.nan], [math.inf]):
        with pytest.raises(ValueError, match="counts"):
            fit_baseline(counts)


@settings(max_examples=50)
@given(st.lists(st.floats(min_value=0, max_value=1e6), min_size=1, max_size=80))
def test_any_baseline_gives_usable_figures(counts: list[float]) -> None:
    baseline = fit_baseline(counts)
    assert baseline.mean > 0
    assert spread(baseline) > 0
    assert (baseline.weights.sum(), baseline.weights @ baseline.rates) == pytest.approx((1, 1))
    assert 0 <= spike_p_value(5.5, baseline) <= 1


@pytest.mark.parametrize("windows", [20, 60])
@pytest.mark.parametrize("dispersion", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("mean", [0.1, 1.0, 8.0])
def test_steady_flow_rarely_looks_like_a_spike(mean: float, dispersion: float, windows: int) -> None:
    """At p < 0.001 a stationary stream must not fire much more often than 1 in 1,000 (6 in 1,500 allowed, where
    over-dispersion is strong and must be learned from few windows 9)."""
    random = np.random.default_rng(7)
    trials = 1500
    rates = np.full((trials, windows + 1), mean)
    if dispersion:
        rates = random.gamma(1 / dispersion, mean * dispersion, size=rates.shape)
    counts = random.poisson(rates).astype(float)
    fired = sum(
        spike_p_value(row[-1], fit_baseline(without_ongoing_burst(row[:-1].tolist(), 1e-3, 4.0))) < 1e-3
        for row in counts
        if row[-1] >= 4
    )
    assert fired / trials <= (0.006 if dispersion > 1 else 0.004)


@pytest.mark.parametrize("level", [0.05, 3.0, 400.0])
def test_the_interval_holds_what_is_usual(level: float) -> None:
    counts = np.random.default_rng(2).poisson(level, 60).astype(float).tolist()
    baseline = fit_baseline(counts)
    lower, upper = interval(baseline)
    assert lower <= baseline.mean <= upper or (lower == 0.0 and baseline.mean < 1)
    assert spike_p_value(upper + 1, baseline) <= 0.025 < (spike_p_value(upper, baseline) if upper else 1.0)
    assert 1 - spike_p_value(lower, baseline) <= 0.025


def test_few_windows_of_a_fitful_stream_leave_its_rate_uncertain() -> None:
    """The same mean and variance in a tenth of the windows: the rate's own uncertainty phi/n is wider."""
    few = fit_baseline([0.0, 0.0, 0.0, 400.0] * 2)
    assert max(few.dispersions) == 12.8
    # Three points of a log-normal of variance 12.8 / 8: the outer two lie as far from the middle one.
    low, middle, high = few.rates[-3:]
    assert high / middle == pytest.approx(middle / low) == pytest.approx(math.exp((3 * math.log(2.6)) ** 0.5))
    # What is said to be doubtful of the present window's exposure adds to that.
    counts = [1.0, 0.0, 4.0, 2.0] * 15
    sure, doubtful = (fit_baseline(counts, None, 1.0, doubt) for doubt in (0.0, 0.2))
    assert doubtful.mean == sure.mean
    assert spike_p_value(15, doubtful) > 1.5 * spike_p_value(15, sure)


@pytest.mark.parametrize("windows", [20, 60, 672])
@pytest.mark.parametrize("dispersion", [0.0, 0.02, 0.5, 4.0])
@pytest.mark.parametrize("mean", [0.2, 6.0, 300.0])
def test_a_likelihood_between_its_knots_is_the_likelihood(
    mean: float, dispersion: float, windows: int
) -> None:
    counts = drawn(np.random.default_rng(4), mean, dispersion, windows)
    baseline = fit_baseline(counts.tolist())
    phi = np.array(baseline.dispersions[::3])
    m = (counts.sum() + 0.5) / windows
    likelihood = np.sum(stats.nbinom.logpmf(counts[:, None], 1 / phi, 1 / (1 + m * phi)), axis=0)
    rate = np.sqrt(1 / baseline.stories + phi / windows)
    slow = np.array([0.2] * 5 + [1.0] * 48) * rate * np.exp(likelihood - likelihood.max())
    weights = np.array(baseline.weights).reshape(-1, 3).sum(1)
    assert weights == pytest.approx(slow / slow.sum(), abs=0.02)


@pytest.mark.parametrize("windows", [60, 672])
@pytest.mark.parametrize("dispersion", [0.1, 0.5, 1.3])
@pytest.mark.parametrize("mean", [6.0, 300.0])
@pytest.mark.parametrize("p_below", [1e-3, 1e-5])
def test_a_chance_is_what_the_truth_makes_of_it(
    mean: float, dispersion: float, windows: int, p_below: float
) -> None:
    """The least count that fires after each of 100 pasts, and its true chance: in the mean at most twice the one said,
    and at least a third of it where counts are not sparse. With an estimate in place of the mixture it is 5 to 250
    times the one said."""
    random = np.random.default_rng(6)
    found = []
    for _ in range(100):
        baseline = fit_baseline(drawn(random, mean, dispersion, windows).tolist())
        least = bisect_left(
            range(10**6), True, key=lambda k: spike_p_value(k, baseline) < p_below
        )  # used at once
        found.append(stats.nbinom.sf(least - 1, 1 / dispersion, 1 / (1 + mean * dispersion)))
    assert p_below * (0.3 if mean > 100 else 0.1) < np.mean(found) < 2 * p_below


def test_exposures_of_one_change_nothing_and_others_scale_the_mean() -> None:
    counts = [1.0, 0.0, 4.0, 2.0] * 10
    assert spike_p_value(9, fit_baseline(counts, [1.0] * 40)) == spike_p_value(9, fit_baseline(counts))
    half = fit_baseline(counts, [1.0] * 40, 0.5)
    assert half.mean == pytest.approx(fit_baseline(counts).mean / 2)
    # Half of a window holds half of its clumps: twice the over-dispersion.
    assert half.dispersions == pytest.approx(2 * fit_baseline(counts).dispersions)
    # With a season it may also be larger clumps; what the counts say decides.
    uneven = [0.5, 1.5] * 40
    random = np.random.default_rng(3)
    for shape, power in ((np.array(uneven) / 0.5, 1.0), (np.full(80, 2.0), 0.0)):
        seen = random.poisson(200 * np.array(uneven) * random.gamma(shape, 1 / shape, (20, 80)))
        chance = [
            (b.weights @ (b.powers == power)) for b in (fit_baseline(row, uneven) for row in seen.tolist())
        ]
        assert np.mean(chance) > 0.6
    # A season that explains the counts leaves less over-dispersion than one that does not.
    explained = fit_baseline([8.0, 1.0] * 30, [16 / 9, 2 / 9] * 30)
    assert spread(explained) < spread(fit_baseline([8.0, 1.0] * 30))
    for wrong in ([1.0] * 39, [0.0] * 40, [math.inf] * 40):
        with pytest.raises(ValueError, match="exposures"):
            fit_baseline(counts, wrong)


def test_a_burst_that_goes_on_does_not_hide_itself() -> None:
    past = [1.0, 0.0, 2.0, 0.0] * 14 + [0.0, 1.0]
    assert without_ongoing_burst([*past, 30.0, 40.0], 1e-3, 4.0) == past
    assert spike_p_value(30, fit_baseline(without_ongoing_burst([*past, 30.0], 1e-3, 4.0))) < 1e-6
    # An earlier burst that is over stays in, and so does what has become usual.
    over = [*past, 30.0, 0.0]
    assert without_ongoing_burst(over, 1e-3, 4.0) == over
    usual = past[:40] + [30.0] * 20
    assert len(without_ongoing_burst(usual, 1e-3, 4.0)) >= 54
    assert spike_p_value(30, fit_baseline(without_ongoing_burst(usual, 1e-3, 4.0))) > 1e-2
    assert without_ongoing_burst([9.0], 1e-3, 4.0) == [9.0]
