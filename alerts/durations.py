"""Durations as people write them (10m, 24h, 1d12h) and as they are said (10 minutes, 24 hours)."""

import re
from datetime import datetime

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_PART = re.compile(r"([0-9]{1,9})([smhdw])")
_WHOLE = re.compile(r"(?:[0-9]{1,9}[smhdw])+")
_LONGEST_SECONDS = 3660 * 86_400


def parse_duration(text: str) -> int:
    """Seconds in a text such as 10m, 24h or 1d12h (units s, m, h, d, w); ValueError says what to write."""
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"must be a duration such as 10m, 24h or 60d; it is {text!r}")
    seconds = sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    if seconds > _LONGEST_SECONDS:
        raise ValueError(f"must be at most ten years; it is {text!r}")
    return seconds


def format_duration(seconds: int) -> str:
    """The shortest exact text that parse_duration reads back: 86400 is 1d, 5400 is 90m."""
    for unit in "dhm":
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{seconds // _UNITS[unit]}{unit}"
    return f"{seconds}s"


def say_duration(seconds: int) -> str:
    """In words: 600 is '10 minutes', 86400 '24 hours', 5184000 '60 days'."""
    for size, word, least in ((86_400, "day", 2), (3600, "hour", 1), (60, "minute", 1), (1, "second", 0)):
        count, rest = divmod(seconds, size)
        if rest == 0 and count >= least:
            return f"{count} {word}" if count == 1 else f"{count} {word}s"
    raise ValueError(f"seconds must be a whole number of 0 or more; it is {seconds!r}")


def floor_minute(moment: datetime) -> datetime:
    """The start of the minute that `moment` lies in."""
    return moment.replace(second=0, microsecond=0)
