"""The page's languages: texts from one catalogue (texts.yaml), and numbers and times as each language writes them."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
CATALOGUE = Path(__file__).with_name("texts.yaml")
_COUNTED = ("negative stories", "smoothed negative stories", "stories", "items")


@cache
def texts() -> Mapping[str, Mapping[Language, str]]:
    """The catalogue: per key the text in each language."""
    found: dict[str, dict[Language, str]] = yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))
    return found


class Words:
    """How one language says things. Values come back as plain text: whoever makes HTML of it escapes it."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language
        self.html_language = {"en": "en", "zh": "zh-Hans"}[language]

    def text(self, key: str, /, **values: Any) -> str:
        """The text of the key; KeyError where the catalogue has none, so that no text is forgotten."""
        said = texts()[key][self.language]
        return said.format(**values) if values else said

    def known(self, key: str, otherwise: str) -> str:
        """The text of a key that somebody's data made, or `otherwise`: a topic of an own model, a new severity."""
        return self.text(key) if key in texts() else otherwise

    def topic(self, name: str) -> str:
        """A topic's name."""
        return self.known(f"topic.{name}", name)

    def number(self, value: float) -> str:
        """A whole number, with separators."""
        return f"{round(value):,}"

    def count(self, value: float) -> str:
        """A number of stories: whole, one decimal below ten, and said in words when hardly anything."""
        if value >= 9.95:
            return f"{value:,.0f}"
        return f"{value:.1f}" if value >= 0.05 else self.text("number.few")

    def tenth(self, value: float) -> str:
        """With one decimal, where there is one: as charts write counts."""
        return f"{value:.1f}".removesuffix(".0")

    def signed(self, value: float) -> str:
        """A sentiment: two places, a true minus sign, and no sign at zero."""
        return f"{value:+z.2f}".replace("-", "\N{MINUS SIGN}").replace("+0.00", "0.00")

    def percent(self, part: float) -> str:
        """A part of 1 in whole percent."""
        return self.text("number.percent", value=f"{part * 100:.0f}")

    def measure(self, measure: str, value: float) -> str:
        """A value of an alert, as Measured.measure asks for."""
        if measure == "negative share":
            return self.percent(value)
        return self.signed(value) if measure == "sentiment" else self.count(value)

    def observed(self, measure: str, value: float) -> str:
        """The same for what was counted: whole stories."""
        return self.number(value) if measure in _COUNTED else self.measure(measure, value)

    def time(self, moment: datetime) -> str:
        """Such as '14 Mar 2008, 12:30 UTC'."""
        utc = moment.astimezone(UTC)
        months = self.text("time.months").split()
        return self.text(
            "time.full", day=utc.day, month=months[utc.month - 1], year=utc.year, clock=f"{utc:%H:%M}"
        )

    def clock(self, moment: datetime, reference: datetime) -> str:
        """The time alone where both are on the same UTC day, else with day and month."""
        utc = moment.astimezone(UTC)
        if utc.date() == reference.astimezone(UTC).date():
            return f"{utc:%H:%M}"
        months = self.text("time.months").split()
        return self.text("time.short", day=utc.day, month=months[utc.month - 1], clock=f"{utc:%H:%M}")

    def duration(self, seconds: float) -> str:
        """In the largest unit that says it without a rest, days from two on: 5400 is '90 minutes'."""
        whole = round(seconds)
        for size, unit, least in ((86_400, "day", 2), (3600, "hour", 1), (60, "minute", 1), (1, "second", 0)):
            count, rest = divmod(whole, size)
            if rest == 0 and count >= least:
                return self.text(f"duration.{unit}" if count == 1 else f"duration.{unit}s", count=count)
        raise ValueError(f"seconds must be 0 or more; it is {seconds!r}")

    def about(self, seconds: float) -> str:
        """A duration that need not be exact, in whole units of the largest that fits."""
        for size in (86_400, 3600, 60):
            if seconds >= size:
                return self.duration(seconds // size * size)
        return self.duration(max(0, seconds))

    def odds(self, p_value: float) -> str:
        """A probability as odds with two figures: 0.0003 is 'about 1 in 3,300 such windows'."""
        if p_value < 1e-9:
            return self.text("alerts.odds.never")
        ratio = 1 / min(1.0, p_value)
        digits = 10 ** max(0, math.floor(math.log10(ratio)) - 1)
        return self.text("alerts.odds.one_in", count=f"{round(ratio / digits) * digits:,}")
