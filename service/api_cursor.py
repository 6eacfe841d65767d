"""Where the next page begins, as an opaque text that a caller hands back. Pure.

It holds the place and the period of the first page, so that "the last day" means the same on every page, and a digest
of the filters, so that it cannot be used with others. It is no secret and grants nothing.
"""

import binascii
import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS = 10_413_791_999_999  # the last of 2299: what the store's times can be


@dataclass(frozen=True)
class Cursor:
    """The time and key of the last row of a page, and the period that is read."""

    at: datetime
    key: str
    start: datetime | None
    end: datetime | None


def write_cursor(cursor: Cursor, filters: Mapping[str, Any]) -> str:
    """The cursor for these filters, in letters that need no escaping in a URL."""
    times = [_ms(moment) for moment in (cursor.at, cursor.start, cursor.end)]
    text = json.dumps([*times, cursor.key, _digest(filters)], separators=(",", ":"))
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(text: str, filters: Mapping[str, Any]) -> Cursor:
    """The cursor again; raises ValueError, which says what to do, for anything else or for other filters."""
    try:
        padded = text + "=" * (-len(text) % 4)
        at, start, end, key, digest = json.loads(urlsafe_b64decode(padded.encode("ascii")))
        str(key).encode()  # no half of a surrogate pair: no store could look for it
        cursor = Cursor(_time(at), str(key), _optional(start), _optional(end))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise ValueError("is none of ours: take next_cursor of the page before, as it is") from None
    if digest != _digest(filters):
        raise ValueError("belongs to other filters: start again without a cursor")
    return cursor


def _digest(filters: Mapping[str, Any]) -> str:
    text = json.dumps(filters, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - _EPOCH) // timedelta(milliseconds=1)


def _time(ms: object) -> datetime:
    if not isinstance(ms, int) or not 0 <= ms <= _LAST_MS:
        raise ValueError("no time")
    return _EPOCH + timedelta(milliseconds=ms)


def _optional(ms: object) -> datetime | None:
    return None if ms is None else _time(ms)
