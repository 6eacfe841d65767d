"""Fields of one entry of a rules file, read and checked one at a time."""

import difflib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alerts.durations import parse_duration
from tidings.errors import ConfigError


class FieldReader:
    """Reads fields of a mapping; every error names file, line, rule and field, and says what to write."""

    def __init__(
        self, entry: Any, origin: str, number: int, lines: Mapping[str, int], known: Sequence[str]
    ) -> None:
        """`lines` holds the line of each key, and under '' that of the entry."""
        self._origin, self._number, self._lines = origin, number, lines
        self.entry: dict[Any, Any] = entry if isinstance(entry, dict) else {}
        if not isinstance(entry, dict):
            raise self.error("", "must be a mapping; start it with '- name: …'")
        for key in entry:
            if key not in known:
                close = difflib.get_close_matches(str(key), known, n=1, cutoff=0.5)
                fix = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
                raise self.error(str(key), f"is an unknown key; {fix}")

    def error(self, field_name: str, problem: str) -> ConfigError:
        """What is wrong with a field, and where."""
        name = self.entry.get("name")
        which = f"rule {self._number} ({name})" if isinstance(name, str) else f"rule {self._number}"
        line = self._lines.get(field_name, self._lines[""])
        return ConfigError(f"{self._origin}: line {line}: {which}: {field_name or 'it'} {problem}")

    def text(self, key: str, default: str | None) -> str:
        """A text on one line; without `default` it must be there."""
        value = self.entry.get(key, default)
        if value is None:
            raise self.error(key, f"is missing; add '{key}: …'")
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise self.error(key, f"must be a text on one line; put it in quotes; it is {value!r}")
        return value

    def choice(self, key: str, known: Sequence[str], default: str) -> Any:
        """One of `known`."""
        value = self.entry.get(key, default)
        if value not in known:
            close = difflib.get_close_matches(str(value), known, n=1)
            fix = f"; did you mean {close[0]}?" if close else ""
            raise self.error(key, f"must be one of {', '.join(known)}; it is {value!r}{fix}")
        return value

    def duration(self, key: str, default: str, least: int = 0) -> int:
        """Seconds; with `least` whole minutes of at least that many seconds."""
        value = self.entry.get(key, default)
        if not isinstance(value, str):
            raise self.error(key, f"must be a duration with its unit, such as 10m or 24h; it is {value!r}")
        try:
            seconds = parse_duration(value)
        except ValueError as error:
            raise self.error(key, str(error)) from None
        if least and (seconds < least or seconds % 60):
            raise self.error(key, f"must be whole minutes, 1m or more; it is {value!r}")
        return seconds

    def number_between(self, key: str, default: float, above: float, below: float) -> float:
        """A number between the two, which it may not equal."""
        value = self.entry.get(key, default)
        try:
            # YAML 1.1 reads 1e-4 (no point) as a text; people mean the number.
            number = math.nan if isinstance(value, bool | list | dict) or value is None else float(value)
        except (ValueError, OverflowError):
            number = math.nan
        if not above < number < below:
            raise self.error(key, f"must be a number between {above:g} and {below:g}; it is {value!r}")
        return number

    def texts(self, key: str, given: Any = None) -> tuple[str, ...]:
        """A list of texts: `given`, or what stands under the key."""
        value = self.entry.get(key, []) if given is None else given
        if not isinstance(value, list) or not all(isinstance(part, str) and part for part in value):
            raise self.error(key, "must be a list of texts; put each in quotes")
        return tuple(value)

    def pairs(self, key: str, example: str) -> dict[str, str]:
        """Names and texts, none empty."""
        value = self.entry.get(key, {})
        if not isinstance(value, dict) or not all(
            isinstance(part, str) and part for pair in value.items() for part in pair
        ):
            raise self.error(key, f"must be names and texts, such as {example}; put values in quotes")
        return dict(value)


def read_watch_list(path: Path) -> tuple[str, ...]:
    """The keys in a text file, one a line; empty lines and those that start with # are left out."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read ({error.strerror}); put the file beside the rules"
        ) from None
    except (UnicodeDecodeError, ValueError):
        raise ConfigError(f"{path} is not UTF-8 text; save it as UTF-8") from None
    keys = tuple(line.strip() for line in lines if line.strip() and not line.strip().startswith("#"))
    if not keys:
        raise ConfigError(f"{path} names no key; write one on each line")
    return keys
