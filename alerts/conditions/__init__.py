"""Conditions: which keys of a rule are unusual at `now`, from windows and nothing else. One file for each kind."""

from collections.abc import Mapping

from alerts.conditions.drift import drift
from alerts.conditions.drop import drop
from alerts.conditions.level import level
from alerts.conditions.new_key import new_key
from alerts.conditions.no_data import no_data
from alerts.conditions.spike import spike
from alerts.conditions.volume import volume
from alerts.finding import Condition
from alerts.rule import RuleKind

CONDITIONS: Mapping[RuleKind, Condition] = {
    "spike": spike,
    "drop": drop,
    "drift": drift,
    "level": level,
    "volume": volume,
    "no_data": no_data,
    "new_key": new_key,
}
