"""The store as the rest of Tidings sees it. Safe to use from several threads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from store import alert_log, windows
from store.client import Client, connect
from store.items import insert_items
from store.migrate import migrate
from tidings.settings import StoreSettings
from tidings.types import Alert, Evidence, Scope, ScoredItem, Window


@dataclass(frozen=True)
class StoreStatus:
    """Counts of what is stored; `minutes` counts the one-minute windows that hold items."""

    items: int
    stories: int
    minutes: int
    alerts: int
    dirty_minutes: int
    first_published: datetime | None
    last_published: datetime | None
    schema_version: int


def open_store(settings: StoreSettings) -> "Store":
    """Connects, creates the database and brings the schema up to date."""
    client = connect(settings)
    try:
        migrate(client)
    except Exception:
        client.close()
        raise
    return Store(client)


class Store:
    """Serves ingest (insert), the roll job, the alerts' Windows and History, and people (sql, status)."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def insert(self, items: Sequence[ScoredItem]) -> None:
        """Acknowledged when it returns; the same items again change no count."""
        insert_items(self._client, items)

    def roll(self, limit_minutes: int = 100_000) -> int:
        """Recomputes dirty minutes; returns how many."""
        return windows.roll(self._client, limit_minutes)

    def first_start(self) -> datetime | None:
        """The start of the earliest window; None when there is none."""
        return windows.first_start(self._client)

    def last_published(self) -> datetime | None:
        """The latest publication time stored; None when nothing is."""
        ((latest, count),) = self._client.query("SELECT max(published_at), count() FROM item_rows")
        return latest if count else None

    def totals(self, scope: Scope, start: datetime, end: datetime, minimum: float) -> list[Window]:
        """One Window per key over [start, end) whose negative_story_sum is at least `minimum`."""
        return windows.totals(self._client, scope, start, end, minimum)

    def series(
        self, scope: Scope, keys: Sequence[str], start: datetime, end: datetime, seconds: int
    ) -> dict[str, list[Window]]:
        """Per key its windows of `seconds` over [start, end), zero-filled."""
        return windows.series(self._client, scope, keys, start, end, seconds)

    def evidence(
        self, scope: Scope, key: str, start: datetime, end: datetime, limit: int
    ) -> tuple[Evidence, ...]:
        """Stories that count in [start, end) under the key, most negative first."""
        return windows.evidence(self._client, scope, key, start, end, limit)

    def active_alerts(self) -> list[Alert]:
        """Alerts that are not resolved, or of which some receiver has yet to hear."""
        return alert_log.active_alerts(self._client)

    def save_alerts(self, alerts: Sequence[Alert]) -> None:
        """Adds these as the latest versions."""
        alert_log.save_alerts(self._client, alerts)

    def alerts(self, limit: int) -> list[Alert]:
        """History, newest first."""
        return alert_log.list_alerts(self._client, limit)

    def status(self) -> StoreStatus:
        """What is stored now."""
        ((items, stories, first, last),) = self._client.query(
            "SELECT count(), uniqExact(story_id), min(published_at), max(published_at) FROM item_rows FINAL"
        )
        ((minutes,),) = self._client.query(
            "SELECT count() FROM window_rows FINAL WHERE scope = 'all' AND items > 0"
        )
        ((alerts,),) = self._client.query("SELECT count() FROM alert_rows FINAL")
        ((version,),) = self._client.query("SELECT max(number) FROM schema_migrations")
        dirty = windows.count_dirty(self._client)
        if not int(items):
            first = last = None
        return StoreStatus(
            int(items), int(stories), int(minutes), int(alerts), dirty, first, last, int(version)
        )

    def sql(self, query: str, output_format: str = "PrettyCompact") -> str:
        """The answer of one read-only statement as text in a ClickHouse output format."""
        return self._client.text(query, output_format)

    def close(self) -> None:
        """Releases the folder or connection."""
        self._client.close()
