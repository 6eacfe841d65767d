"""Any past alert's figures again, from the inputs that were stored with it."""

from collections.abc import Callable, Mapping

from alerts.conditions.counts import count_finding
from alerts.conditions.drift import drift_finding
from alerts.conditions.drop import drop_finding
from alerts.conditions.level import level_finding
from alerts.conditions.spike import spike_finding
from alerts.finding import Finding
from tidings.errors import TidingsError
from tidings.types import Alert, Measured

# For each kind, what made the figures from what was stored.
_FIGURES: Mapping[str, Callable[[Measured], Finding | None]] = {
    "spike": lambda measured: spike_finding(measured.inputs, measured.threshold),
    "volume": count_finding,
    "no_data": count_finding,
    "new_key": count_finding,
    "drop": drop_finding,
    "drift": drift_finding,
    "level": level_finding,
}


def rebuild(alert: Alert) -> Finding:
    """Value, expected, p_value and Measured of the alert, computed again from `alert.measured.inputs`.

    Pure: neither windows nor items are read, so it works when they are long gone. The figures are exactly those that
    were stored, unless the method has changed since. TidingsError for an alert without inputs.
    """
    measured = alert.measured
    make = _FIGURES.get(measured.kind)
    finding = make(measured) if make and measured.inputs else None
    if finding is None:
        raise TidingsError(f"alert {alert.alert_id}: it was stored without the inputs of its figures")
    return finding
