"""Items over HTTP into Kafka: checked as a message would be, acknowledged by Kafka before the caller hears of it."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from ingest.kafka import Producer, create_topics
from ingest.message import decode
from ingest.rows import COLUMNS
from tidings.errors import InvalidMessage, Unavailable
from tidings.settings import KafkaSettings

log = logging.getLogger(__name__)
_PATIENCE_SECONDS = 10


@dataclass(frozen=True)
class Receipt:
    """What became of one item: its id, or why it was refused."""

    item_id: str | None
    refusal: InvalidMessage | None = None


class Push:
    """Connects with the first items, and anew after a failure. Safe to use from several threads."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._producer: Producer | None = None

    def push(self, items: Sequence[dict[str, Any]]) -> list[Receipt]:
        """A receipt for each item; those with an id have been acknowledged by Kafka.

        Raises Unavailable when it acknowledged not all of them: the same items again are stored once, because their
        ids are the same.
        """
        checked = [_check(item, self._settings) for item in items]
        messages = [(topic, value) for topic, value, receipt in checked if receipt.refusal is None]
        if messages:
            producer = self._connected()
            try:
                producer.publish(messages)
            except Unavailable:
                self._forget(producer)
                raise
        return [receipt for _, _, receipt in checked]

    def close(self) -> None:
        """Disconnects."""
        if self._producer is not None:
            self._producer.close()

    def _connected(self) -> Producer:
        with self._lock:
            if self._producer is None:
                create_topics(self._settings)
                self._producer = Producer(self._settings, _PATIENCE_SECONDS)
            return self._producer

    def _forget(self, producer: Producer) -> None:
        """While no broker answers the next items are refused at once, by a new connection that is not made."""
        with self._lock:
            if self._producer is not producer:
                return
            self._producer = None
        producer.close()


def _check(item: dict[str, Any], settings: KafkaSettings) -> tuple[str, bytes, Receipt]:
    """The Kafka topic, the message, and the receipt of an item."""
    topic = _topic(item, settings.topics)
    known = {name: item[name] for name in COLUMNS if item.get(name) is not None}
    value = json.dumps(known, sort_keys=True).encode()
    try:
        if len(value) > settings.max_message_bytes:
            raise InvalidMessage("too_large", f"the item has more than {settings.max_message_bytes:,} bytes")
        return topic, value, Receipt(decode(value, topic).item_id)
    except InvalidMessage as refusal:
        return topic, value, Receipt(None, refusal)


def _topic(item: dict[str, Any], topics: Sequence[str]) -> str:
    """The first topic for the item's kind; the first of all where none is named for it."""
    social = str(item.get("kind", "")).strip().lower() == "social"
    return next((topic for topic in topics if topic.startswith("social") == social), topics[0])
