"""A text with the words that moved its score marked: classes, no inline styles, which the page's policy forbids."""

from collections.abc import Iterable
from html import escape

from tidings.highlight import say_weight
from tidings.types import Word

_STRONG, _MIDDLE = 0.4, 0.2  # weights from which a word is marked strongly, or visibly


def marked_html(text: str, words: Iterable[Word]) -> str:
    """The text as HTML, escaped; classes neg or pos and s1 to s3 (the strongest), the weight as the mark's title.

    Without its tags it is the text again. What lies outside the text, or within an earlier word, is left out.
    """
    parts, done = [], 0
    for word in sorted(words, key=lambda word: word.start):
        start, end = max(word.start, done), min(word.end, len(text))
        if start < end:
            side = "neg" if word.weight < 0 else "pos"
            strength = 3 if abs(word.weight) >= _STRONG else 2 if abs(word.weight) >= _MIDDLE else 1
            mark = f'<mark class="{side} s{strength}" title="{say_weight(word.weight)}">'
            parts += [escape(text[done:start]), mark, escape(text[start:end]), "</mark>"]
            done = end
    return "".join([*parts, escape(text[done:])])
