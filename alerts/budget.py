"""From a budget of false alarms to a threshold: how small a chance must be before it may raise an alert."""

from scipy.special import ndtri

WEEK_SECONDS = 7 * 86_400
_HALVINGS = 60
_LARGEST = 0.1
_SMALLEST = 1e-15


def clusters_per_window(p_value: float) -> float:
    """How many separate alarms one key raises per window length, for each alarm that apart windows would raise.

    Windows that slide overlap, so exceedances come in clusters; what a person gets is a cluster. The count in a
    sliding window has the correlation 1 - |t|/W, and for such a process the clusters above a high level z come at the
    rate z^2 P(Z > z) per window length (Pickands 1969 with alpha = 1, whose constant is exactly 1; Leadbetter, Lindgren
    and Rootzen 1983, theorem 12.2.9). For sparse counts the scan statistic gives (k - mean)^2 / k at the critical
    count k (Alm 1983; Naus 1982), which is smaller, and tends to z^2 for large means: z^2 is the safe side. At least 1.
    """
    z = float(ndtri(p_value))
    return max(1.0, z * z)


def budget_threshold(budget_per_week: float, keys: int, window_seconds: int) -> float:
    """The p-value below which a rule may fire so that it raises about `budget_per_week` false alarms over all keys.

    Solves keys * (week / window) * clusters(p) * p = budget for p: a union bound over keys and windows (exact
    for rare, independent alarms), times the clusters of sliding windows. It counts sparse clusters too high and leaves
    out that baselines are estimates, by about as much: the simulation (bench/false_alarms.py, docs/statistics.md) needs
    no further constant. Windows are evaluated far more often than their length (every minute), and what fires again
    within a window length is one alarm. At most 0.1. ValueError where an argument is not positive.
    """
    if not (budget_per_week > 0 and keys > 0 and window_seconds > 0):
        raise ValueError("budget, keys and window must be greater than 0")
    allowed = budget_per_week * window_seconds / (WEEK_SECONDS * keys)
    low, high = _SMALLEST, _LARGEST
    if clusters_per_window(high) * high <= allowed:
        return high
    for _ in range(_HALVINGS):  # p * clusters(p) grows with p below 0.1
        middle = (low * high) ** 0.5
        low, high = (middle, high) if clusters_per_window(middle) * middle <= allowed else (low, middle)
    return low
