"""Conditions: which keys of a rule are unusual at `now`, from windows and nothing else. One file for each kind."""

from collections.abc import Callable, Mapping
from datetime import datetime

from alerts.conditions.spike import spike
from alerts.finding import Finding
from alerts.protocols import Windows
from alerts.rules import Rule

Condition = Callable[[Rule, Windows, datetime], Mapping[str, Finding] | None]
CONDITIONS: Mapping[str, Condition] = {"spike": spike}
