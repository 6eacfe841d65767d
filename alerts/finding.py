"""What a condition says of one key."""

from dataclasses import dataclass, field

from tidings.types import Measured


@dataclass(frozen=True, slots=True)
class Finding:
    """A key for which the condition holds: the value, the baseline's mean, the chance of such a value, and how."""

    value: float
    expected: float
    p_value: float
    measured: Measured = field(default_factory=Measured)
