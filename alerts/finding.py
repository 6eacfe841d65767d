"""What a condition says of one key."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from alerts.protocols import Windows
from alerts.rule import Rule
from tidings.types import Measured


@dataclass(frozen=True, slots=True)
class Finding:
    """A key for which the condition holds: the value, the baseline's mean, the chance of such a value, and how."""

    value: float
    expected: float
    p_value: float
    measured: Measured = field(default_factory=Measured)


# The keys for which a rule holds at a moment; None is no data: nothing fires, and nothing resolves.
Condition = Callable[[Rule, Windows, datetime], Mapping[str, Finding] | None]
