"""The words and names that ingest ships: companies, everyday words, capitalised words that are no names.

common_words.txt: 12,000 English words that news and posts mostly write in lower case inside sentences,
counted over the labelled texts and the Reuters stream that training and replay use (words only).
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

# Endings that say what kind of legal person a company is; they follow a name and are no part of it.
LEGAL = (
    r"Inc|Incorporated|Corp|Corporation|Co|Cos|Company|Companies|Ltd|Limited|Plc|PLC|plc|LLC|L\.L\.C|LP|L\.P|AG|SA|S\.A|"
    r"NV|N\.V|SE|SpA|ASA|AB|Oyj|KGaA|Bhd|Pty|Holdings|Holding|& Co"
)


@dataclass(frozen=True)
class Company:
    """One canonical name, its symbols and the ways that texts write it (see build_companies)."""

    name: str
    symbols: tuple[str, ...]
    variants: tuple[str, ...]
    careful: tuple[str, ...]
    well_known: bool


@cache
def companies() -> tuple[Company, ...]:
    """The rows of companies.csv."""
    lines = _text("companies.csv").splitlines()
    return tuple(
        Company(
            name=row["name"],
            symbols=tuple(row["symbols"].split()),
            variants=_split(row["variants"]),
            careful=_split(row["careful"]),
            well_known=row["well_known"] == "yes",
        )
        for row in csv.DictReader(lines)
    )


@cache
def common_words() -> frozenset[str]:
    """Everyday words, in lower case."""
    return frozenset(_text("common_words.txt").split())


@cache
def breaking_words() -> frozenset[str]:
    """Words (lower case) that are no names and no part of names: weekdays, titles, words of newswires."""
    return _not_names()[0]


@cache
def never_alone() -> frozenset[str]:
    """Words (lower case) that are no names by themselves, the breaking ones among them."""
    return _not_names()[0] | _not_names()[1]


def _not_names() -> tuple[frozenset[str], frozenset[str]]:
    lines = [line for line in _text("not_names.txt").splitlines() if not line.startswith("#")]
    breaking, alone = "\n".join(lines).split("[alone]")
    return frozenset(breaking.split()), frozenset(alone.split())


@cache
def known_names() -> dict[str, str]:
    """Forms of places, institutions and people to their canonical name; empty for what is no name."""
    rows = csv.DictReader(_text("known_names.csv").splitlines())
    return {form: row["name"] for row in rows for form in _split(row["variants"])}


def _text(name: str) -> str:
    return files("ingest").joinpath(name).read_text(encoding="utf-8")


def _split(cell: str) -> tuple[str, ...]:
    return tuple(part for part in cell.split("|") if part)
