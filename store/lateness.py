"""How late items come: per source, how far behind the latest publication time seen before."""

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

from store.client import Client
from tidings.types import ScoredItem


class Watermarks:
    """The latest publication time per source, as this process has seen it; begins with what the store knows.

    An item is late when it is behind its source's watermark by more than `allowed`. Safe to use from several threads.
    """

    def __init__(self, allowed: timedelta) -> None:
        self._allowed = allowed
        self._lock = threading.Lock()
        self._latest: dict[str, datetime] = {}

    def measure(self, client: Client, items: Sequence[ScoredItem]) -> list[int]:
        """Per item, in the order they came, the whole seconds that it is late; 0 for what came in time."""
        with self._lock:
            self._learn(client, {scored.item.source for scored in items} - self._latest.keys())
            return [self._see(scored.item.source, scored.item.published_at) for scored in items]

    def save(self, client: Client, items: Sequence[ScoredItem], late: Sequence[int]) -> None:
        """Tells the store how far these items' sources have come, once they are stored."""
        latest: dict[str, tuple[datetime, int]] = {}
        for scored, seconds in zip(items, late, strict=True):
            source, at = scored.item.source, scored.item.published_at
            moment, worst = latest.get(source, (at, 0))
            latest[source] = max(moment, at), max(worst, seconds)
        client.insert(
            "source_watermarks",
            ("source", "watermark", "complete_until", "worst_late_seconds"),
            [(source, at, at - self._allowed, worst) for source, (at, worst) in latest.items()],
        )

    def _learn(self, client: Client, sources: set[str]) -> None:
        if sources:
            self._latest |= client.query(
                "SELECT source, max(watermark) FROM source_watermarks"
                " WHERE source IN {sources:Array(String)} GROUP BY source",
                {"sources": sorted(sources)},
            )

    def _see(self, source: str, published_at: datetime) -> int:
        latest = self._latest.get(source, published_at)
        self._latest[source] = max(latest, published_at)
        behind = latest - published_at
        return int(behind.total_seconds()) if behind > self._allowed else 0
