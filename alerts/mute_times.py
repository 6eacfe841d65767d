"""Hours in which alerts tell nobody: of weekdays, dates and market days, by the clock of a time zone. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from alerts.market_days import Market, market
from alerts.matching import parse_matchers
from tidings.errors import ConfigError

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MINUTES = 1440
_AHEAD_DAYS = 400


@dataclass(frozen=True)
class Hours:
    """From `since` to before `until`, in minutes after midnight, on each day for which `on` says yes.

    An `until` at or before `since` is on the next day, whatever day that is.
    """

    on: Callable[[date], bool]
    since: int
    until: int

    def cover(self, day: date, minute: int) -> bool:
        """Whether this minute of this day, both by the clock of the zone, is among them."""
        if self.since < self.until:
            return self.on(day) and self.since <= minute < self.until
        before = day - timedelta(days=1)
        return (self.on(day) and minute >= self.since) or (self.on(before) and minute < self.until)

    @property
    def edges(self) -> frozenset[int]:
        """The minutes of a day at which it may begin or end."""
        return frozenset({0, self.since, self.until})


@dataclass(frozen=True)
class OutsideSessions:
    """All but the sessions of a market: its trading days from `since` to before `until`, half days to `half_until`."""

    market: Market
    since: int
    until: int
    half_until: int

    def cover(self, day: date, minute: int) -> bool:
        """Whether this minute of this day, both by the clock of the zone, is outside."""
        if not self.market.trading_day(day):
            return True
        until = self.half_until if self.market.half_day(day) else self.until
        return not self.since <= minute < until

    @property
    def edges(self) -> frozenset[int]:
        """The minutes of a day at which it may begin or end."""
        return frozenset({0, self.since, self.until, self.half_until})


@dataclass(frozen=True)
class MuteTime:
    """While it covers the time, alerts that match tell nobody. `text` is how it was written."""

    text: str
    when: Hours | OutsideSessions
    zone: ZoneInfo
    matchers: Mapping[str, str]

    def covers(self, moment: datetime) -> bool:
        """Whether `moment` lies in it."""
        local = moment.astimezone(self.zone)
        return self.when.cover(local.date(), local.hour * 60 + local.minute)

    def words(self, now: datetime) -> str:
        """Whether it is quiet now, and until or from when."""
        quiet = self.covers(now)
        change = next((one for one in self._edges(now) if self.covers(one) != quiet), None)
        if change is None:
            return "quiet for more than a year" if quiet else "over"
        return f"{'quiet until' if quiet else 'not quiet; next from'} {change:%Y-%m-%d %H:%M} UTC"

    def _edges(self, now: datetime) -> Iterator[datetime]:
        """When it may begin or end, after `now`, in order."""
        today = now.astimezone(self.zone).date()
        for ahead in range(_AHEAD_DAYS):
            midnight = datetime.combine(today + timedelta(days=ahead), time(), self.zone)
            for minute in sorted(self.when.edges):
                moment = (midnight + timedelta(minutes=minute)).astimezone(UTC)
                if moment > now:
                    yield moment


def parse_mute_time(text: str, where: str) -> MuteTime:
    """`DAYS HH:MM-HH:MM ZONE [MATCHERS]`; ConfigError, naming `where`, for anything else.

    DAYS is a weekday, a range of weekdays, a date, or MARKET:holidays, MARKET:half-days, MARKET:outside; the hours of
    the last may end with `/HH:MM`, when its half days end.
    """
    days, hours, zone, matchers = [*text.split(maxsplit=3), "", "", "", ""][:4]
    name, colon, kind = days.partition(":")
    try:
        when = _of_market(market(name, where), kind, hours, where) if colon else _of_days(days, hours)
        known = ZoneInfo(zone)
    except (ValueError, KeyError, OSError):  # ZoneInfo: not found, or no name for a file
        raise ConfigError(
            f"{where}: {text!r} must be DAYS HH:MM-HH:MM ZONE [MATCHERS], such as"
            " 'Sat-Sun 00:00-24:00 America/New_York', '2026-12-25 00:00-24:00 Europe/London' or"
            " 'XNYS:outside 09:30-16:00/13:00 America/New_York'"
        ) from None
    return MuteTime(text, when, known, parse_matchers(matchers, where) if matchers else {})


def _of_days(days: str, hours: str) -> Hours:
    since, until = _range(hours)
    if days[:1].isdigit():
        only = date.fromisoformat(days)
        return Hours(lambda day: day == only, since, until)
    weekdays = _weekdays(days)
    return Hours(lambda day: day.weekday() in weekdays, since, until)


def _of_market(one: Market, kind: str, hours: str, where: str) -> Hours | OutsideSessions:
    if kind not in ("holidays", "half-days", "outside"):
        raise ConfigError(
            f"{where}: {one.name}:{kind} is not known; write {one.name}:holidays, :half-days or :outside"
        )
    hours, slash, early = hours.partition("/")
    since, until = _range(hours)
    if (slash or kind == "half-days") and not one.has_half_days:
        raise ConfigError(f"{where}: the library holidays knows no half days of {one.name}")
    if kind != "outside":
        if slash:
            raise ValueError(hours)
        return Hours(one.holiday if kind == "holidays" else one.half_day, since, until)
    half_until = _minute(early) if slash else until
    if not since < half_until <= until:
        raise ConfigError(
            f"{where}: the sessions of {one.name} must end after they begin, half days no later"
        )
    return OutsideSessions(one, since, until, half_until)


def _weekdays(text: str) -> frozenset[int]:
    first, dash, last = text.lower().partition("-")
    begin = _WEEKDAYS.index(first)
    length = (_WEEKDAYS.index(last) - begin) % 7 + 1 if dash else 1
    return frozenset((begin + i) % 7 for i in range(length))


def _range(text: str) -> tuple[int, int]:
    since, _, until = text.partition("-")
    return _minute(since), _minute(until)


def _minute(text: str) -> int:
    hour, minute = text.split(":")
    if len(minute) != 2 or not (hour + minute).isdecimal() or int(minute) > 59:
        raise ValueError(text)
    minutes = int(hour) * 60 + int(minute)
    if minutes > _DAY_MINUTES:
        raise ValueError(text)
    return minutes
