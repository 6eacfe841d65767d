"""A user's own labelled texts: a CSV or JSONL file (also .gz), and the part of it that is never trained on.

Columns or keys: `title` and/or `text`; `sentiment` (negative, neutral, positive) and/or `topic` (one of the 20).
A file that `tidings score` wrote and somebody corrected has `sentiment_label`, which then counts instead of
`sentiment`, a number there. An empty cell leaves the row unlabelled for that task.
"""

import difflib
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from classifier.data import UNLABELLED, Example
from classifier.labels import SENTIMENT_LABELS, TOPIC_LABELS
from tidings.errors import ConfigError
from tidings.rows import read_rows
from tidings.text import classifier_input

MIN_LABELLED = 30  # with fewer, the held-out part says nothing
SOURCE = "own"
_LABEL_COLUMNS = ("sentiment", "sentiment_label", "topic")
_WORD = re.compile(r"[^\W_]+")


def read_own(path: Path) -> list[Example]:
    """The rows of the file in their order; a ConfigError names file, line, field and fix of the first bad row."""
    examples: list[Example] = []
    seen: dict[tuple[str, str], tuple[int, int]] = {}
    for line, row in read_rows(path, (("title", "text"), _LABEL_COLUMNS)):
        example = _example(f"{path}: line {line}", row)
        for task in ("sentiment", "topic"):
            label = getattr(example, task)
            if label == UNLABELLED:
                continue
            first, other = seen.setdefault((task, example.group), (line, label))
            if other != label:
                raise ConfigError(
                    f"{path}: line {line}: {task}: the text of line {first} again, with another label;"
                    " give both the same, or drop one"
                )
        examples.append(example)
    labelled = sum(row.sentiment != UNLABELLED or row.topic != UNLABELLED for row in examples)
    if labelled < MIN_LABELLED:
        raise ConfigError(
            f"{path}: {labelled} labelled rows; at least {MIN_LABELLED} are needed to train and to compare"
        )
    return examples


def split_held_out(rows: Sequence[Example], percent: int) -> tuple[list[Example], list[Example]]:
    """(to train on, held out): about `percent` of each label's texts are held out, one at least where a label
    has two. Equal texts stay on one side. The choice follows from the texts alone, so it is the same again."""
    held: set[str] = set()
    for groups in sorted(_groups_by_label(rows), key=len):  # thin labels choose first
        ranked = sorted(groups, key=_rank)
        wanted = max(1, round(len(ranked) * percent / 100)) if len(ranked) > 1 else 0
        missing = wanted - len(held & groups)
        held.update([group for group in ranked if group not in held][: max(0, missing)])
    return [row for row in rows if row.group not in held], [
        row for row in rows if row.group in held and (row.sentiment, row.topic) != (UNLABELLED, UNLABELLED)
    ]


def group_of(text: str) -> str:
    """What texts that differ in case, punctuation or spaces have in common."""
    return " ".join(_WORD.findall(text.casefold())) or text


def _groups_by_label(rows: Iterable[Example]) -> list[set[str]]:
    found: dict[tuple[str, int], set[str]] = {}
    for row in rows:
        for task, label in (("sentiment", row.sentiment), ("topic", row.topic)):
            if label != UNLABELLED:
                found.setdefault((task, label), set()).add(row.group)
    return list(found.values())


def _rank(group: str) -> str:
    return hashlib.sha256(group.encode("utf-8", "replace")).hexdigest()


def _example(where: str, row: dict[str, Any]) -> Example:
    for name in ("title", "text", *_LABEL_COLUMNS):
        if name == "sentiment" and "sentiment_label" in row:
            continue
        if row.get(name) is not None and not isinstance(row[name], str):
            raise ConfigError(f"{where}: {name} must be a text, not {json.dumps(row[name])[:40]}")
    text = classifier_input(row.get("title") or "", row.get("text") or "")
    if not text:
        raise ConfigError(f"{where}: title and text hold no words; fill one of them, or drop the row")
    sentiment = "sentiment_label" if "sentiment_label" in row else "sentiment"
    return Example(
        text,
        _label(where, sentiment, row.get(sentiment) or "", SENTIMENT_LABELS),
        _label(where, "topic", row.get("topic") or "", TOPIC_LABELS),
        group_of(text),
        SOURCE,
    )


def _label(where: str, field: str, value: str, labels: Sequence[str]) -> int:
    """The label's index; case and surrounding space do not matter."""
    given = value.strip().casefold()
    if not given:
        return UNLABELLED
    known = [label.casefold() for label in labels]
    if given in known:
        return known.index(given)
    close = difflib.get_close_matches(given, known, n=1, cutoff=0.5)
    hint = f"did you mean {labels[known.index(close[0])]!r}?" if close else f"one of: {', '.join(labels)}"
    raise ConfigError(f"{where}: {field}: unknown label {value.strip()[:40]!r}; {hint} (or leave it empty)")
