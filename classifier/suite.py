"""Behavioural cases as YAML says them: read once, checked, immutable. The shipped ones are in cases/.

A file maps a kind to its cases; a case has a `text` and one expectation:

    negation:
      - {text: "Acme did not miss estimates", expect: [neutral, positive]}
      - {text: "Acme is not cutting jobs", above: "Acme is cutting jobs", by: 0.3}
      - {text: "ACME CUTS JOBS", same_as: "Acme cuts jobs", within: 0.1}

Scores are `sentiment`, in [-1, 1]. The three sorts of test are those of CheckList (Ribeiro et al. 2020).
"""

import difflib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from classifier.labels import SENTIMENT_LABELS
from tidings.errors import ConfigError

Sort = Literal["expect", "same_as", "above", "below"]
Split = Literal["dev", "test"]
SHIPPED_CASES = Path(__file__).with_name("cases")
WITHIN = 0.2  # a tenth of the score's range
BY = 0.1
_SALT = 59  # chosen for even halves within every kind, before any model had seen the cases
_SORTS: tuple[Sort, ...] = ("expect", "same_as", "above", "below")
_KEYS = ("text", *_SORTS, "within", "by")
# Which sort of test takes which margin, and what it is when the case does not say.
_MARGINS: dict[str, tuple[str, float]] = {
    "same_as": ("within", WITHIN), "above": ("by", BY), "below": ("by", BY),
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One case. `expect` tests the label (`allowed`), the others the score against that of `base`:
    no further away than `margin`, or at least `margin` above or below it.

    Whoever trains a model may look at `dev` cases; `test` cases are for reporting.
    """

    kind: str
    text: str
    sort: Sort
    split: Split
    allowed: tuple[str, ...] = ()
    base: str = ""
    margin: float = 0.0

    @property
    def expected(self) -> str:
        """What must hold, in words."""
        if self.sort == "expect":
            return " or ".join(self.allowed)
        if self.sort == "same_as":
            return f"within {self.margin:g} of: {self.base}"
        return f"at least {self.margin:g} {self.sort}: {self.base}"


def read_suite(own: Path | None = None) -> tuple[Case, ...]:
    """The shipped cases and, behind them, those of the file `own`, which are all `dev`.

    ConfigError names file, line, case and field of what is wrong.
    """
    cases = [case for path in sorted(SHIPPED_CASES.glob("*.yaml")) for case in parse_cases(_read(path), path)]
    if own is not None:
        cases += parse_cases(_read(own), own, "dev")
    return tuple(cases)


def parse_cases(text: str, origin: Path, split: Split | None = None) -> list[Case]:
    """The cases of a YAML text; `origin` names it in errors. Without `split` each case's own hash decides."""
    try:
        root, data = _load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or getattr(error, "reason", error)
        raise ConfigError(f"{origin}: {line}not valid YAML: {problem}") from None
    if not isinstance(data, dict) or not data:
        raise ConfigError(f"{origin}: must map kinds to lists of cases, such as 'negation: [{{text: …}}]'")
    _refuse_repeated(root, origin)
    return [
        _Reader(entry, kind, f"{origin}: line {line}: {kind}, case {number}").case(split)
        for kind, entries, lines in _kinds(data, root, origin)
        for number, (entry, line) in enumerate(zip(entries, lines, strict=True), start=1)
    ]


def split_of(text: str) -> Split:
    """About half of all texts are `dev`, half `test`, by hash: the same on every machine."""
    digest = hashlib.sha256(f"{_SALT}:{text}".encode("utf-8", "replace")).digest()
    return "test" if digest[0] & 1 else "dev"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check --suite") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text; save it as UTF-8") from None


def _load(text: str) -> tuple[Any, Any]:
    """The YAML text as nodes, which know their lines, and as values."""
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        return root, loader.construct_document(root) if root else None
    finally:
        loader.dispose()


def _kinds(data: dict[Any, Any], root: Any, origin: Path) -> Iterator[tuple[str, list[Any], list[int]]]:
    """Each kind with its entries and the line where each begins."""
    for (kind, entries), (key, value) in zip(data.items(), root.value, strict=True):
        at = f"{origin}: line {key.start_mark.line + 1}"
        if not isinstance(kind, str) or not kind.strip() or not kind.isprintable():
            raise ConfigError(f"{at}: the kind must be a text on one line; it is {kind!r}")
        if not isinstance(entries, list) or not entries:
            raise ConfigError(f"{at}: {kind} must hold a list of cases, each starting with '- text: …'")
        yield kind, entries, [node.start_mark.line + 1 for node in value.value]


def _refuse_repeated(root: Any, origin: Path) -> None:
    """YAML keeps the last of two equal keys without a word, and the cases of the first would be lost."""
    lists = [value for _, value in root.value if isinstance(value, yaml.SequenceNode)]
    for mapping in (root, *(node for listed in lists for node in listed.value)):
        seen: set[str] = set()
        for key, _ in mapping.value if isinstance(mapping, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise ConfigError(
                        f"{origin}: line {key.start_mark.line + 1}: {key.value} is given twice; keep one"
                    )
                seen.add(key.value)


class _Reader:
    """Turns one entry of a list into a Case; `where` (file, line, kind, number) begins every error."""

    def __init__(self, entry: Any, kind: str, where: str) -> None:
        self._kind, self._where = kind, where
        if not isinstance(entry, dict):
            raise self._error("it", "must be a mapping such as {text: …, expect: neutral}")
        self._entry: dict[Any, Any] = entry
        for key in entry:
            if key not in _KEYS:
                close = difflib.get_close_matches(str(key), _KEYS, n=1)
                fix = f"did you mean {close[0]}?" if close else f"known: {', '.join(_KEYS)}"
                raise self._error(str(key), f"is an unknown field; {fix}")

    def case(self, split: Split | None) -> Case:
        """The entry as a Case; without `split` its hash decides."""
        text = self._text("text")
        given = [sort for sort in _SORTS if sort in self._entry]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise self._error("it", f"must have one of {', '.join(_SORTS)}; it has {found}")
        (sort,) = given
        margin_key, default = _MARGINS.get(sort, ("", 0.0))
        for key in ("within", "by"):
            if key in self._entry and key != margin_key:
                raise self._error(key, f"does not go with {sort}; leave it out")
        if sort == "expect":
            return Case(self._kind, text, sort, split or split_of(text), self._labels())
        base = self._text(sort)
        if base == text:
            raise self._error(sort, "is the text itself; give the text to compare with")
        margin = self._margin(margin_key, default)
        # By the base, so that texts about one base never sit on both sides.
        return Case(self._kind, text, sort, split or split_of(base), (), base, margin)

    def _error(self, field: str, problem: str) -> ConfigError:
        return ConfigError(f"{self._where}: {field} {problem}")

    def _text(self, key: str) -> str:
        value = self._entry.get(key)
        if value is None:
            raise self._error(key, f"is missing; add {key}: …")
        if not isinstance(value, str) or not value.strip():
            raise self._error(key, f"must be a text; put it in quotes; it is {value!r}")
        return value

    def _labels(self) -> tuple[str, ...]:
        value = self._entry["expect"]
        labels = value if isinstance(value, list) else [value]
        if not labels or any(label not in SENTIMENT_LABELS for label in labels):
            known = ", ".join(SENTIMENT_LABELS)
            raise self._error("expect", f"must be one of {known}, or a list of some; it is {value!r}")
        if len(set(labels)) == len(SENTIMENT_LABELS):
            raise self._error("expect", "allows every label and tests nothing; leave one out")
        return tuple(labels)

    def _margin(self, key: str, default: float) -> float:
        value = self._entry.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 2:
            raise self._error(key, f"must be a number above 0 and up to 2 (scores span 2); it is {value!r}")
        return float(value)
