"""Whether a model behaves: single cases with a known answer, beside the averages of evaluate.py.

After CheckList (Ribeiro et al. 2020): minimum functionality (a label), invariance (the score stays) and
direction (the score rises or falls against another text). Needs neither scikit-learn nor data.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from classifier.suite import Case, Split
from tidings.types import Prediction

Predict = Callable[[Sequence[str]], Sequence[Prediction]]


@dataclass(frozen=True)
class Outcome:
    """One case with what the model gave, in words."""

    case: Case
    passed: bool
    got: str


@dataclass(frozen=True)
class Rate:
    """How many of how many cases passed."""

    cases: int
    passed: int

    @property
    def share(self) -> float | None:
        """In [0, 1]; None without cases."""
        return self.passed / self.cases if self.cases else None

    def record(self) -> dict[str, Any]:
        """For JSON; the pass rate is rounded to four places."""
        share = self.share
        return {
            "cases": self.cases,
            "passed": self.passed,
            "pass_rate": None if share is None else round(share, 4),
        }


@dataclass(frozen=True)
class Report:
    """All outcomes, in the order of the suite."""

    outcomes: tuple[Outcome, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of the suite, each once, in order."""
        return tuple(dict.fromkeys(outcome.case.kind for outcome in self.outcomes))

    def rate(self, kind: str | None = None, split: Split | None = None) -> Rate:
        """The rate over one kind and one split; None: over all of them."""
        chosen = [
            outcome.passed
            for outcome in self.outcomes
            if kind in (None, outcome.case.kind) and split in (None, outcome.case.split)
        ]
        return Rate(len(chosen), sum(chosen))

    def failures(self, split: Split) -> tuple[Outcome, ...]:
        """The cases of a split that did not pass."""
        return tuple(o for o in self.outcomes if not o.passed and o.case.split == split)

    def record(self) -> dict[str, Any]:
        """For a manifest or JSON: rates of everything, per split, and both per kind."""
        return self._rates(None) | {"by_kind": {kind: self._rates(kind) for kind in self.kinds}}

    def _rates(self, kind: str | None) -> dict[str, Any]:
        return self.rate(kind).record() | {
            "dev": self.rate(kind, "dev").record(),
            "test": self.rate(kind, "test").record(),
        }


def check(predict: Predict, cases: Iterable[Case]) -> Report:
    """Scores every text of `cases` and compares. `predict` gives one Prediction per text, in order."""
    cases = tuple(cases)
    texts = dict.fromkeys(text for case in cases for text in (case.text, case.base) if text)
    # Each text alone: int8 activations are scaled per batch, and a case's outcome must not depend on its neighbours.
    scored = {text: predict([text])[0] for text in texts}
    return Report(tuple(_outcome(case, scored) for case in cases))


def _outcome(case: Case, scored: dict[str, Prediction]) -> Outcome:
    prediction = scored[case.text]
    label, score = prediction.sentiment_label, prediction.sentiment
    if case.sort == "expect":
        return Outcome(case, label in case.allowed, f"{label} ({score:+.2f})")
    base = scored[case.base].sentiment
    passed = {
        "same_as": abs(score - base) <= case.margin,
        "above": score >= base + case.margin,
        "below": score <= base - case.margin,
    }[case.sort]
    return Outcome(case, passed, f"{score:+.2f} against {base:+.2f}")
