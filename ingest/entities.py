"""The names that an item speaks of: companies, countries, people."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import ahocorasick

from ingest.phrases import inner_capitals, is_title_case, phrases_in, starts_sentence
from ingest.vocabulary import LEGAL, companies, known_names
from tidings.text import normalise
from tidings.types import Mention

LEAD_CHARACTERS = 300
MAX_ENTITIES = 12
MAX_NAME_CHARACTERS = 60
# "NEW YORK (Reuters) - " at the start of a newswire text.
_DATELINE = re.compile(
    r"^[A-Z][A-Z .,/'-]{2,40}[^()]{0,30}\([^)]{2,40}\)\s*[-\u2013\u2014]+\s*"
    r"|^\(Reuters\)\s*[-\u2013\u2014]*\s*"
)
_RIC = re.compile(
    r"\(\s*\.?[A-Z][\w=]*(?:\.[A-Z]{1,2})?\s*\)|\b[A-Z]{1,5}[a-z]?\.[A-Z]{1,2}\b(?!\.)(?=[\s,;)]|$)"
)
_HANDLE = re.compile(r"(?<!\w)@\w+|(?<!\w)#(?=\w)")
_CASHTAG = re.compile(r"(?<![\w$])\$([A-Za-z]{1,6}(?:[.-][A-Za-z]{1,2})?)(?![\w$])")
_NOT_SYMBOLS = {"US", "USD", "CAD", "AUD", "NZD", "HKD", "SGD", "EUR", "GBP", "K", "M", "MM", "B", "BN", "TN"}
_LEGAL_NEXT = re.compile(rf"\s+(?:{LEGAL})\b\.?")


@dataclass(frozen=True, slots=True)
class _Known:
    """A form of a company's name; `careful` ones are everyday words, `alone` ones parts of other names."""

    form: str
    name: str
    careful: bool
    alone: bool


class _Span(NamedTuple):
    """Where a name stands in a text, and its key."""

    start: int
    end: int
    name: str


def entities_of(
    title: str, text: str, tickers: Iterable[str] = (), lead: int = LEAD_CHARACTERS
) -> tuple[str, ...]:
    """The names in the title and in the first `lead` characters of the text, sorted, at most 12 of them.

    A company of companies.csv counts under its one canonical name, however it is written; so does a cashtag
    or ticker (as `$ABC` when no company is known for it). Other runs of up to three capitalised words count
    as they stand (known_names.csv joins the forms of a few), but for sentence starts, everyday words, and
    what not_names.txt lists.
    In Title Case only the dictionary is trusted.
    """
    found: dict[str, None] = {}
    for symbol in tickers:
        found[_of_symbol(symbol)] = None
    parts = [_prepare(part) for part in (title, _lead(text, lead)) if part]
    trusted = [part for part in parts if not is_title_case(part)]
    often = Counter(word for part in trusted for word in inner_capitals(part))
    phrases: dict[str, None] = {}
    for part in parts:
        known = _known_in(part, careful=part in trusted)
        found.update(dict.fromkeys(span.name for span in known))
        if part in trusted:
            phrases.update(dict.fromkeys(phrases_in(part, _bounds(known), often)))
    for phrase in _joined(phrases, found):
        if name := known_names().get(phrase, phrase):
            found[name] = None
    return tuple(sorted(name for name in list(found)[:MAX_ENTITIES] if len(name) <= MAX_NAME_CHARACTERS))


def mentions_in(headline: str) -> tuple[Mention, ...]:
    """The names that `entities_of` finds in a headline alone, where they stand in it, in that order."""
    text = _prepare(headline)
    trusted = not is_title_case(text)
    spans = _known_in(text, careful=trusted)
    if trusted:
        phrases = dict.fromkeys(phrases_in(text, _bounds(spans), Counter(inner_capitals(text))))
        for phrase in _joined(phrases, [span.name for span in spans]):
            start = text.find(phrase)
            spans.append(_Span(start, start + len(phrase), known_names().get(phrase, phrase)))
    spans = sorted(span for span in spans if 0 < len(span.name) <= MAX_NAME_CHARACTERS)
    ends = [0, *(span.end for span in spans)]
    starts = [*(span.start for span in spans), len(text)]
    gaps = [text[end:start] for end, start in zip(ends, starts, strict=True)]
    return tuple(Mention(span.name, gaps[i], gaps[i + 1]) for i, span in enumerate(spans))


@cache
def _automaton() -> Any:
    automaton = ahocorasick.Automaton()
    for company in companies():
        for form in company.variants:
            automaton.add_word(
                form,
                _Known(form, company.name, careful=False, alone=not company.well_known and " " not in form),
            )
        for form in company.careful:
            automaton.add_word(form, _Known(form, company.name, careful=True, alone=True))
    automaton.make_automaton()
    return automaton


@cache
def _symbols() -> dict[str, str]:
    return {symbol: company.name for company in companies() for symbol in company.symbols}


def _of_symbol(symbol: str) -> str:
    symbol = symbol.upper().replace("-", ".")
    return _symbols().get(symbol, f"${symbol}")


def _prepare(text: str) -> str:
    text = normalise(text).replace("\u2019", "'").replace("\u2018", "'")
    return _HANDLE.sub("", _RIC.sub("", _DATELINE.sub("", text)))


def _lead(text: str, length: int) -> str:
    """The first characters, without the word that the cut falls into."""
    if len(text) < length:
        return text
    cut = text[:length]
    return cut[: cut.rfind(" ")] if " " in cut else cut


def _known_in(text: str, careful: bool) -> list[_Span]:
    """The cashtags and the companies that the dictionary knows."""
    tags = [tag for tag in _CASHTAG.finditer(text) if tag[1].upper() not in _NOT_SYMBOLS]
    return [_Span(*tag.span(), _of_symbol(tag[1])) for tag in tags] + list(_companies_in(text, careful))


def _bounds(spans: Iterable[_Span]) -> list[tuple[int, int]]:
    return [(span.start, span.end) for span in spans]


def _companies_in(text: str, careful: bool) -> Iterator[_Span]:
    for last, known in _automaton().iter_long(text):
        end = last + 1
        start = end - len(known.form)
        before, after = text[start - 1 : start], text[end : end + 1]
        if before.isalnum() or (before and before in "$&_@'"):
            continue
        if (
            after.isalnum()
            or (after and after in "_&@")
            or (after == "." and text[end + 1 : end + 2].isalnum())
        ):
            continue
        legal = _LEGAL_NEXT.match(text, end)
        if known.alone and not legal and text[end : end + 2].strip()[:1].isupper():
            continue
        if known.careful and not legal:
            before = _word_before(text, start)
            part_of_name = before[:1].isupper() or before in ("the", "a", "an")
            if not careful or part_of_name or starts_sentence(text, start):
                continue
        yield _Span(start, legal.end() if legal else end, known.name)


def _word_before(text: str, start: int) -> str:
    words = text[max(0, start - 40) : start].split()
    return words[-1] if words and text[start - 1 : start] == " " else ""


def _joined(phrases: Iterable[str], companies_found: Iterable[str]) -> Iterator[str]:
    """Without a phrase that is the first word(s) or the surname of a longer name of the same item."""
    longer = [*phrases, *companies_found]
    for phrase in phrases:
        if not any(other.startswith(phrase + " ") or other.endswith(" " + phrase) for other in longer):
            yield phrase
