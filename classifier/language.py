"""Whether a text is one that the model can read: English, and with words in it. Pure.

The model was trained on English. A text in another language, or without words, would be guessed; it is
flagged instead. A wrong flag hides a text from the alerts, so a text is flagged only on evidence, never for
a lack of English: most headlines that are all names and figures have no English word either.
"""

import re

from classifier.language_words import ENGLISH, LOANS, PARTICLES, foreign_words
from tidings.types import Flag

_READ = 500  # characters that are looked at: a paragraph is evidence enough, and a long text costs no more
_MENTION = re.compile(r"(?:\bRT )?@\w+")
_MARKED = re.compile(r"[$#]\w+")
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
# Greek, Cyrillic and so on to Georgian; Ethiopic to Mongolian; CJK, Hangul and presentation forms. Left out are
# the Latin blocks between them and Canadian syllabics, which posts use as ornate capitals.
_OTHER_SCRIPT = re.compile(
    "[\u0370-\u13ff\u1700-\u1cff\u1f00-\u1fff\u2c80-\u2dff\u3005-\ua4cf\ua840-\uaaff\uac00-\ud7ff"
    "\uf900-\ufaff\ufb1d-\ufdff\ufe70-\ufefc\uff66-\uffdc]"
)


def flag_of(text: str) -> Flag:
    """Why `text` should not be scored: "no_words", "language", or "" for a text to score.

    `text` is normalised (tidings.text.normalise: no URLs in it), its emoji not yet spelled out.

    no_words: besides mentions (@name) it has no letters, only figures, emoji and punctuation: nothing says what it
    is about. A cashtag or a hashtag is a word: "$ABCD" with emoji is scored, its emoji spelled out.

    language: at least half of the letters are of a script other than Latin; or two or more different words (three
    in a text all in capitals) speak for another language, and more than twice as many as for English. Such a word is
    one of foreign_words, or has two or more letters, the first in lower case and one outside ASCII. Cashtags,
    hashtags and mentions are left out.
    """
    text = text[:_READ]
    if "@" in text:
        text = _MENTION.sub(" ", text)
    if not _LETTER.search(text):
        return "no_words"
    text = _MARKED.sub(" ", text)
    if not text.isascii():
        text = text.replace("\u2019", "'")
        other = len(_OTHER_SCRIPT.findall(text))
        if other and 2 * other >= len(_LETTER.findall(text)):
            return "language"
    shouted = text.isupper()
    words = _WORD.findall(text.lower() if shouted else text)
    foreign = _foreign(words)
    if foreign < (3 if shouted else 2):  # tickers and initials look like words in capitals: EN, SE, LES
        return ""
    english = len({word.lower() for word in words} & ENGLISH)
    return "language" if foreign > 2 * english else ""


def _foreign(words: list[str]) -> int:
    """How many different words speak for another language."""
    unique, known = set(words), foreign_words()
    found = unique & known
    if words and words[0].lower() in known:  # the first word of a text has a capital whatever it is
        found.add(words[0].lower())
    found |= {word for word in unique - LOANS if len(word) > 1 and not word.isascii() and word[0].islower()}
    return len(found) + (not PARTICLES.isdisjoint(unique))
