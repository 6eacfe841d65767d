"""How often texts are flagged as not English or without words: English data sets, and foreign texts of our own.

    .venv/bin/python -m bench.flags [--show]

Needs the labelled texts and streams (TIDINGS_DATA); of the posts, those that Twitter calls English are taken.
"""

import argparse
import csv
import gzip
import time
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from classifier.data import STREAM_FILES, data_folder, read_train
from classifier.language import flag_of
from tidings.text import normalise

FOREIGN = Path(__file__).parents[1] / "tests" / "data" / "foreign_texts.tsv"


def main() -> None:
    """Prints flags by data set, and the microseconds a text."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--show", action="store_true", help="print the texts flagged as another language")
    arguments = parser.parse_args()
    folder = data_folder()
    sets: dict[str, list[str]] = {}
    for row in read_train(folder):
        sets.setdefault(f"{row.source} train", []).append(row.text)
    for name in STREAM_FILES:
        with gzip.open(folder / name, "rt", encoding="utf-8", newline="") as stream:
            rows = [row for row in csv.DictReader(stream) if row.get("lang", "en") == "en"]
        sets[name] = [normalise(row.get("title") or row.get("text") or "") for row in rows]
    sets["foreign texts of our own"] = [
        normalise(line.split("\t", 1)[1]) for line in FOREIGN.read_text(encoding="utf-8").splitlines()
    ]
    table = Table("texts", "rows", "language", "no_words", "microseconds a text")
    for name, texts in sets.items():
        start = time.perf_counter()
        flags = [flag_of(text) for text in texts]
        spent = (time.perf_counter() - start) / len(texts) * 1e6
        counts = Counter(flags)
        table.add_row(
            name, f"{len(texts):,}", str(counts["language"]), str(counts["no_words"]), f"{spent:.0f}"
        )
        if arguments.show and name != "foreign texts of our own":
            for text, flag in zip(texts, flags, strict=True):
                if flag == "language":
                    print(f"{name}: {text[:120]}")
    Console().print(table)


if __name__ == "__main__":
    main()
