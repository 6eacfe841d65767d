"""Which words moved a score. For texts that are shown to people: it costs some 64 short runs of the model.

Leaving one word out of a text that says the same thing twice ("beats estimates and raises its outlook") moves
nothing. So words are put in one by one, and each gets the mean of how far the sentiment moved when
it came: the Shapley value, estimated over a few orders, each with its reverse (Strumbelj and Kononenko 2010; in
pairs: Mitchell et al. 2022). The first pair is the text read forwards and backwards, so that phrases are
seen as phrases ("no", "no longer", "no longer profitable").
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import copysign

from tidings.highlight import say_words
from tidings.text import normalise
from tidings.types import Prediction, Word

MOST_WORDS = 32
MOST_PASSAGES = 32
MOST_OCCLUSIONS = 64
TELLING = 0.1  # twice what a weight is off, in mean, from one over 120 orders (measured on 25 headlines)

_PIECE = re.compile(r"\S+")
_EDGES = ".,;:!?…\"'`“”‘’«»()[]{}<>|*_~–—-/\\"  # noqa: RUF001 - quotation marks and dashes as they are printed

Predict = Callable[[Sequence[str]], Sequence[Prediction]]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A text, its sentiment, and its words in reading order; of a long text the words of one passage."""

    text: str
    sentiment: float
    words: tuple[Word, ...]

    def top(self, limit: int = 5) -> tuple[Word, ...]:
        """The words that moved the sentiment most, the strongest first; none where nothing moved it."""
        telling = [word for word in self.words if abs(word.weight) >= TELLING]
        return tuple(sorted(telling, key=lambda word: -abs(word.weight))[:limit])

    def say(self) -> str:
        """The top words and their weights in one line, or why there are none."""
        if not self.words:
            return "not read"
        return f"moved by {say_words(self.top())}" if self.top() else "no word moved it"


def explain(predict: Predict, text: str) -> Explanation:
    """The weight of each word: how far it moves the sentiment, in [-2, 2]. The same text, the same answer.

    `predict` is Model.predict, called twice. A text of more than MOST_WORDS words is cut into passages
    of that many; explained is the one, among the first MOST_PASSAGES, that by itself leans most to
    the side of the whole. The weights sum to the sentiment of what is explained, less that of an empty text.
    Spans are of `text` as given; URLs and what else the classifier does not see are no words. A flagged
    text (not English, no words) was not read, so it has no explanation.
    """
    pieces = _pieces(text)
    cuts = range(0, len(pieces), MOST_WORDS)[:MOST_PASSAGES]
    passages = [pieces[cut : cut + MOST_WORDS] for cut in cuts]
    read = [" ".join(piece for piece, _ in passage) for passage in passages]
    whole, *alone = predict([text, *read])
    if not passages or whole.flag:
        return Explanation(text, whole.sentiment, ())
    side = copysign(1, whole.sentiment)
    decisive = passages[max(range(len(passages)), key=lambda i: side * alone[i].sentiment)]
    weights = _weights(predict, [piece for piece, _ in decisive])
    words = (
        Word(text[a:b], a, b, round(weight, 4)) for (_, (a, b)), weight in zip(decisive, weights, strict=True)
    )
    return Explanation(text, whole.sentiment, tuple(words))


def _pieces(text: str) -> list[tuple[str, tuple[int, int]]]:
    """What lies between white space, and where in it the word is: without the punctuation at its edges."""
    pieces = []
    for match in _PIECE.finditer(text):
        piece = match.group()
        word = piece.strip(_EDGES) or piece  # ":(" is a word, too
        start = match.start() + piece.index(word)
        if normalise(word):
            pieces.append((piece, (start, start + len(word))))
    return pieces


def _weights(predict: Predict, pieces: Sequence[str]) -> list[float]:
    """For each piece the mean, over the orders, of what the sentiment moved when the piece was put in."""
    orders = _orders(len(pieces))
    steps = [[tuple(sorted(order[:k])) for k in range(len(pieces) + 1)] for order in orders]
    texts = {kept: " ".join(pieces[i] for i in kept) for walk in steps for kept in walk}
    scores = {
        kept: prediction.sentiment
        for kept, prediction in zip(texts, predict(list(texts.values())), strict=True)
    }
    weights = [0.0] * len(pieces)
    for order, walk in zip(orders, steps, strict=True):
        for k, position in enumerate(order):
            weights[position] += (scores[walk[k + 1]] - scores[walk[k]]) / len(orders)
    return weights


def _orders(count: int) -> list[list[int]]:
    """Reading order and its reverse, then as many shuffled pairs as MOST_OCCLUSIONS allows."""
    pairs = max(1, MOST_OCCLUSIONS // (2 * max(1, count - 1)))
    order, shuffle = list(range(count)), random.Random(count).shuffle  # noqa: S311 - nothing secret: the same each time
    orders = []
    for _ in range(pairs):
        orders += [order[:], order[::-1]]
        shuffle(order)
    return orders
