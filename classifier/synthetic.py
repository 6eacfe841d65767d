"""Training sentences made from templates, for what labelled headlines show too seldom: the direction of
change against what changes (a loss that narrows), negation, questions, plain facts, traders' slang. The
sentences are in synthetic.yaml, beside this file.

Licence-free (our own words) and repeatable (seeded). The behavioural suite is written separately, and a
test keeps its texts out of here.
"""

import random
from collections.abc import Callable
from functools import cache
from pathlib import Path

import yaml

from classifier.data import UNLABELLED, Example
from classifier.labels import SENTIMENT_LABELS

_NAMES = (
    "Aldermoor", "Brightwell Foods", "Calder Mining", "Dunmore Bank", "Eastvale Energy", "Fennick Group",
    "Galtee Pharma", "Hartnell", "Ironbridge Steel", "Jorvik Shipping", "Kestrel Air", "Lindqvist Oyj",
    "Marlowe Retail", "Norrby AB", "Ostrava Motors", "Pinecrest REIT", "Quayside Insurance", "Ravello SpA",
    "Suncoast Telecom", "Tamworth Paper", "Ulverton", "Vantage Cloud", "Westmark", "Yarrow Chemicals",
    "Zephyr Wind", "Oakline Media", "Mirador Capital", "Tolvanen", "Shirakawa Electric", "Banerjee Textiles",
    "The company", "The group", "The lender", "The retailer", "The carmaker", "The chipmaker", "The airline",
)  # fmt: skip
_TICKERS = (
    "ALDM",
    "BWF",
    "CLDR",
    "DNM",
    "EVE",
    "FNK",
    "GLT",
    "HTNL",
    "IRB",
    "JVK",
    "KSTR",
    "LNDQ",
    "MRLW",
    "ZPH",
)
_GOOD = (
    "operating profit", "net profit", "net sales", "revenue", "turnover", "earnings per share", "EBITDA",
    "pre-tax profit", "gross margin", "operating margin", "the order book", "order intake", "cash flow",
    "market share", "the customer base", "passenger numbers", "production", "same-store sales", "exports",
    "net interest income", "free cash flow", "subscriber numbers", "quarterly profit", "the dividend",
)  # fmt: skip
_BAD = (
    "net loss", "the operating loss", "net debt", "bad loans", "credit losses", "operating costs",
    "raw material costs", "customer churn", "unemployment", "inflation", "jobless claims", "write-downs",
    "borrowing costs", "the deficit", "impairment charges", "complaints", "defaults", "the quarterly loss",
)  # fmt: skip
_AMOUNTS = (
    "operating profit", "net profit", "net sales", "revenue", "EBITDA", "pre-tax profit", "order book",
    "order intake", "cash flow", "exports", "net interest income", "quarterly profit",
)  # fmt: skip
_BURDENS = ("net debt", "bad loans", "credit losses", "operating costs", "write-downs", "impairment charges")
_UP = ("rose", "increased", "grew", "climbed", "jumped", "went up", "widened", "surged", "improved", "was up")
_DOWN = (
    "fell",
    "decreased",
    "declined",
    "dropped",
    "shrank",
    "went down",
    "narrowed",
    "slid",
    "was down",
    "contracted",
)
_PERIODS = (
    "in the first quarter", "in Q2", "in the third quarter", "year on year", "from a year earlier",
    "in January-September", "compared with the same period last year", "in the fiscal year", "in Q4 2011",
    "in the second half", "in the April-June period", "this year", "last month", "",
)  # fmt: skip
_UNITS = ("EUR {} mn", "${} million", "Rs {} crore", "£{}m", "SEK {} million", "EUR {}m", "${}B")


def synthetic(count: int, seed: int) -> list[Example]:
    """`count` sentences with a sentiment label, about a third of each, in random order."""
    rng = random.Random(seed)  # noqa: S311  # sentences, not secrets
    makers: tuple[Callable[[random.Random], tuple[str, int]], ...] = (
        _change,
        _levels,
        _sentence,
        _sentence,
        _sentence,
    )
    rows: list[Example] = []
    while len(rows) < count:
        text, label = rng.choice(makers)(rng)
        if rng.random() < 0.1:
            text = text.lower()
        rows.append(Example(text, label, UNLABELLED, "synthetic", "synthetic"))
    return rows


def _change(rng: random.Random) -> tuple[str, int]:
    """A measure that moves, with amounts that agree; the label follows from what moved where."""
    good, up = rng.random() < 0.6, rng.random() < 0.5
    subject = rng.choice(_GOOD if good else _BAD)
    verb = rng.choice(_UP if up else _DOWN)
    if good and verb in ("widened", "narrowed") and "margin" not in subject:
        verb = "rose" if up else "fell"
    if not good and verb == "improved":
        verb = "rose"
    unit = rng.choice(_UNITS)
    low, high = sorted((round(rng.uniform(0.5, 400), 1), round(rng.uniform(0.5, 400), 1)))
    new, old = (high, low) if up else (low, high)
    period, name = rng.choice(_PERIODS), rng.choice(_NAMES)
    text = rng.choice((
        f"{name}: {subject} {verb} to {unit.format(new)} from {unit.format(old)} {period}",
        f"{subject.capitalize()} of {name} {verb} {period} to {unit.format(new)} from {unit.format(old)}",
        f"{name} said {subject} {verb} by {rng.randint(1, 60)}% {period}",
        f"{name} {subject} {verb} {rng.randint(1, 60)} pct {period}",
        f"{subject.capitalize()} {verb} {period}, {name} said",
        f"{subject.capitalize()} totalled {unit.format(new)}, compared with {unit.format(old)} {period}",
        f"{name} expects that {subject} {'will rise' if up else 'will fall'} {period}",
    ))  # fmt: skip
    return " ".join(text.split()), 2 if good == up else 0


def _levels(rng: random.Random) -> tuple[str, int]:
    """Two amounts side by side without a verb that says which way: the reader compares them."""
    name, unit = rng.choice(_NAMES), rng.choice(_UNITS)
    period = rng.choice(
        ("in the first quarter", "in Q2", "in January-September", "for the fiscal year", "last month")
    )
    low = round(rng.uniform(0.4, 300), 1)
    high = round(low * rng.uniform(1.1, 4), 1)
    kind, more = rng.choice(("good", "good", "loss", "bad", "swing")), rng.random() < 0.5
    now, then = (unit.format(x) for x in ((high, low) if more else (low, high)))
    if kind == "swing":
        was, is_ = ("loss", "profit") if more else ("profit", "loss")
        return rng.choice((
            f"{name}: {is_} of {now} {period} ({was} of {then} a year earlier)",
            f"{name} made a {is_} of {now} {period} after a {was} of {then} the year before",
            f"{name}'s result was a {is_} of {now}, against a {was} of {then}",
        )), 2 if more else 0  # fmt: skip
    if kind == "loss":
        return rng.choice((
            f"{name}'s loss {period} was {now} (loss of {then} a year earlier)",
            f"{name} lost {now} {period} after losing {then} the year before",
            f"{name} made a loss of {now}; a loss of {then} had been forecast",
        )), 0 if more else 2  # fmt: skip
    subject = rng.choice(_AMOUNTS if kind == "good" else _BURDENS)
    text = rng.choice((
        f"{name}'s {subject} {period} came to {now} ({then} a year before)",
        f"{subject.capitalize()} at {name}: {now} {period}, after {then} the year before",
        f"{subject.capitalize()} of {name} amounted to {now}, where analysts had looked for {then}",
        f"{name} {subject} {now} vs {then} expected",
        f"{name} {subject} {now}, estimate {then}",
        f"{name}'s {subject} stood at {now} on {rng.randint(1, 28)} June ({then})",
    ))  # fmt: skip
    return text, 2 if more == (kind == "good") else 0


def _sentence(rng: random.Random) -> tuple[str, int]:
    label = rng.randrange(len(SENTIMENT_LABELS))
    name, other = rng.sample(_NAMES, 2)
    sector, another = rng.sample(("Tech", "Banks", "Oil", "Gold", "Miners", "Retailers"), 2)
    year = rng.randint(2005, 2027)
    text = rng.choice(_templates()[SENTIMENT_LABELS[label]]).format(
        n=name, m=other, t=rng.choice(_TICKERS), a=rng.choice(_UNITS).format(rng.randint(2, 900)),
        p=rng.randint(2, 60), k=rng.randint(20, 9000), q=rng.choice(_PERIODS[:-1]), y=year, z=year + 2,
        d=f"{rng.choice(('January', 'March', 'May', 'August', 'October'))} {rng.randint(1, 28)}",
        x=sector, w=another,
    )  # fmt: skip
    return text, label


@cache
def _templates() -> dict[str, list[str]]:
    found: dict[str, list[str]] = yaml.safe_load(
        Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")
    )
    return found
