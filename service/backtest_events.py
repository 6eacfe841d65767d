"""Labelled events from a CSV or YAML file, for `tidings backtest --events`."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from alerts.backtest_events import Event
from service.options import parse_time
from tidings.errors import ConfigError
from tidings.rows import read_rows

_FIELDS = ("name", "keys", "from", "to")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def read_events(path: Path) -> list[Event]:
    """The events of a file: name, keys (alternatives, with ";" between them), from and to (a date is included whole).

    CSV has these as columns; YAML has a list under `events:`, whose keys may be a list. ConfigError names file, line
    or event, field and fix.
    """
    return [_event(row, where) for where, row in _rows(path)]


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if path.suffix not in (".yaml", ".yml"):
        for line, row in read_rows(path, [(name,) for name in _FIELDS]):
            yield f"{path}: line {line}", row
        return
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check --events") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise ConfigError(f"{path}: not valid YAML in UTF-8: {error}") from None
    if not isinstance(data, dict) or not isinstance(data.get("events"), list):
        raise ConfigError(f"{path}: must hold a list under 'events:'; see docs/backtest.md")
    for number, row in enumerate(data["events"], 1):
        if not isinstance(row, dict):
            raise ConfigError(f"{path}: event {number}: must be a mapping with {', '.join(_FIELDS)}")
        yield f"{path}: event {number}", row


def _event(row: Mapping[str, Any], where: str) -> Event:
    for name in _FIELDS:
        if not row.get(name):
            raise ConfigError(f"{where}: {name} is missing; an event has {', '.join(_FIELDS)}")
    listed = row["keys"] if isinstance(row["keys"], list) else str(row["keys"]).split(";")
    keys = tuple(name for key in listed if (name := str(key).strip()))
    start = parse_time(str(row["from"]), f"{where}: from")
    end = _end(str(row["to"]), f"{where}: to")
    if not keys:
        raise ConfigError(f"{where}: keys names nothing; write names with ';' between them")
    if start >= end:
        raise ConfigError(f"{where}: to must be after from")
    return Event(str(row["name"]), keys, start, end)


def _end(text: str, where: str) -> datetime:
    moment = parse_time(text, where)
    return moment + timedelta(days=1) if _DATE.fullmatch(text) else moment
