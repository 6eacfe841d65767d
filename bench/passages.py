"""Ways of pooling the passages of a long text, on articles made of labelled headlines of the development split.

    .venv/bin/python -m bench.passages [--articles 300] [--seed 1]

An article is a labelled headline as its title, then 8 to 30 other headlines as its body. Real articles are not made
this way: the table ranks ways of pooling, no more. Needs the labelled texts (TIDINGS_DATA).
"""

import argparse
import random
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from classifier.data import UNLABELLED, Example, data_folder, read_train, split_dev
from classifier.labels import HEADS
from classifier.model import Model
from classifier.passages import passage_weights
from tidings.text import spell_out

Scores = npt.NDArray[np.float64]
Weigh = Callable[[Sequence[int], Scores], Scores]
NEUTRAL = 1
BODIES: dict[str, Callable[[int, random.Random], int]] = {
    "body neutral": lambda label, rng: NEUTRAL,
    "40 % of the body agrees, the rest is neutral": lambda label, rng: (
        label if rng.random() < 0.4 else NEUTRAL
    ),
    "body a random mixture": lambda label, rng: rng.choice((label, NEUTRAL, NEUTRAL, rng.randrange(3))),
    "whole body agrees": lambda label, rng: label,
}


def _title_share(title: float) -> Weigh:
    """The title gets `title`, the other passages the rest by their lengths."""

    def weigh(lengths: Sequence[int], sentiment: Scores) -> Scores:
        body = np.array([0, *lengths[1:]], np.float64)
        weights = (1 - title) * body / body.sum() if body.any() else body
        weights[0] = 1 - weights.sum()
        return weights

    return weigh


POOLINGS: dict[str, Weigh] = {
    "mean of passages": _title_share(0.0),
    "0.5 title, 0.5 rest": _title_share(0.5),
    "as shipped": passage_weights,
}


def main() -> None:
    """Prints the accuracy in percent by construction and pooling."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--articles", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    model = Model.load(provider="cpu")
    _, dev = split_dev(read_train(data_folder()), 5)
    rows = [row for row in dev if row.sentiment != UNLABELLED]
    topics = [row for row in dev if row.topic != UNLABELLED]
    by_label = [[row.text for row in rows if row.sentiment == label] for label in range(3)]
    chosen = rng.sample(rows, min(len(rows), arguments.articles))
    results = {}
    for name, choose in BODIES.items():
        articles = [
            _article(row.text, [by_label[choose(row.sentiment, rng)] for _ in _count(rng)], rng)
            for row in chosen
        ]
        results[f"sentiment; {name}"] = _accuracies(
            model, articles, [row.sentiment for row in chosen], "sentiment"
        )
    hidden = BODIES["40 % of the body agrees, the rest is neutral"]
    articles = [
        _article(
            rng.choice(by_label[NEUTRAL]), [by_label[hidden(row.sentiment, rng)] for _ in _count(rng)], rng
        )
        for row in chosen
    ]
    name = "sentiment; neutral title, 40 % of the body tells"
    results[name] = _accuracies(model, articles, [row.sentiment for row in chosen], "sentiment")
    for name, share in (("topic; body on other topics", 0.0), ("topic; half of the body agrees", 0.5)):
        picked = rng.sample(topics, min(len(topics), arguments.articles))
        articles = [
            _article(row.text, [_same(topics, row, share, rng) for _ in _count(rng)], rng) for row in picked
        ]
        results[name] = _accuracies(model, articles, [row.topic for row in picked], "topic")
    table = Table("articles", "truncated", *POOLINGS, title=f"accuracy in %, {model.manifest.version}")
    for name, row in results.items():
        table.add_row(name, *(f"{100 * value:.1f}" for value in row))
    table.add_section()
    table.add_row("mean", *(f"{100 * value:.1f}" for value in np.mean(list(results.values()), axis=0)))
    Console().print(table)


def _count(rng: random.Random) -> range:
    return range(rng.randint(8, 30))


def _same(rows: list[Example], like: Example, share: float, rng: random.Random) -> list[str]:
    if rng.random() < share:
        return [row.text for row in rows if row.topic == like.topic]
    return [row.text for row in rows]


def _article(title: str, pools: Sequence[Sequence[str]], rng: random.Random) -> str:
    sentences = [title, *(rng.choice(pool) for pool in pools)]
    return " ".join(text if text[-1:] in ".!?" else f"{text}." for text in sentences)


def _accuracies(model: Model, articles: Sequence[str], labels: Sequence[int], task: str) -> list[float]:
    """Accuracy when truncated, then by each of POOLINGS."""
    window = model.manifest.max_tokens
    texts = [spell_out(text) for text in articles]
    end = model._tokenizer.encode("").ids[-1]
    truncated = [[*encoding.ids[: window - 1], end] for encoding in model._tokenizer.encode_batch(texts)]
    cut = [model._cut(text) for text in texts]
    scores = iter(model._run([*truncated, *(row for rows in cut for row in rows)]))
    found = [[next(scores) for _ in texts]] + [[] for _ in POOLINGS]
    for rows in cut:
        part = np.array([next(scores) for _ in rows])
        for pooled, weigh in zip(found[1:], POOLINGS.values(), strict=True):
            pooled.append(weigh([len(row) for row in rows], part[:, 2] - part[:, 0]) @ part)
    best = [np.array(rows)[:, HEADS[task]].argmax(axis=1) for rows in found]
    return [float((each == np.array(labels)).mean()) for each in best]


if __name__ == "__main__":
    main()
