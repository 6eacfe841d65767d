"""Is a larger part of the stories negative than usual? A beta-binomial test, beside that of their number."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, gammaln

# What is believed of a key before its stories are seen weighs this many of them: the share of all the stream's stories.
PRIOR_STORIES = 10.0
# How alike the stories of one window are taken to be, and how many pairs that belief weighs.
PRIOR_CORRELATION = 0.1
PRIOR_PAIRS = 10.0
_MOST = 0.9


@dataclass(frozen=True, slots=True)
class Share:
    """The part of the stories that is negative, the part that the past leads to expect, and the chance of so much."""

    share: float
    expected: float
    p_value: float


def beta_binomial_tail(value: float, stories: int, share: float, correlation: float) -> float:
    """P(X >= value) for X of `stories`, each negative with a chance that varies around `share`.

    X is beta-binomial with a = share (1/correlation - 1), b = (1 - share)(1/correlation - 1) (Skellam 1948): variance
    n s (1 - s)(1 + (n - 1) correlation). Exact at whole values, straight lines between them (sums of probabilities are
    not whole). 1 for value <= 0, 0 above `stories`; never increasing in value.
    """
    if not (0 < share < 1 and 0 < correlation < 1 and stories >= 0 and not math.isnan(value)):
        raise ValueError(
            "share and correlation must be between 0 and 1, stories not negative, value a number"
        )
    if value <= 0:
        return 1.0
    if value > stories:
        return 0.0
    a, b = share * (1 / correlation - 1), (1 - share) * (1 / correlation - 1)
    k = np.arange(math.floor(value), stories + 1)
    choose = gammaln(stories + 1) - gammaln(k + 1) - gammaln(stories - k + 1)
    mass = np.exp(choose + betaln(k + a, stories - k + b) - betaln(a, b))
    below = float(mass[0]) * (value - math.floor(value))
    return min(1.0, max(0.0, float(mass.sum()) - below))


def share_test(
    negative: float,
    stories: float,
    past_negative: Sequence[float],
    past_stories: Sequence[float],
    prior_share: float,
) -> Share:
    """The share of `negative` among `stories`, against the windows before.

    With y_i negative of n_i stories in the past windows, and the whole stream's share s0 as a prior of 10 stories:
    expected s = (sum y + 10 s0) / (sum n + 10). The stories of a window are alike: their correlation is the moment
    one (Kleinman 1973), rho = (X^2 - m) / sum (n_i - 1), X^2 = sum (y_i - n_i s)^2 / (n_i s (1 - s)) over the m windows
    with stories, between 0 and 0.9, shrunk towards 0.1 by 10 pairs. The share is itself uncertain, with correlation
    1 / (sum n + 11): together 1 - (1 - rho)(1 - 1/(sum n + 11)). Where stories weigh differently their number is an
    effective one (tidings/weighed.py); that of the window is rounded down, at the same share.
    """
    whole = math.floor(stories)
    negative *= whole / stories if stories else 1.0
    y, n = np.asarray(past_negative, dtype=float), np.asarray(past_stories, dtype=float)
    total = float(n.sum())
    prior = min(max(prior_share, 0.01), 0.99)
    expected = (float(y.sum()) + PRIOR_STORIES * prior) / (total + PRIOR_STORIES)
    expected = min(max(expected, 1e-6), 1 - 1e-6)
    y, n = y[n > 0], n[n > 0]
    pairs = float((n - 1).sum())
    squares = float(((y - n * expected) ** 2 / (n * expected * (1 - expected))).sum())
    estimate = min(_MOST, max(0.0, (squares - len(n)) / pairs)) if pairs > 0 else 0.0
    shrunk = (pairs * estimate + PRIOR_PAIRS * PRIOR_CORRELATION) / (pairs + PRIOR_PAIRS)
    correlation = 1 - (1 - shrunk) * (1 - 1 / (total + PRIOR_STORIES + 1))
    most = max(whole, math.ceil(negative))
    tail = beta_binomial_tail(negative, most, expected, correlation)
    return Share(negative / most if most else 0.0, expected, tail)
