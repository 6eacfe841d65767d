"""How a text longer than the model's window is cut into passages, and how their scores become one. Pure.

The weights were chosen on articles built from labelled headlines of the development split (docs/input.md).
"""

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

MOST_CHARACTERS = 100_000  # of a text that are read; 10,000 words of English news are some 62,000
MOST_PASSAGES = 256  # of a text that are scored; 10,000 words of English news are some 210
TITLE, BODY, STRONGEST = 0.4, 0.4, 0.2

# Not after "U.S.", "Inc." and the like, nor before a lower case word.
_SENTENCE_END = re.compile(
    r"(?:(?<=[.!?])|(?<=[.!?][\"'\u201d\u2019)]))(?<!\.[A-Z]\.)"
    r"(?<!\bInc\.)(?<!\bCorp\.)(?<!\bLtd\.)(?<!\bCo\.)(?<!\bMr\.)(?<!\bNo\.)(?<!\bSt\.)\s+(?![a-z])"
)


def sentences(text: str) -> list[str]:
    """The text cut after . ! or ? and a space; joined with spaces they are the text again."""
    return _SENTENCE_END.split(text)


def passages(sentence_tokens: Sequence[Sequence[int]], limit: int) -> list[list[int]]:
    """Passages of 1 to `limit` tokens, in order: every token in exactly one, up to MOST_PASSAGES of them.

    The first is the title: the first sentence by itself (classifier_input puts the title first). The others
    hold as many sentences as fit; only a sentence longer than `limit` is cut inside.
    """
    title, *body = sentence_tokens or [[]]
    found = _pack([title], limit) + _pack(body, limit)
    return found[:MOST_PASSAGES]


def _pack(sentence_tokens: Sequence[Sequence[int]], limit: int) -> list[list[int]]:
    packed: list[list[int]] = []
    for tokens in sentence_tokens:
        pieces = [list(tokens[at : at + limit]) for at in range(0, len(tokens), limit)]
        for piece in pieces:
            if packed and len(packed[-1]) + len(piece) <= limit:
                packed[-1] += piece
            else:
                packed.append(piece)
    return packed


def passage_weights(lengths: Sequence[int], sentiment: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How much each passage counts, of shape (passages,); the weights sum to 1.

    The title gets TITLE, the other passages BODY by their `lengths` in tokens, and the passage whose
    sentiment (p_positive - p_negative, of shape (passages,)) is farthest from 0 gets STRONGEST on top: an
    article of many neutral passages may turn on one. A title alone gets everything.
    """
    weights = np.asarray(lengths, np.float64)
    weights[0] = 0
    if len(weights) > 1:
        weights *= BODY / weights.sum()
    else:
        weights[0] = BODY
    weights[0] += TITLE
    weights[np.abs(sentiment).argmax()] += STRONGEST
    return weights
