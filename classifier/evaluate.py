"""What a model is worth on labelled texts it was not trained on. Needs scikit-learn (the train extra)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from classifier.data import (
    UNLABELLED,
    Example,
    read_train,
    read_transfer,
    read_valid_sentiment,
    read_valid_topic,
    split_dev,
)
from classifier.labels import SENTIMENT_LABELS, TOPIC_LABELS
from classifier.manifest import RESEARCH_ONLY
from classifier.model import Model
from tidings.errors import ConfigError

SPLITS = ("dev", "test")
BEHAVIOUR = "behaviour"  # the suite's name beside the data sets: see behaviour.py


def evaluate(model: Model, folder: Path, split: str, dev_percent: int = 5) -> dict[str, dict[str, Any]]:
    """Metrics by data set. `dev` is carved from the training rows, for choosing; `test` is for reporting."""
    if split == "dev":
        _, dev = split_dev(read_train(folder), dev_percent)
        return {
            "sentiment dev": _report(model, [row for row in dev if row.topic == UNLABELLED]),
            "topic dev": _report(model, [row for row in dev if row.topic != UNLABELLED]),
        }
    official, without_leaks = read_valid_topic(folder)
    transfer = "trained on" if model.manifest.licence == RESEARCH_ONLY else "zero-shot"
    return {
        "TFNS valid": _report(model, read_valid_sentiment(folder)),
        "topic valid without leaks": _report(model, without_leaks),
        "topic valid, official": _report(model, official),
        f"Financial PhraseBank, {transfer}": _report(model, read_transfer(folder)),
    }


def expected_calibration_error(
    probabilities: npt.NDArray[np.float64], labels: npt.NDArray[np.int64], bins: int = 15
) -> float:
    """Mean gap between confidence and accuracy over equal-width bins (Guo et al. 2017), weighted by size."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        (index == b).mean() * abs(right[index == b].mean() - confidence[index == b].mean())
        for b in range(bins)
        if (index == b).any()
    ]
    return float(sum(gaps))


def _report(model: Model, rows: Sequence[Example]) -> dict[str, Any]:
    try:
        from sklearn.metrics import f1_score
    except ImportError:
        raise ConfigError(
            "`tidings model evaluate` needs scikit-learn: pip install 'tidings[train]'"
        ) from None
    is_topic = rows[0].topic != UNLABELLED
    names = TOPIC_LABELS if is_topic else SENTIMENT_LABELS
    labels = np.array([row.topic if is_topic else row.sentiment for row in rows])
    probabilities = model.probabilities([row.text for row in rows])[1 if is_topic else 0]
    best = probabilities.argmax(axis=1)
    every = list(range(len(names)))
    per_class = f1_score(labels, best, labels=every, average=None, zero_division=0)
    return {
        "rows": len(rows),
        "accuracy": round(float((best == labels).mean()), 4),
        "macro_f1": round(float(f1_score(labels, best, labels=every, average="macro", zero_division=0)), 4),
        "weighted_f1": round(
            float(f1_score(labels, best, labels=every, average="weighted", zero_division=0)), 4
        ),
        "calibration_error": round(expected_calibration_error(probabilities, labels), 4),
        "f1_by_class": {name: round(float(f1), 3) for name, f1 in zip(names, per_class, strict=True)},
    }
