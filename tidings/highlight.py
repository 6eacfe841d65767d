"""Words that moved a score, as a line of text and as highlighted HTML. Pure."""

from collections.abc import Iterable, Sequence
from html import escape

from tidings.types import Word

# Half-transparent, so that the reader's own text colour stays readable on them, in light and in dark.
_NEGATIVE, _POSITIVE = "229,57,53", "46,160,67"
_FAINTEST, _STRONGEST = 0.12, 0.36
_FULL = 0.6  # from this weight on a word is marked as strongly as can be


def say_weight(weight: float) -> str:
    """Signed, with two places and a true minus sign."""
    return f"{weight:+z.2f}".replace("-", "\N{MINUS SIGN}")


def say_words(words: Iterable[Word]) -> str:
    """Such as 'plunge -0.61 · fraud -0.20', the strongest first; nothing for no words."""
    strongest = sorted(words, key=lambda word: -abs(word.weight))
    return " · ".join(f"{word.word} {say_weight(word.weight)}" for word in strongest)


def highlight_html(text: str, words: Sequence[Word]) -> str:
    """The text as HTML, escaped, its words marked: red negative, green positive, opacity by weight.

    Only inline styles, which mail clients keep; each mark's title says its weight. Without its tags the
    result is the text again. What lies outside the text, or within an earlier word, is left out.
    """
    parts, done = [], 0
    for word in sorted(words, key=lambda word: word.start):
        start, end = max(word.start, done), min(word.end, len(text))
        if start < word.end and start < end:
            parts += [escape(text[done:start]), _mark(text[start:end], word.weight)]
            done = end
    return "".join([*parts, escape(text[done:])])


def _mark(part: str, weight: float) -> str:
    opacity = _FAINTEST + (_STRONGEST - _FAINTEST) * min(1.0, abs(weight) / _FULL)
    colour = f"rgba({_NEGATIVE if weight < 0 else _POSITIVE},{opacity:.2f})"
    style = f"background-color:{colour};border-radius:2px"
    return f'<span style="{style}" title="{say_weight(weight)}">{escape(part)}</span>'
