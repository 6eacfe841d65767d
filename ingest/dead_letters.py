"""What becomes of a message that cannot be decoded: its bytes, and why and whence, in another topic."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ingest.message import Message
from tidings.errors import InvalidMessage

Headers = list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An undecodable message, with the reason (a stable word) and the detail (for people)."""

    message: Message
    reason: str
    detail: str
    failed_at: datetime


def dead_letter(message: Message, error: InvalidMessage, failed_at: datetime) -> DeadLetter:
    """The dead letter for a message that failed to decode."""
    return DeadLetter(message, error.reason, error.detail, failed_at)


def headers(letter: DeadLetter) -> Headers:
    """Kafka headers, all UTF-8 text but `original_key`, which is the key's own bytes (absent if it had none).

    The record's value is the original value, untouched.
    """
    message = letter.message
    texts = {
        "reason": letter.reason,
        "detail": letter.detail,
        "original_topic": message.kafka_topic,
        "original_partition": str(message.partition),
        "original_offset": str(message.offset),
        "original_timestamp_ms": str(message.timestamp_ms),
        "failed_at": letter.failed_at.isoformat(),
    }
    result = [(name, text.encode("utf-8", "replace")) for name, text in texts.items()]
    return result if message.key is None else [*result, ("original_key", message.key)]


def read(message: Message, record_headers: Sequence[tuple[str, bytes]]) -> DeadLetter:
    """The dead letter that a record of the dead-letter topic carries; missing headers read as empty or -1."""
    found = dict(record_headers)

    def text(name: str) -> str:
        return (found.get(name) or b"").decode("utf-8", "replace")

    def number(name: str) -> int:
        return int(text(name)) if text(name).lstrip("-").isdigit() else -1

    try:
        failed_at = datetime.fromisoformat(text("failed_at"))
    except ValueError:
        failed_at = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    original = Message(
        kafka_topic=text("original_topic"),
        partition=number("original_partition"),
        offset=number("original_offset"),
        value=message.value,
        key=found.get("original_key"),
        timestamp_ms=number("original_timestamp_ms"),
    )
    return DeadLetter(original, text("reason"), text("detail"), failed_at)
