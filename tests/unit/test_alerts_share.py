import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from alerts.share import beta_binomial_tail, share_test

shares = st.floats(min_value=0.01, max_value=0.99)
correlations = st.floats(min_value=0.001, max_value=0.9)


@given(st.integers(0, 60), st.integers(0, 60), shares, correlations)
def test_the_tail_is_the_beta_binomial_one_at_whole_values(
    value: int, stories: int, share: float, correlation: float
) -> None:
    scale = 1 / correlation - 1
    expected = stats.betabinom.sf(value - 1, stories, share * scale, (1 - share) * scale)
    assert beta_binomial_tail(value, stories, share, correlation) == pytest.approx(expected, abs=1e-9)


@given(st.floats(0, 70), st.floats(0, 70), st.integers(0, 60), shares, correlations)
def test_it_is_a_probability_that_never_rises_with_the_value(
    a: float, b: float, stories: int, share: float, correlation: float
) -> None:
    low, high = (beta_binomial_tail(x, stories, share, correlation) for x in sorted((a, b)))
    assert 0.0 <= high <= low + 1e-12 <= 1.0 + 1e-12


def test_between_whole_values_it_is_a_straight_line() -> None:
    at = [beta_binomial_tail(value, 9, 0.3, 0.2) for value in (3.0, 3.25, 4.0)]
    assert at[1] == pytest.approx(at[0] + 0.25 * (at[2] - at[0]))


def test_impossible_shares_are_refused() -> None:
    for wrong in (
        (1, 3, 0.0, 0.1),
        (1, 3, 1.0, 0.1),
        (1, 3, 0.5, 0.0),
        (math.nan, 3, 0.5, 0.1),
        (1, -1, 0.5, 0.1),
    ):
        with pytest.raises(ValueError, match="share"):
            beta_binomial_tail(*wrong)


def test_a_known_key_is_judged_by_its_own_past_and_a_new_one_by_the_stream() -> None:
    new = share_test(6, 10, [], [], 0.25)
    assert new.expected == pytest.approx(0.25)
    always = share_test(6, 10, [6.0] * 30, [10.0] * 30, 0.25)
    never = share_test(6, 10, [0.5] * 30, [10.0] * 30, 0.25)
    assert always.expected == pytest.approx(0.6, abs=0.02)
    assert never.p_value < new.p_value < always.p_value
    assert never.p_value < 1e-3
    assert new.share == always.share == 0.6


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(1, 40)), max_size=30),
    st.floats(0, 50),
    st.integers(0, 50),
    st.floats(0, 1),
)
def test_any_past_gives_usable_figures(
    past: list[tuple[float, int]], negative: float, stories: int, prior: float
) -> None:
    found = share_test(negative, stories, [p * n for p, n in past], [float(n) for _, n in past], prior)
    assert 0 < found.expected < 1
    assert 0 <= found.p_value <= 1
    assert 0 <= found.share <= 1
