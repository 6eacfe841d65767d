"""The store as the rest of Tidings sees it. Safe to use from several threads."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from store import alert_log, audit, pages, queries, queries_items, reconcile, windows
from store.audit import PartitionAudit
from store.client import Client, connect
from store.erase import Preview, erase, preview
from store.items import insert_items
from store.lateness import Watermarks
from store.migrate import migrate
from store.outbox import OutboxLog
from store.reconcile import Difference, Reconciliation
from store.retention import apply_retention, complete_from
from store.statement import split_format
from store.status import StoreStatus, read_status
from tidings.settings import StoreSettings
from tidings.types import NO_FILTERS, Alert, Consumed, Evidence, Filters, Scope, ScoredItem, Window
from tidings.weighed import Weighed, Weights


def open_store(settings: StoreSettings, asking: bool = False) -> "Store":
    """Connects, creates the database and brings schema and retention up to date.

    With `asking` nothing is changed, and the settings' user may be one who only reads.
    """
    client = connect(settings, asking=asking)
    try:
        if not asking:
            migrate(client)
            apply_retention(client, settings)
    except Exception:
        client.close()
        raise
    return Store(client, timedelta(seconds=settings.lateness_seconds), settings.keep_items_days)


class Store:
    """Serves ingest (insert), the roll job, the alerts' Windows and History, and people (sql, status)."""

    def __init__(self, client: Client, lateness: timedelta, keep_items_days: int = 0) -> None:
        self._client = client
        self._keep_items_days = keep_items_days
        self._watermarks = Watermarks(lateness)
        self.outbox = OutboxLog(client)  # who was told of which alerts

    def insert(self, items: Sequence[ScoredItem]) -> None:
        """Acknowledged when it returns; the same items again change no count."""
        insert_items(self._client, items, self._watermarks)

    def record(self, consumed: Sequence[Consumed]) -> None:
        """Writes down what became of Kafka's offsets; acknowledged when it returns, idempotent."""
        audit.record(self._client, consumed)

    def roll(self, limit_minutes: int = 100_000) -> int:
        """Recomputes dirty minutes; returns how many."""
        return windows.roll(self._client, limit_minutes, self._complete_from())

    def latest_roll(self) -> int:
        """A number that each roll which changed a window makes larger, whichever process rolled; 0 before the first."""
        return windows.latest_roll(self._client)

    def reroll(
        self, start: datetime, end: datetime, progress: Callable[[float], None] = lambda done: None
    ) -> int:
        """Counts all minutes of [start, end) again; `progress` is told the part done. Returns how many.

        Windows whose items retention may have dropped are left as they are, here and in `roll` and `reconcile`.
        """
        return windows.reroll(self._client, max(start, self._complete_from()), end, progress)

    def preview_erase(self, where: str) -> Preview:
        """What `erase` would delete."""
        return preview(self._client, where)

    def erase(self, where: str, progress: Callable[[int], None] = lambda items: None) -> int:
        """Deletes the items that the SQL condition over items selects, for good, and rolls; returns how many."""
        count = erase(self._client, where, progress)
        while self.roll():
            pass
        return count

    def scored_by_others(
        self, model_version: str, start: datetime, end: datetime
    ) -> Iterator[tuple[datetime, list[ScoredItem]]]:
        """The items of [start, end) that another model version scored: per minute, the minute and its items."""
        return queries.scored_by_others(self._client, model_version, start, end)

    def scored_between(self, start: datetime, end: datetime) -> Iterator[list[ScoredItem]]:
        """The items published in [start, end), a UTC day at a time."""
        return queries.scored_between(self._client, start, end)

    def first_start(self) -> datetime | None:
        """The start of the earliest window; None when there is none."""
        return queries.first_start(self._client)

    def last_published(self) -> datetime | None:
        """The latest publication time that was ever stored; None when nothing was."""
        return pages.latest(self._client)

    def totals(
        self, scope: Scope, start: datetime, end: datetime, minimum: float, filters: Filters = NO_FILTERS
    ) -> list[Window]:
        """One Window per key over [start, end) whose negative_story_sum is at least `minimum`.

        Here and in `series`, filters and the scope topic_entity cost a read of the items of the period; other reads
        are sums over windows. With filters a story is counted by the earliest of its items that pass.
        """
        return queries.totals(self._client, scope, start, end, minimum, filters)

    def series(
        self,
        scope: Scope,
        keys: Sequence[str],
        start: datetime,
        end: datetime,
        seconds: int,
        filters: Filters = NO_FILTERS,
    ) -> dict[str, list[Window]]:
        """Per key its windows of `seconds` over [start, end), zero-filled."""
        return queries.series(self._client, scope, keys, start, end, seconds, filters)

    def sources(
        self,
        scope: Scope,
        keys: Sequence[str],
        start: datetime,
        end: datetime,
        filters: Filters = NO_FILTERS,
    ) -> dict[str, int]:
        """Per key how many distinct sources its negative stories have, each story by its earliest item."""
        return queries_items.sources(self._client, scope, keys, start, end, filters)

    def weighed(
        self,
        scope: Scope,
        keys: Sequence[str],
        start: datetime,
        end: datetime,
        seconds: int,
        weights: Weights,
        filters: Filters = NO_FILTERS,
    ) -> dict[str, list[Weighed]]:
        """As `series`, weighed by source."""
        return queries_items.weighed(self._client, scope, keys, start, end, seconds, weights, filters)

    def evidence(
        self,
        scope: Scope,
        key: str,
        start: datetime,
        end: datetime,
        limit: int,
        filters: Filters = NO_FILTERS,
    ) -> tuple[Evidence, ...]:
        """Stories that count in [start, end) under the key, most negative first."""
        return queries.evidence(self._client, scope, key, start, end, limit, filters)

    def active_alerts(self) -> list[Alert]:
        """Alerts that are not resolved."""
        return alert_log.active_alerts(self._client)

    def save_alerts(self, alerts: Sequence[Alert]) -> None:
        """Adds these as the latest versions."""
        alert_log.save_alerts(self._client, alerts)

    def alerts(
        self, limit: int, filters: Mapping[str, str] | None = None, since: datetime | None = None
    ) -> list[Alert]:
        """History, newest first: that began at `since` or later, with this state, rule, severity, scope and key."""
        return pages.alerts_page(self._client, limit, filters=filters or {}, start=since)

    def audit(
        self,
        start: datetime | None = None,
        end: datetime | None = None,
        progress: Callable[[float], None] = lambda done: None,
    ) -> list[PartitionAudit]:
        """What became of the Kafka offsets recorded in [start, end), per partition; of all, without bounds.

        `progress` is told the part done.
        """
        return audit.audit(self._client, start, end, progress)

    def reconcile(self, start: datetime, end: datetime) -> Reconciliation:
        """Compares the windows of [start, end) with a count of their items from scratch."""
        return reconcile.reconcile(self._client, max(start, self._complete_from()), end)

    def repair(self, differences: Sequence[Difference]) -> int:
        """Recomputes the minutes of these differences; returns how many."""
        minutes = reconcile.repair(self._client, differences)
        while self.roll():
            pass
        return minutes

    def status(self) -> StoreStatus:
        """What is stored now."""
        return read_status(self._client)

    def sql(self, query: str, output_format: str = "PrettyCompact") -> str:
        """The answer of one read-only statement as text in a ClickHouse output format."""
        return self.sql_bytes(query, output_format).decode("utf-8", "replace")

    def sql_bytes(self, query: str, output_format: str) -> bytes:
        """The same as it is: for formats that are no text, such as Parquet. A FORMAT clause of its own goes first."""
        statement, own = split_format(query)
        return self._client.answer(statement, own or output_format)

    def export(
        self, query: str, output_format: str, file: Path, gzipped: bool, told: Callable[[int], None]
    ) -> int:
        """Writes the answer into a new file, in bounded memory; `told` gets the rows so far. Returns how many rows."""
        statement, own = split_format(query)
        return self._client.export(statement, own or output_format, file, gzipped, told)

    def close(self) -> None:
        """Releases the folder or connection."""
        self._client.close()

    def _complete_from(self) -> datetime:
        return complete_from(self._keep_items_days, datetime.now(UTC))
