"""One entry of a rules file as a Rule; every error names file, line, rule, field and fix."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

from alerts.annotations import check_template
from alerts.durations import format_duration
from alerts.rule import DIRECTIONS, KINDS, MEASURES, SEVERITIES, Direction, Measure, Rule, RuleKind
from alerts.rules_fields import FieldReader, read_watch_list
from tidings.errors import ConfigError
from tidings.types import SCOPES, Filters, Kind
from tidings.weighed import Weights

KEYS = (
    *("name", "kind", "scope", "window", "baseline", "p_below", "budget", "min_stories", "min_sources"),
    *(
        "min_history",
        "for",
        "keep_firing_for",
        "severity",
        "labels",
        "annotations",
        "include",
        "include_file",
    ),
    *("exclude", "exclude_file", "filters", "level", "measure", "direction", "seasonal"),
    *("min_clear", "in_headline", "source_weights"),
)
# Keys that a kind does not know, and why.
_STATISTICAL = ("baseline", "p_below", "budget", "min_history", "seasonal")
_NEGATIVE = ("min_clear", "in_headline")
_UNKNOWN: Mapping[RuleKind, tuple[str, ...]] = {
    "spike": ("level", "measure", "direction"),
    "drop": ("level", "measure", "direction", "seasonal", *_NEGATIVE),
    "drift": ("level", "measure", "direction", "seasonal", "source_weights"),
    "level": (*_STATISTICAL, *_NEGATIVE),
    "volume": ("level", "direction", "min_sources", "seasonal", "source_weights", *_NEGATIVE),
    "no_data": ("level", "direction", "min_sources", "seasonal", "source_weights", *_NEGATIVE),
    "new_key": ("level", "measure", "direction", "seasonal", "source_weights"),
}
_FEWEST_WINDOWS = 3
_PER_WEEK = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s+per\s+week\s*")


class RuleReader(FieldReader):
    """Turns one entry of the list into a Rule. `folder` is where `include_file` starts from."""

    def __init__(self, entry: Any, origin: str, number: int, lines: Mapping[str, int], folder: Path) -> None:
        super().__init__(entry, origin, number, lines, KEYS)
        self._folder = folder

    def rule(self) -> Rule:
        """The rule; raises ConfigError."""
        name = self.text("name", None)
        kind: RuleKind = self.choice("kind", KINDS, "spike")
        for key in _UNKNOWN[kind]:
            if key in self.entry:
                known = ", ".join(one for one in KINDS if key not in _UNKNOWN[one])
                raise self.error(
                    key, f"means nothing to the kind {kind}: leave it out (it belongs to {known})"
                )
        measure: Measure = self.choice("measure", MEASURES[kind], MEASURES[kind][0])
        window = self.duration("window", "24h", least=60)
        baseline = self._baseline(window)
        return Rule(
            name=name,
            kind=kind,
            scope=self.choice("scope", SCOPES, "entity"),
            window_seconds=window,
            baseline_seconds=baseline,
            p_below=self.number_between("p_below", 0.001, 0.0, 1.0),
            min_stories=self.number_between("min_stories", 4.0, 0.0, 1e9),
            for_seconds=self.duration("for", "0m"),
            keep_firing_for_seconds=self.duration("keep_firing_for", "0m"),
            severity=self.choice("severity", SEVERITIES, "warning"),
            labels=self._labels(),
            min_history=self._history(baseline // window),
            include=self._keys("include"),
            exclude=self._keys("exclude"),
            budget_per_week=self._budget(),
            min_sources=self._sources(),
            filters=self._filters(),
            annotations=self._annotations(),
            measure=measure if "measure" in self.entry else None,
            level=self._level(kind, measure),
            direction=self._direction(measure),
            seasonal=self._flag("seasonal"),
            min_clear=self._clear(),
            in_headline=self._headline(),
            source_weights=self._weights(kind, measure),
        )

    def _baseline(self, window: int) -> int:
        given = self.duration("baseline", "60d", least=60)
        if given < window * _FEWEST_WINDOWS and self.entry.get("kind") != "level":
            least = format_duration(window * _FEWEST_WINDOWS)
            raise self.error("baseline", f"must hold at least {_FEWEST_WINDOWS} windows: {least} or more")
        return given // window * window

    def _history(self, windows: int) -> int | None:
        history = self.entry.get("min_history")
        if history is not None and not (type(history) is int and 1 <= history <= windows):
            raise self.error(
                "min_history", f"must be a number of windows from 1 to {windows}; it is {history!r}"
            )
        return history

    def _budget(self) -> float | None:
        if "budget" not in self.entry:
            return None
        if "p_below" in self.entry:
            raise self.error("budget", "and p_below are two ways to say one thing; keep one of them")
        value = self.entry["budget"]
        match = _PER_WEEK.fullmatch(value) if isinstance(value, str) else None
        number = float(match.group(1)) if match else value
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number <= 10_000:
            raise self.error(
                "budget", f"must be false alarms per week, such as '1 per week' or 0.5; it is {value!r}"
            )
        return float(number)

    def _sources(self) -> int:
        value = self.entry.get("min_sources", 1)
        if type(value) is not int or not 1 <= value <= 1000:
            raise self.error("min_sources", f"must be a whole number from 1 to 1000; it is {value!r}")
        return int(value)

    def _level(self, kind: RuleKind, measure: Measure) -> float:
        if kind != "level":
            return 0.0
        if "level" not in self.entry:
            raise self.error("level", "is missing; add 'level: …', the value to compare with")
        least, most = {"sentiment": (-1.0, 1.0), "negative_share": (0.0, 1.0)}.get(measure, (0.0, 1e9))
        return self.number_between("level", 0.0, least, most)

    def _direction(self, measure: Measure) -> Direction:
        usual: Direction = "below" if measure == "sentiment" else "above"
        direction: Direction = self.choice("direction", DIRECTIONS, usual)
        if direction == "below" and measure not in ("sentiment", "negative_share"):
            raise self.error(
                "direction",
                "can be below for sentiment and negative_share only; for too few use kind: no_data",
            )
        return direction

    def _clear(self) -> int:
        value = self.entry.get("min_clear", 0)
        if type(value) is not int or not 0 <= value <= 1000:
            raise self.error("min_clear", f"must be a whole number from 0 to 1000; it is {value!r}")
        return int(value)

    def _headline(self) -> float:
        if "in_headline" not in self.entry:
            return 0.0
        if self.entry.get("scope", "entity") not in ("entity", "topic_entity"):
            raise self.error("in_headline", "is for names: it needs the scope entity or topic_entity")
        return self.number_between("in_headline", 0.0, 0.0, 1.0)

    def _weights(self, kind: RuleKind, measure: Measure) -> Weights:
        value = self.entry.get("source_weights", {})
        if (
            "source_weights" in self.entry
            and kind == "level"
            and measure not in ("negative_share", "sentiment")
        ):
            raise self.error("source_weights", "weigh shares and means: measure negative_share or sentiment")
        if not isinstance(value, dict) or not all(
            isinstance(source, str) and source and type(weight) in (int, float) and 0 < weight <= 1000
            for source, weight in value.items()
        ):
            raise self.error(
                "source_weights",
                f"must be sources and numbers above 0, such as {{blog: 0.2}}; it is {value!r}",
            )
        return tuple(sorted((source, float(weight)) for source, weight in value.items()))

    def _keys(self, name: str) -> tuple[str, ...]:
        """The keys under `name` (include, exclude), and those of its file."""
        named, file = self.texts(name), f"{name}_file"
        if file not in self.entry:
            return named
        path = self._folder / self.text(file, None)
        try:
            return tuple(dict.fromkeys((*named, *read_watch_list(path))))
        except ConfigError as error:
            raise self.error(file, str(error)) from None

    def _filters(self) -> Filters:
        value = self.entry.get("filters", {})
        known = ("sources", "kinds", "languages")
        if not isinstance(value, dict) or not set(value) <= set(known):
            raise self.error("filters", f"must be lists under {', '.join(known)}; it is {value!r}")
        lists = {name: self.texts("filters", value.get(name, [])) for name in known}
        if wrong := [kind for kind in lists["kinds"] if kind not in get_args(Kind)]:
            raise self.error("filters", f"kinds must be of {', '.join(get_args(Kind))}; one is {wrong[0]!r}")
        return Filters(lists["sources"], lists["kinds"], lists["languages"])  # type: ignore[arg-type]  # checked above

    def _labels(self) -> Mapping[str, str]:
        labels = self.pairs("labels", "{team: desk}")
        for taken in ("scope", "key"):
            if taken in labels:
                raise self.error("labels", f"must not hold {taken!r}: every alert has that label already")
        return MappingProxyType(labels)

    def _annotations(self) -> Mapping[str, str]:
        annotations = self.pairs("annotations", "{runbook: 'https://wiki/{{ key | urlencode }}'}")
        for name, template in annotations.items():
            if problem := check_template(template):
                raise self.error("annotations", f"{name} is not a template that can be rendered: {problem}")
        return MappingProxyType(annotations)

    def _flag(self, key: str) -> bool:
        value = self.entry.get(key, False)
        if not isinstance(value, bool):
            raise self.error(key, f"must be true or false; it is {value!r}")
        return value
