"""Which alerts a silence, a mute time or an inhibition speaks of: label matchers and hours of the week. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from tidings.errors import ConfigError
from tidings.types import Alert, Silence

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MINUTES = 1440


@dataclass(frozen=True)
class Inhibition:
    """While an alert that matches `source` fires, alerts that match `target` tell nobody that they fire."""

    source: Mapping[str, str]
    target: Mapping[str, str]


@dataclass(frozen=True)
class MuteTime:
    """Hours, by the clock of a time zone, in which alerts that match tell nobody; minutes count from midnight.

    `days` are weekdays (Monday is 0); with `on` it is that one date instead. An `until` at or before `since` is on
    the next day.
    """

    days: frozenset[int]
    on: date | None
    since: int
    until: int
    zone: ZoneInfo
    matchers: Mapping[str, str]

    def covers(self, moment: datetime) -> bool:
        """Whether `moment` lies in it."""
        local = moment.astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        if self.since < self.until:
            return self._on(local.date()) and self.since <= minute < self.until
        before = local.date() - timedelta(days=1)
        return (self._on(local.date()) and minute >= self.since) or (self._on(before) and minute < self.until)

    def _on(self, day: date) -> bool:
        return day == self.on if self.on else day.weekday() in self.days


def labels_of(alert: Alert, receiver: str = "") -> dict[str, str]:
    """What matchers look at: the alert's labels (with scope and key), its rule, its severity, and the receiver."""
    return {**alert.labels, "rule": alert.rule, "severity": alert.severity, "receiver": receiver}


def matches(matchers: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether every matcher (label name to glob pattern, case counts) fits; a label that is missing is empty."""
    return all(fnmatchcase(labels.get(name, ""), pattern) for name, pattern in matchers.items())


def silence_of(alert: Alert, silences: Sequence[Silence], now: datetime) -> Silence | None:
    """The silence in force for the alert that lasts longest."""
    labels = labels_of(alert)
    found = [s for s in silences if s.starts_at <= now < s.ends_at and matches(s.matchers, labels)]
    return max(found, key=lambda s: (s.ends_at, s.silence_id), default=None)


def inhibited(alerts: Sequence[Alert], inhibitions: Sequence[Inhibition]) -> frozenset[str]:
    """The ids of the firing alerts that another firing alert mutes. Two that could mute each other do not."""
    firing = {alert.alert_id: labels_of(alert) for alert in alerts if alert.state == "firing"}
    found = set[str]()
    for pair in inhibitions:
        sources = {key for key, labels in firing.items() if matches(pair.source, labels)}
        targets = {key for key, labels in firing.items() if matches(pair.target, labels)}
        if sources:
            found |= targets - sources
        if sources - targets:
            found |= targets
    return frozenset(found)


def parse_matchers(text: str, where: str) -> dict[str, str]:
    """`scope=entity; key=North*` as label names and patterns; ConfigError, naming `where`, for anything else."""
    matchers = {}
    for part in text.split(";"):
        name, equals, pattern = part.partition("=")
        if not equals or not name.strip():
            raise ConfigError(
                f"{where}: {part.strip()!r} is no matcher; write LABEL=PATTERN, several with ';'"
            )
        matchers[name.strip()] = pattern.strip()
    return matchers


def parse_inhibition(text: str, where: str) -> Inhibition:
    """`scope=all > scope=entity`: what mutes, and what it mutes."""
    source, arrow, target = text.partition(">")
    if not arrow:
        raise ConfigError(
            f"{where}: {text!r} must be MATCHERS > MATCHERS, such as 'scope=all > scope=entity'"
        )
    return Inhibition(parse_matchers(source, where), parse_matchers(target, where))


def parse_mute_time(text: str, where: str) -> MuteTime:
    """`Mon-Fri 17:30-08:00 Europe/London severity=warning`: days or a date, hours, zone, and matchers if any."""
    days, hours, zone, *rest = [*text.split(maxsplit=3), "", "", ""][:4] if text.split() else [""] * 4
    since, _, until = hours.partition("-")
    try:
        on = date.fromisoformat(days) if days[:1].isdigit() else None
        weekdays = frozenset() if on else _weekdays(days)
        begin, end = _minute(since), _minute(until)
        known = ZoneInfo(zone)
    except (ValueError, KeyError, OSError):  # ZoneInfo: not found, or no name for a file
        raise ConfigError(
            f"{where}: {text!r} must be DAYS HH:MM-HH:MM ZONE [MATCHERS], such as"
            " 'Sat-Sun 00:00-24:00 America/New_York' or '2026-12-25 00:00-24:00 Europe/London'"
        ) from None
    matchers = parse_matchers(rest[0], where) if rest and rest[0] else {}
    return MuteTime(weekdays, on, begin, end, known, matchers)


def _weekdays(text: str) -> frozenset[int]:
    first, dash, last = text.lower().partition("-")
    begin = _DAYS.index(first)
    length = (_DAYS.index(last) - begin) % 7 + 1 if dash else 1
    return frozenset((begin + i) % 7 for i in range(length))


def _minute(text: str) -> int:
    hour, minute = text.split(":")
    if len(minute) != 2 or not (hour + minute).isdecimal() or int(minute) > 59:
        raise ValueError(text)
    minutes = int(hour) * 60 + int(minute)
    if minutes > _DAY_MINUTES:
        raise ValueError(text)
    return minutes
