"""Proper names by their capitals: runs of capitalised words inside sentences."""

import re
from collections import Counter
from collections.abc import Iterator

from ingest.vocabulary import LEGAL, breaking_words, common_words, known_names, never_alone

_MAX_WORDS = 3
_CAPITAL = "A-ZÀ-ÖØ-Þ"
_WORD = rf"(?:(?:[{_CAPITAL}]\.){{2,}}|(?:(?:[{_CAPITAL}]|St|Mt|Ft)\.\ ?)?[{_CAPITAL}][\w&'-]*)"
_RUN = re.compile(rf"(?<![\w$'.-]){_WORD}(?: (?:of |& )?{_WORD})*")
_WORDS = re.compile(r"[^\W\d_][\w'-]*")
_LEGAL_END = re.compile(rf"(?:\s+(?:{LEGAL})\.?)+$")
_POSSESSIVE = re.compile(r"'s?$")
_MODIFIERS = ("ed", "ing", "led", "run", "like", "wide", "style", "era", "area")
_SENTENCE_END = ".!?:;|\u2013\u2014"
_OPENERS = " \t\n\"'([\u201c\u2018"


def is_title_case(text: str) -> bool:
    """Whether Most of the Everyday Words Are Capitalised, So That Capitals Say Nothing."""
    words: list[str] = _WORDS.findall(text)[1:]
    everyday = [
        w for w in words if len(w) > 2 and w.lower() in common_words() and w.lower() not in never_alone()
    ]
    capitalised = sum(word[0].isupper() for word in everyday)
    return capitalised >= 3 and capitalised >= 0.7 * len(everyday)


def inner_capitals(text: str) -> Iterator[str]:
    """Every capitalised word that does not start a sentence."""
    for run in _RUN.finditer(text):
        words = run.group().split()
        yield from (_plain(word) for word in (words[1:] if starts_sentence(text, run.start()) else words))


def phrases_in(text: str, taken: list[tuple[int, int]], often: Counter[str]) -> Iterator[str]:
    """Names of one to three words outside the spans taken by companies."""
    for run in _RUN.finditer(text):
        starts = starts_sentence(text, run.start())
        for position, words in _split(run.group(), run.start()):
            at_start = starts and position == run.start()
            end = position + len(" ".join(words))
            if any(position < e and s < end + 1 for s, e in taken):
                continue
            if at_start and len(words) > 1 and _is_no_part(words):
                words, at_start = words[1:], False
            if sum(word != "of" for word in words) > _MAX_WORDS:
                continue
            phrase = _LEGAL_END.sub("", " ".join(words)).strip(" .&") if len(words) > 1 else words[0]
            if phrase.count(".") < 2:
                phrase = phrase.rstrip(".")
            if " " in phrase or _is_name(phrase, at_start, often):
                yield phrase


def starts_sentence(text: str, start: int) -> bool:
    """Whether what begins at `start` is the first word of a sentence."""
    before = text[max(0, start - 40) : start].rstrip(_OPENERS)
    return not before or before[-1] in _SENTENCE_END or before.endswith(" -")


def _split(run: str, start: int) -> Iterator[tuple[int, list[str]]]:
    """A run of capitalised words cut at words that are no names and after possessives; with positions."""
    words: list[str] = []
    first = position = start
    for word in run.split(" "):
        plain = _plain(word)
        ends = plain != word
        if not words:
            first = position
        if (
            plain not in ("of", "&")
            and plain.lower().rstrip(".") in breaking_words()
            and not (plain.isupper() and plain in known_names())
        ):
            if words:
                yield first, _without_of(words)
            words = []
        elif plain and (words or plain not in ("of", "&")):
            words.append(plain)
        if ends and words:
            yield first, _without_of(words)
            words = []
        position += len(word) + 1
    if words:
        yield first, _without_of(words)


def _plain(word: str) -> str:
    """Without a possessive, and without a lower-case end as in London-based."""
    head, dash, tail = word.partition("-")
    if dash and tail[:1].islower() and tail.endswith(_MODIFIERS):
        word = head
    return _POSSESSIVE.sub("", word.rstrip("&/-,"))


def _without_of(words: list[str]) -> list[str]:
    return words[:-1] if words[-1] in ("of", "&") and len(words) > 1 else words


def _is_no_part(words: list[str]) -> bool:
    """Whether the first word only starts the sentence: Troubled Northern Rock, Top U.S. banks."""
    if words[0].lower() not in common_words():
        return False
    return words[0].endswith(("ed", "ing")) or " ".join(words[1:]) in known_names()


def _is_name(word: str, at_start: bool, often: Counter[str]) -> bool:
    lower = word.lower()
    if len(word) < 2 or lower.endswith("'t") or (lower in never_alone() and word not in known_names()):
        return False
    if all(part in common_words() or part in never_alone() for part in lower.split("-")):
        return often[word] >= 2 and "-" not in word
    return not (at_start and often[word] == 0 and any(base in common_words() for base in _bases(lower)))


def _bases(word: str) -> Iterator[str]:
    """What an inflected English word may come from: stocks, rallied, plunging."""
    for ending in ("s", "es", "d", "ed", "ing", "ly", "er", "ers", "ally", "ies", "ied"):
        if word.endswith(ending) and len(word) - len(ending) > 2:
            base = word[: -len(ending)]
            yield from (base, base + "e", base + "y")
            if base[-1] == base[-2]:
                yield base[:-1]
