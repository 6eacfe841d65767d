"""From the broker's bytes to an Item, or to a reason why not."""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from ingest.entities import entities_of
from tidings.errors import InvalidMessage
from tidings.text import classifier_input, story_id
from tidings.types import Item, Kind

MAX_TEXT_CHARACTERS = 1_000_000
MAX_TICKERS = 100
# Longest stored value, in characters, of each short field.
MAX_CHARACTERS = {"source": 200, "kind": 20, "url": 4000, "id": 500, "lang": 35, "tickers": 4000}
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST_AFTER_NOW = timedelta(days=1)
REASONS = (
    "invalid_utf8",
    "invalid_json",
    "not_an_object",
    "wrong_type",
    "lone_surrogate",
    "too_large",
    "unknown_kind",
    "missing_text",
    "missing_published_at",
    "invalid_published_at",
)
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# Bidirectional marks and overrides: they could make a headline read differently from what was scored.
_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?\d{1,20}(?:\.\d{1,9})?\Z", re.ASCII)
# Epoch values from here on are milliseconds: as seconds they would lie in the year 5138.
_FIRST_MS = 1e11


@dataclass(frozen=True, slots=True)
class Message:
    """One Kafka record as it was read; `timestamp_ms` is the broker's, in epoch milliseconds."""

    kafka_topic: str
    partition: int
    offset: int
    value: bytes | None
    key: bytes | None = None
    timestamp_ms: int = 0


def decode(value: bytes | None, kafka_topic: str, now: datetime | None = None) -> Item:
    """The Item in a message's bytes; raises InvalidMessage with one of REASONS, and nothing else.

    The bytes are one JSON object in UTF-8 with the keys title, text, published_at, source, kind, url,
    id, lang and tickers. One of title and text and a published_at are required, other keys are ignored,
    null counts as absent, and of a repeated key the last counts. `published_at` is RFC 3339 (UTC
    where it has no offset) or epoch seconds or milliseconds, from 1990 to one day after `now` (the
    machine's time if None), and is cut to milliseconds. `kind` is news, or social where the Kafka topic's
    name starts with "social"; `source` is "unknown" and `lang` "en" where they are not given.

    Control characters (NUL among them) and marks of writing direction are removed from every stored
    text. White space stays as it is within `text`, whose ends are trimmed; elsewhere each run of it becomes one
    space. `lang` is made lower case, tickers upper case, without $ and repetitions. The item_id is
    "source:id" where an id (text or whole number) is given, else a hash of source, url (or title and
    text) and published_at.
    """
    row = _parse(value)
    kind = _kind(row, kafka_topic)
    source = _short(row, "source") or "unknown"
    title = " ".join(_clean(_string(row, "title")).split())
    text = _clean(_string(row, "text")).strip()
    if len(title) + len(text) > MAX_TEXT_CHARACTERS:
        raise InvalidMessage("too_large", f"title and text are longer than {MAX_TEXT_CHARACTERS} characters")
    if not classifier_input(title, text):
        raise InvalidMessage("missing_text", "title and text are empty; one of them is required")
    published_at = _published_at(row, now or datetime.now(UTC))
    url = _short(row, "url")
    tickers = _tickers(row)
    return Item(
        item_id=_item_id(row, source, url, title, text, published_at),
        source=source,
        kind=kind,
        # As finely as it is stored; the item_id is made from the time as it was given.
        published_at=published_at.replace(microsecond=published_at.microsecond // 1000 * 1000),
        title=title,
        text=text,
        url=url,
        lang=_short(row, "lang").lower() or "en",
        tickers=tickers,
        entities=entities_of(title, text, tickers),
        story_id=story_id(title, text, published_at),
    )


def parse_time(value: str | float | int) -> datetime:
    """RFC 3339 text, or epoch seconds or milliseconds (number or digits), as UTC; raises ValueError."""
    if isinstance(value, str):
        value = value.strip()
        if not _NUMBER.match(value):
            moment = datetime.fromisoformat(value.upper())
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        value = float(value)
    seconds = value / 1000 if abs(value) >= _FIRST_MS else value
    return datetime.fromtimestamp(seconds, UTC)


def _parse(value: bytes | None) -> dict[str, Any]:
    try:
        text = (value or b"").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidMessage("invalid_utf8", f"byte {error.start} is not UTF-8") from None
    try:
        row = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise InvalidMessage("invalid_json", f"{error.msg} at character {error.pos}") from None
    except ValueError as error:  # NaN, Infinity, or an integer of thousands of digits
        raise InvalidMessage("invalid_json", str(error).split(";")[0]) from None
    except RecursionError:
        raise InvalidMessage("invalid_json", "nested too deeply") from None
    if not isinstance(row, dict):
        raise InvalidMessage("not_an_object", f"the message is a JSON {_json_type(row)}, not an object")
    return row


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _json_type(value: object) -> str:
    names = {list: "array", dict: "object", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")


def _string(row: dict[str, Any], field: str) -> str:
    value = row.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidMessage("wrong_type", f"{field} must be a string, not a JSON {_json_type(value)}")
    if _SURROGATE.search(value):
        raise InvalidMessage("lone_surrogate", f"{field} holds half of a surrogate pair")
    return value


def _clean(value: str) -> str:
    return _DIRECTIONS.sub("", _CONTROLS.sub("", value))


def _short(row: dict[str, Any], field: str) -> str:
    value = " ".join(_clean(_string(row, field)).split())
    if len(value) > MAX_CHARACTERS[field]:
        raise InvalidMessage("too_large", f"{field} is longer than {MAX_CHARACTERS[field]} characters")
    return value


def _kind(row: dict[str, Any], kafka_topic: str) -> Kind:
    kind = _short(row, "kind").lower() or ("social" if kafka_topic.startswith("social") else "news")
    if kind == "news":
        return "news"
    if kind == "social":
        return "social"
    raise InvalidMessage("unknown_kind", f"kind must be news or social, not {kind!r}")


def _published_at(row: dict[str, Any], now: datetime) -> datetime:
    value = row.get("published_at")
    if value is None or value == "":
        raise InvalidMessage("missing_published_at", "published_at is required (RFC 3339 or epoch)")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidMessage("wrong_type", f"published_at must not be a JSON {_json_type(value)}")
    try:
        moment = parse_time(value)
    except (ValueError, OverflowError, OSError):
        raise InvalidMessage("invalid_published_at", "published_at is not RFC 3339 or epoch") from None
    if not EARLIEST <= moment <= now + LATEST_AFTER_NOW:
        raise InvalidMessage(
            "invalid_published_at",
            f"published_at is {moment:%Y-%m-%d}: before 1990 or more than a day in the future",
        )
    return moment


def _tickers(row: dict[str, Any]) -> tuple[str, ...]:
    value = row.get("tickers")
    if isinstance(value, list):
        if not all(isinstance(part, str) for part in value):
            raise InvalidMessage(
                "wrong_type", "tickers must be a list of strings or one comma separated string"
            )
        value = ",".join(value)
    text = _short({"tickers": value}, "tickers")
    symbols = [part.lstrip("$").upper() for part in re.split(r"[,;\s]+", text)]
    unique = tuple(dict.fromkeys(symbol for symbol in symbols if symbol))
    if len(unique) > MAX_TICKERS:
        raise InvalidMessage("too_large", f"tickers holds more than {MAX_TICKERS} symbols")
    return unique


def _item_id(
    row: dict[str, Any], source: str, url: str, title: str, text: str, published_at: datetime
) -> str:
    value = row.get("id")
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    given = _short({"id": value}, "id")
    if given:
        return f"{quote(source, safe=' ')}:{given}"
    parts = json.dumps([source, url or [title, text], published_at.isoformat()])
    return hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()
