"""Pure functions on text, the same in training, scoring and ingest."""

import hashlib
import html
import re
import unicodedata
from datetime import datetime

_URL = re.compile(r"(?:https?://|www\.)\S+|\b(?:pic\.twitter\.com|t\.co)/\S+", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
# Control and format characters (NUL, bidirectional marks, zero-width) carry no sentiment,
# except the joiner that holds emoji together.
_DROP_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn"}
_KEEP = {"\u200d", "\t", "\n", "\r", "\v", "\f", "\x85"}
_WORD = re.compile(r"[^\W_]+")
_RETWEET = re.compile(r"^(?:rt\s+@\w+:?\s*)+")


def normalise(text: str) -> str:
    """The text as the classifier sees it: entities decoded, URLs and control characters
    removed, white space folded. Cashtags, hashtags, emoji and case are kept.

    Idempotent but for doubly escaped HTML, which is decoded twice at most.
    """
    if "&" in text:
        text = html.unescape(html.unescape(text))
    if not text.isascii() or not text.isprintable():
        text = "".join(c for c in text if c in _KEEP or unicodedata.category(c) not in _DROP_CATEGORIES)
        text = unicodedata.normalize("NFC", text)
    text = _URL.sub(" ", text)
    return _SPACE.sub(" ", text).strip()


def classifier_input(title: str, text: str) -> str:
    """The one string that is scored for an item: title, then text unless it repeats the title."""
    title, text = normalise(title), normalise(text)
    if not title or not text:
        return title or text
    if text.startswith(title):
        return text
    return f"{title} {text}" if title[-1] in ".!?:" else f"{title}. {text}"


def story_id(title: str, text: str, published_at: datetime) -> str:
    """A key shared by near-identical items of one UTC day (16 hexadecimal digits).

    Items are near-identical when their headlines agree in all words, whatever their case,
    punctuation, URLs, or retweet prefix ("RT @name:"). The day is part of the key, so a headline that
    recurs ("Wall Street opens lower") is a new story each day.
    """
    headline = (normalise(title) or normalise(text)).casefold()
    # What has no words (emoji, a bare URL) is compared as it stands.
    key = " ".join(_WORD.findall(_RETWEET.sub("", headline, count=1))) or headline or f"{title}\x00{text}"
    day = published_at.strftime("%Y-%m-%d")
    return hashlib.blake2b(f"{day}\x00{key}".encode("utf-8", "replace"), digest_size=8).hexdigest()
