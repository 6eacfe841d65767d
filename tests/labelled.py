"""Labelled texts of our own, in the columns of the real files."""

import csv
from collections.abc import Iterable
from pathlib import Path

from classifier.data import SENTIMENT_FILE, TOPIC_FILE
from classifier.labels import TOPIC_LABELS


def write_labelled(
    folder: Path, sentiments: Iterable[tuple[str, str, str, str]], topics: Iterable[tuple[str, str]]
) -> Path:
    """Writes both files into `folder` and returns it.

    Sentiment rows are (source, split, text, label), topic rows (text, topic).
    """
    with (folder / SENTIMENT_FILE).open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["source", "split", "text", "label", "licence_class", "group"])
        for i, row in enumerate(sentiments):
            out.writerow([*row, "mit" if row[0] == "tfns" else "nc", f"s{i}"])
    with (folder / TOPIC_FILE).open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["split", "text", "topic_id", "topic", "group", "valid_leaks_train"])
        for i, (text, topic) in enumerate(topics):
            out.writerow(["train", text, TOPIC_LABELS.index(topic), topic, f"t{i}", 0])
    return folder
