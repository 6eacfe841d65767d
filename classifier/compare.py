"""Two models on the same texts: what each is worth, what changed, and whether one may replace the other."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import comb
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from classifier.behaviour import check
from classifier.data import UNLABELLED, Example
from classifier.suite import read_suite
from tidings.types import Prediction

ALLOWED_LOSS = 0.01  # of macro-F1, on texts that are not the user's own
Labels = npt.NDArray[np.int64]


class Scorer(Protocol):
    """What is compared: classifier.model.Model."""

    def predict(self, texts: Sequence[str]) -> list[Prediction]: ...

    def probabilities(
        self, texts: Sequence[str]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]: ...


@dataclass(frozen=True)
class Figures:
    """Shares in [0, 1]; macro-F1 is the mean over the labels that occur among the rows, None where there are none
    (the behavioural suite has cases that pass or not: `accuracy` is their pass rate)."""

    rows: int
    accuracy: float
    macro_f1: float | None = None


@dataclass(frozen=True)
class Comparison:
    """One data set under both models. `corrected` rows only the new model gets right, `broken` only the old."""

    data: str
    own: bool
    before: Figures
    after: Figures
    corrected: int
    broken: int

    @property
    def chance(self) -> float:
        """How likely a difference of this size is if both models were equally good (sign test, two sided)."""
        changed = self.corrected + self.broken
        tail: float = sum(comb(changed, k) for k in range(min(self.corrected, self.broken) + 1)) / 2**changed
        return min(1.0, 2.0 * tail)

    def record(self) -> dict[str, Any]:
        """For a manifest or for JSON output."""
        return asdict(self) | {"chance": round(self.chance, 4)}


def compare_models(
    before: Scorer, after: Scorer, own: Sequence[Example], old: Sequence[Example]
) -> list[Comparison]:
    """Both tasks of the user's held-out rows and of the original development split, where there are any."""
    found = []
    for name, is_own, rows in (("own rows", True, own), ("original dev", False, old)):
        for head, task in enumerate(("sentiment", "topic")):
            labelled = [row for row in rows if getattr(row, task) != UNLABELLED]
            if labelled:
                texts = [row.text for row in labelled]
                labels = np.array([getattr(row, task) for row in labelled])
                best = [model.probabilities(texts)[head].argmax(axis=1) for model in (before, after)]
                found.append(compare(f"{name}, {task}", is_own, labels, *best))
    return found


def compare(data: str, own: bool, labels: Labels, before: Labels, after: Labels) -> Comparison:
    """Labels and what each model gave, all of shape (rows,)."""
    was_right, is_right = before == labels, after == labels
    corrected, broken = int((is_right & ~was_right).sum()), int((was_right & ~is_right).sum())
    return Comparison(data, own, figures(labels, before), figures(labels, after), corrected, broken)


def compare_behaviour(before: Scorer, after: Scorer) -> Comparison:
    """The `dev` cases of the behavioural suite (behaviour.py); its `test` cases are for reporting."""
    cases = [case for case in read_suite() if case.split == "dev"]
    old, new = (
        np.array([outcome.passed for outcome in check(model.predict, cases).outcomes])
        for model in (before, after)
    )
    was, now = (Figures(len(cases), round(float(passed.mean()), 4)) for passed in (old, new))
    corrected, broken = int((new & ~old).sum()), int((old & ~new).sum())
    return Comparison("behavioural suite", False, was, now, corrected, broken)


def figures(labels: Labels, given: Labels) -> Figures:
    """Accuracy and macro-F1 of `given` against `labels`, rounded to four places."""
    scores = []
    for label in np.unique(labels):
        hits = int(((given == label) & (labels == label)).sum())
        scores.append(2 * hits / int((given == label).sum() + (labels == label).sum()))
    return Figures(len(labels), round(float((given == labels).mean()), 4), round(float(np.mean(scores)), 4))


def objections(comparisons: Sequence[Comparison]) -> list[str]:
    """Why the new model should not replace the old one; none when it may."""
    found = []
    for line in comparisons:
        word, before, after = "macro-F1", line.before.macro_f1, line.after.macro_f1
        if before is None or after is None:
            word, before, after = "pass rate", line.before.accuracy, line.after.accuracy
        if before - after > (0 if line.own else ALLOWED_LOSS):
            limit = "" if line.own else f" (at most {ALLOWED_LOSS:.3f} may be lost)"
            found.append(f"{line.data}: {word} falls from {before:.3f} to {after:.3f}{limit}")
    return found
