"""Rules as YAML says them and as the engine reads them: parsed once, checked, immutable."""

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

import yaml

from alerts.durations import format_duration, parse_duration, say_duration
from tidings.errors import ConfigError
from tidings.types import SCOPES, Scope

Severity = Literal["info", "warning", "critical"]
DEFAULT_RULES = Path(__file__).with_name("default_rules.yaml")
_KINDS = ("spike",)
_FEWEST_WINDOWS = 3


@dataclass(frozen=True)
class Rule:
    """One rule. Window and baseline are whole minutes, the baseline a multiple of the window.

    `p_below` is the chance under the baseline below which a count is a spike, `min_stories` the least count.
    The condition must hold for `for_seconds` before the alert fires, and be gone for
    `keep_firing_for_seconds` before it resolves. `min_history` is the number of whole windows of baseline
    there must be before the rule is evaluated (None: a third of the baseline). Where `include` is set only
    its keys are watched; `exclude` keys never are.
    """

    name: str
    kind: Literal["spike"] = "spike"
    scope: Scope = "entity"
    window_seconds: int = 86_400
    baseline_seconds: int = 60 * 86_400
    p_below: float = 0.001
    min_stories: float = 4.0
    for_seconds: int = 0
    keep_firing_for_seconds: int = 0
    severity: Severity = "warning"
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    min_history: int | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @property
    def baseline_windows(self) -> int:
        """Whole windows in the baseline."""
        return self.baseline_seconds // self.window_seconds

    @property
    def needed_windows(self) -> int:
        """Whole windows of history that there must be before the rule is evaluated."""
        return max(1, self.baseline_windows // 3) if self.min_history is None else self.min_history

    def watches(self, key: str) -> bool:
        """Whether the rule looks at `key`."""
        return (not self.include or key in self.include) and key not in self.exclude


def load_rules(path: Path | None = None) -> tuple[Rule, ...]:
    """Reads a rules file (None: the default pack); ConfigError names file, line, rule, field and fix."""
    path = DEFAULT_RULES if path is None else path
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check alerts.rules") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text; save it as UTF-8") from None
    return parse_rules(text, str(path))


def parse_rules(text: str, origin: str) -> tuple[Rule, ...]:
    """The rules in a YAML text; `origin` names it in errors."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        raise ConfigError(f"{origin}: {line}not valid YAML: {getattr(error, 'problem', error)}") from None
    if not isinstance(data, dict) or not isinstance(data.get("rules"), list) or not data["rules"]:
        raise ConfigError(f"{origin}: must hold a list under 'rules:'; see deploy/rules.example.yaml")
    for key in data:
        if key != "rules":
            raise ConfigError(f"{origin}: unknown key {key!r}; the only key at the top is 'rules'")
    lines = _rule_lines(root, origin)
    rules: dict[str, Rule] = {}
    for number, (entry, at) in enumerate(zip(data["rules"], lines, strict=True), start=1):
        rule = _Reader(entry, origin, number, at).rule()
        if rule.name in rules:
            raise ConfigError(
                f"{origin}: line {at['']}: rule {number}: name {rule.name!r} is taken; give each its own"
            )
        rules[rule.name] = rule
    return tuple(rules.values())


def describe(rule: Rule) -> str:
    """What the rule does, in plain words."""
    whom = {"entity": "a name", "topic": "a topic", "source": "a source", "all": "the whole stream"}[
        rule.scope
    ]
    if rule.include:
        whom = f"one of {', '.join(rule.include)}"
    if rule.exclude:
        whom += f" (never {', '.join(rule.exclude)})"
    sentences = [
        f"Fires when in the last {say_duration(rule.window_seconds).removeprefix('1 ')} {whom} has at least "
        f"{rule.min_stories:g} negative stories, and so many would come by chance in fewer than 1 of "
        f"{round(1 / rule.p_below):,} windows, judged by the {say_duration(rule.baseline_seconds)} before.",
        f"Needs {say_duration(rule.needed_windows * rule.window_seconds)} of history first.",
    ]
    if rule.for_seconds:
        sentences.append(f"It must hold for {say_duration(rule.for_seconds)} before the alert fires.")
    if rule.keep_firing_for_seconds:
        sentences.append(f"Resolves after {say_duration(rule.keep_firing_for_seconds)} without it.")
    labels = "".join(f", {name}={value}" for name, value in sorted(rule.labels.items()))
    return " ".join([*sentences, f"Severity {rule.severity}{labels}."])


def _rule_lines(root: Any, origin: str) -> list[dict[str, int]]:
    """For each rule the line of each of its keys, and under '' its own; a key given twice is an error."""
    (listed,) = [value for key, value in root.value if key.value == "rules"][:1]
    found = []
    for node in listed.value:
        at = {"": node.start_mark.line + 1}
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            line = key.start_mark.line + 1
            if key.value in at:
                raise ConfigError(f"{origin}: line {line}: {key.value} is given twice in one rule; keep one")
            at[key.value] = line
        found.append(at)
    return found


class _Reader:
    """Turns one entry of the list into a Rule; every error names file, line, rule and field."""

    _KEYS = (
        *("name", "kind", "scope", "window", "baseline", "p_below", "min_stories", "min_history"),
        *("for", "keep_firing_for", "severity", "labels", "include", "exclude"),
    )

    def __init__(self, entry: Any, origin: str, number: int, lines: Mapping[str, int]) -> None:
        self._origin, self._number, self._lines = origin, number, lines
        self._entry: dict[Any, Any] = entry if isinstance(entry, dict) else {}
        if not isinstance(entry, dict):
            raise self._error("", "must be a mapping; start it with '- name: …'")
        for key in entry:
            if key not in self._KEYS:
                close = difflib.get_close_matches(str(key), self._KEYS, n=1, cutoff=0.5)
                fix = f"did you mean {close[0]}?" if close else f"known: {', '.join(self._KEYS)}"
                raise self._error(str(key), f"is an unknown key; {fix}")

    def rule(self) -> Rule:
        name = self._text("name", None)
        window = self._duration("window", "24h", least=60)
        baseline = self._duration("baseline", "60d", least=60) // window * window
        windows = baseline // window
        if windows < _FEWEST_WINDOWS:
            least = format_duration(window * _FEWEST_WINDOWS)
            raise self._error("baseline", f"must hold at least {_FEWEST_WINDOWS} windows: {least} or more")
        history = self._entry.get("min_history")
        if history is not None and not (type(history) is int and 1 <= history <= windows):
            raise self._error(
                "min_history", f"must be a number of windows from 1 to {windows}; it is {history!r}"
            )
        return Rule(
            name=name,
            kind=self._choice("kind", _KINDS, "spike"),
            scope=self._choice("scope", SCOPES, "entity"),
            window_seconds=window,
            baseline_seconds=baseline,
            p_below=self._number_between("p_below", 0.001, 1.0),
            min_stories=self._number_between("min_stories", 4.0, 1e9),
            for_seconds=self._duration("for", "0m"),
            keep_firing_for_seconds=self._duration("keep_firing_for", "0m"),
            severity=self._choice("severity", get_args(Severity), "warning"),
            labels=self._labels(),
            min_history=history,
            include=self._texts("include"),
            exclude=self._texts("exclude"),
        )

    def _error(self, field_name: str, problem: str) -> ConfigError:
        name = self._entry.get("name")
        which = f"rule {self._number} ({name})" if isinstance(name, str) else f"rule {self._number}"
        line = self._lines.get(field_name, self._lines[""])
        return ConfigError(f"{self._origin}: line {line}: {which}: {field_name or 'it'} {problem}")

    def _text(self, key: str, default: str | None) -> str:
        value = self._entry.get(key, default)
        if value is None:
            raise self._error(key, f"is missing; add '{key}: …'")
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise self._error(key, f"must be a text on one line; put it in quotes; it is {value!r}")
        return value

    def _choice(self, key: str, known: Sequence[str], default: str) -> Any:
        value = self._entry.get(key, default)
        if value not in known:
            close = difflib.get_close_matches(str(value), known, n=1)
            fix = f"; did you mean {close[0]}?" if close else ""
            raise self._error(key, f"must be one of {', '.join(known)}; it is {value!r}{fix}")
        return value

    def _duration(self, key: str, default: str, least: int = 0) -> int:
        value = self._entry.get(key, default)
        if not isinstance(value, str):
            raise self._error(key, f"must be a duration with its unit, such as 10m or 24h; it is {value!r}")
        try:
            seconds = parse_duration(value)
        except ValueError as error:
            raise self._error(key, str(error)) from None
        if least and (seconds < least or seconds % 60):
            raise self._error(key, f"must be whole minutes, 1m or more; it is {value!r}")
        return seconds

    def _number_between(self, key: str, default: float, above: float) -> float:
        value = self._entry.get(key, default)
        try:
            # YAML 1.1 reads 1e-4 (no point) as a text; people mean the number.
            number = math.nan if isinstance(value, bool | list | dict) or value is None else float(value)
        except (ValueError, OverflowError):
            number = math.nan
        if not 0 < number < above:
            raise self._error(key, f"must be a number between 0 and {above:g}; it is {value!r}")
        return number

    def _texts(self, key: str) -> tuple[str, ...]:
        value = self._entry.get(key, [])
        if not isinstance(value, list) or not all(isinstance(part, str) and part for part in value):
            raise self._error(key, "must be a list of texts; put each in quotes")
        return tuple(value)

    def _labels(self) -> Mapping[str, str]:
        value = self._entry.get("labels", {})
        if not isinstance(value, dict) or not all(
            isinstance(part, str) and part for pair in value.items() for part in pair
        ):
            raise self._error("labels", "must be names and texts, such as {team: desk}; put values in quotes")
        for taken in ("scope", "key"):
            if taken in value:
                raise self._error("labels", f"must not hold {taken!r}: every alert has that label already")
        return MappingProxyType(dict(value))
