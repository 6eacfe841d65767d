"""Trading days of exchanges and central banks. The only file that knows the library `holidays`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import cache

import holidays

from tidings.errors import ConfigError

_HALF_DAY = "half_day"


@dataclass(frozen=True)
class Market:
    """A calendar of the library, by its name there (ISO 10383 codes such as XNYS, and common names such as NYSE).

    It knows what an exchange announced, or announces by rule; not what it decides this week.
    """

    name: str

    def holiday(self, day: date) -> bool:
        """Whether it is closed all day, be it that day of the week or not."""
        return day in _days(self.name, holidays.PUBLIC)

    def half_day(self, day: date) -> bool:
        """Whether it closes early; never on a day on which it is closed."""
        return self.has_half_days and day in _days(self.name, _HALF_DAY) and self.trading_day(day)

    def trading_day(self, day: date) -> bool:
        """Whether it is open, if only for half the day."""
        return day.weekday() not in _days(self.name, holidays.PUBLIC).weekend and not self.holiday(day)

    @property
    def has_half_days(self) -> bool:
        return _HALF_DAY in _days(self.name, holidays.PUBLIC).supported_categories


def market(name: str, where: str) -> Market:
    """The market of this name in any case of letters; ConfigError, naming `where` and the nearest names, if unknown."""
    known = {one.upper(): one for one in names()}
    if found := known.get(name.upper()):
        return Market(found)
    near = get_close_matches(name.upper(), known, n=4, cutoff=0.5) or ["XNYS", "XLON", "XETR", "XECB"]
    raise ConfigError(
        f"{where}: {name!r} is no market that the library holidays knows; the nearest: {', '.join(near)}"
        f" (all {len(known)}: docs/notifications.md)"
    )


@cache
def names() -> Mapping[str, list[str]]:
    """The markets there are: codes and other names."""
    return holidays.list_supported_financial()


@cache
def _days(name: str, category: str) -> holidays.HolidayBase:
    return holidays.financial_holidays(name, categories=(category,))
