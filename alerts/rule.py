"""A rule as the engine reads it: parsed once, checked, immutable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Literal, get_args

from tidings.types import Filters, Scope
from tidings.weighed import Weights

RuleKind = Literal["spike", "drop", "drift", "level", "volume", "no_data", "new_key"]
Severity = Literal["info", "warning", "critical"]
Measure = Literal["negative_stories", "negative_share", "stories", "items", "sentiment"]
Direction = Literal["above", "below"]
KINDS: tuple[RuleKind, ...] = get_args(RuleKind)
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
# What each kind can look at; the first is what it looks at where the rule does not say.
MEASURES: Mapping[RuleKind, tuple[Measure, ...]] = {
    "spike": ("negative_stories",),
    "drop": ("sentiment",),
    "drift": ("negative_stories",),
    "level": get_args(Measure),
    "volume": ("stories", "items"),
    "no_data": ("items", "stories"),
    "new_key": ("negative_stories",),
}
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Rule:
    """One rule. Window and baseline are whole minutes, the baseline a multiple of the window.

    `p_below` is the chance under the baseline below which a value is unusual; where `budget_per_week` is set, the
    threshold comes from that many false alarms a week over all keys of the rule instead. `min_stories` is the least
    number of stories that a finding needs (negative ones for spike, drift and new_key; in the window for drop, level
    and volume; usual ones per window for no_data), `min_sources` how many sources its negative stories must come from.
    `min_clear` is how many of the stories must be clearly negative (their likeliest sentiment), `in_headline` the least
    part of the negative stories whose headline is about the key (alerts/headline.py): of spike, drift and new_key.
    The condition must hold for `for_seconds` before the alert fires, and be gone for `keep_firing_for_seconds`
    before it resolves. `min_history` is the number of whole windows of baseline there must be before the rule is
    evaluated (None: a third of the baseline). Only items that pass `filters` count. Where `include` is set only its
    keys are watched; `exclude` keys never are. `level` and `direction` belong to the kind level, `measure` to level,
    volume and no_data (None: the first of MEASURES), `seasonal` asks for a baseline by hour of the week.
    `source_weights` say what the stories of a source weigh in shares and means (tidings/weighed.py).
    `annotations` are Jinja2 templates (alerts/annotations.py).
    """

    name: str
    kind: RuleKind = "spike"
    scope: Scope = "entity"
    window_seconds: int = 86_400
    baseline_seconds: int = 60 * 86_400
    p_below: float = 0.001
    min_stories: float = 4.0
    for_seconds: int = 0
    keep_firing_for_seconds: int = 0
    severity: Severity = "warning"
    labels: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    min_history: int | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    budget_per_week: float | None = None
    min_sources: int = 1
    filters: Filters = field(default_factory=Filters)
    annotations: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    measure: Measure | None = None
    level: float = 0.0
    direction: Direction = "above"
    seasonal: bool = False
    min_clear: int = 0
    in_headline: float = 0.0
    source_weights: Weights = ()

    @property
    def baseline_windows(self) -> int:
        """Whole windows in the baseline."""
        return self.baseline_seconds // self.window_seconds

    @property
    def needed_windows(self) -> int:
        """Whole windows of history that there must be before the rule is evaluated."""
        return max(1, self.baseline_windows // 3) if self.min_history is None else self.min_history

    @property
    def looks_at(self) -> Measure:
        """The measure of the rule, or that of its kind."""
        return self.measure or MEASURES[self.kind][0]

    @property
    def counts_up(self) -> bool:
        """Whether it looks for more of what time only adds to: a spike, say, and not a mean or a silence."""
        if self.kind == "level":
            return self.direction == "above" and self.looks_at in ("negative_stories", "stories", "items")
        return self.kind in ("spike", "volume", "new_key")

    def watches(self, key: str) -> bool:
        """Whether the rule looks at `key`."""
        return (not self.include or key in self._included) and key not in self._excluded

    def ignores(self, key: str) -> bool:
        """Whether `key` is one of those that the rule never watches."""
        return key in self._excluded

    @cached_property
    def _included(self) -> frozenset[str]:
        return frozenset(self.include)

    @cached_property
    def _excluded(self) -> frozenset[str]:
        return frozenset(self.exclude)  # lists of hundreds are usual
