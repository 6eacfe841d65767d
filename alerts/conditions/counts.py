"""The test of a count against those before it, shared by the kinds that count: volume, new_key, no_data."""

import math
from dataclasses import replace

from alerts.budget import Threshold
from alerts.finding import Finding
from alerts.statistics import Baseline, fit_baseline, interval, spike_p_value
from tidings.types import Measured


def count_p_value(value: float, baseline: Baseline, measured: Measured) -> float:
    """The chance of `value` or more under the baseline; where low values are unusual, of `value` or fewer."""
    if measured.direction == "below":
        return max(0.0, 1 - spike_p_value(value + 1, baseline))
    return spike_p_value(value, baseline)


def count_finding(measured: Measured) -> Finding:
    """The finding that `measured.inputs` lead to: `value` of the window, `counts` of the baseline's windows."""
    value, baseline = measured.inputs["value"][0], fit_baseline(measured.inputs["counts"])
    lower, upper = interval(baseline)
    p_value = count_p_value(value, baseline, measured)
    return Finding(value, baseline.mean, p_value, replace(measured, lower=lower, upper=upper))


def unusual(measured: Measured, threshold: Threshold) -> Finding | None:
    """The finding, where the value is on the unusual side of the mean and its chance below the threshold."""
    value, counts = measured.inputs["value"][0], measured.inputs["counts"]
    mean = math.fsum(counts) / len(counts)
    if value >= mean if measured.direction == "below" else value <= mean:
        return None  # most keys: nothing needs to be fitted
    baseline = fit_baseline(counts)
    limit = threshold.p_below if measured.direction == "below" else threshold.of(value, baseline)
    if count_p_value(value, baseline, measured) >= limit:
        return None
    return count_finding(replace(measured, threshold=limit))
