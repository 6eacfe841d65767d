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
# Pictographs; then what only modifies them: flag letters, skin tones, variation selectors, the joiner.
_EMOJI = re.compile(
    "([\u231a-\u23ff\u25a0-\u27bf\u2b05-\u2b55\U0001f300-\U0001f3fa\U0001f400-\U0001faff])"
    "(?:\\1|[\ufe0e\ufe0f\u200d\U0001f3fb-\U0001f3ff])*|[\ufe0e\ufe0f\u200d\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff]+"
)
# Mathematical, full-width and squared letters and digits.
_ORNATE = re.compile("[\U0001d400-\U0001d7ff\uff01-\uff5e\U0001f130-\U0001f149]+")
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


def spell_out(text: str) -> str:
    """In plain letters, what the tokenizer's vocabulary lacks: emoji as words ("🚀" gives "rocket"), by their
    Unicode names, and ornate letters as plain ones.

    Without this, 🚀 and 💀 are the same unknown token. A run of one emoji gives its words once; flags, skin
    tones and joiners, which say nothing about a market, are dropped.
    """
    if text.isascii():
        return text
    text = _ORNATE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    return _SPACE.sub(" ", _EMOJI.sub(_emoji_words, text)).strip()


def _emoji_words(found: re.Match[str]) -> str:
    name = unicodedata.name(found[1], "").lower() if found[1] else ""
    return f" {name.removesuffix(' sign')} "


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
