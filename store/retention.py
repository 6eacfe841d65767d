"""How long rows are kept, as TTLs of the tables: set when they differ from the settings, else left alone."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from store.client import Client
from store.cluster import local
from tidings.clock import midnight
from tidings.errors import ConfigError
from tidings.settings import StoreSettings

_TTL = re.compile(r"\bTTL (.*?)(?= SETTINGS |$)", re.DOTALL)
_FEWEST_ALERT_DAYS = 30
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Kept:
    """A table and its wish: `ttl` is empty for keeping all; `whole_parts`: its months are dropped as files."""

    table: str
    ttl: str
    whole_parts: bool = True


def wishes(settings: StoreSettings) -> list[Kept]:
    """The TTLs that the settings ask for. Pure; raises ConfigError for days that contradict each other."""
    items, cold, alerts = settings.keep_items_days, settings.cold_after_days, settings.keep_alerts_days
    if bool(settings.cold_volume) != bool(cold):
        raise ConfigError("store.cold_volume and store.cold_after_days belong together: set both or none")
    if not settings.cold_volume.replace("-", "_").isidentifier() and cold:
        raise ConfigError(f"store.cold_volume must be a plain name; it is {settings.cold_volume!r}")
    if cold and 0 < items <= cold:
        raise ConfigError(f"store.cold_after_days ({cold}) must be below store.keep_items_days ({items})")
    if 0 < alerts < _FEWEST_ALERT_DAYS:
        raise ConfigError(
            f"store.keep_alerts_days must be 0 or at least {_FEWEST_ALERT_DAYS}; it is {alerts}:"
            " an alert that still fires when it is dropped fires anew"
        )
    moved = f"{_after('minute', cold)} TO VOLUME '{settings.cold_volume}'" if cold else ""
    return [
        Kept("item_versions", ", ".join(filter(None, (moved, _after("minute", items))))),
        Kept("story_items", _after("minute", items)),
        Kept("item_minutes", _after("minute", items), whole_parts=False),
        Kept("window_rows", _after("start", settings.keep_windows_days)),
        Kept("key_windows", _after("start", settings.keep_windows_days)),
        Kept("dirty_minutes", _after("minute", settings.keep_windows_days), whole_parts=False),
        Kept("consumed_rows", _after("recorded_at", settings.keep_consumed_days)),
        # By times that no later version changes: an older version must not outlive the latest.
        Kept("alert_rows", _after("toDateTime(started_at)", alerts), whole_parts=False),
        Kept("notification_log", _after("toDateTime(created_at)", alerts), whole_parts=False),
        Kept("acknowledgement_rows", _after("toDateTime(acknowledged_at)", alerts), whole_parts=False),
    ]


def apply_retention(client: Client, settings: StoreSettings) -> list[str]:
    """Makes the tables as the settings wish; returns the tables changed."""
    on_disk = {kept.table: local(kept.table) if settings.cluster else kept.table for kept in wishes(settings)}
    rows = client.query(
        "SELECT name, engine_full FROM system.tables"
        " WHERE database = currentDatabase() AND name IN {names:Array(String)}",
        {"names": list(on_disk.values())},
    )
    engines: dict[str, str] = dict(rows)
    changed = []
    for kept in wishes(settings):
        found = _TTL.search(engines.get(on_disk[kept.table], ""))
        present = found[1].strip() if found else ""
        if kept.ttl == present:
            continue
        if kept.ttl and kept.whole_parts:
            client.execute(f"ALTER TABLE {kept.table} MODIFY SETTING ttl_only_drop_parts = 1")
        client.execute(
            f"ALTER TABLE {kept.table} " + (f"MODIFY TTL {kept.ttl}" if kept.ttl else "REMOVE TTL")
        )
        changed.append(kept.table)
    _note_days(client, settings.keep_items_days)
    _drop_silences(client, settings.keep_alerts_days)
    return changed


def _note_days(client: Client, days: int) -> None:
    """Tells the audit for how long items are kept; what an earlier setting may have dropped stays told."""
    rows = client.query("SELECT keep_days, dropped_before FROM item_retention FINAL WHERE kind = 'items'")
    earlier, dropped = (int(rows[0][0]), rows[0][1]) if rows else (0, _NEVER)
    if earlier == days:
        return
    if earlier:
        dropped = max(dropped, datetime.now(UTC) - timedelta(days=earlier))
    client.insert("item_retention", ("kind", "keep_days", "dropped_before"), [("items", days, dropped)])


def _drop_silences(client: Client, days: int) -> None:
    """Removes silences that ended so long ago, all their versions: no TTL, as a later version may end earlier."""
    rows = client.query(
        "SELECT silence_id FROM silence_rows FINAL WHERE ends_at < now64(3) - toIntervalDay({days:UInt32})",
        {"days": days},
    )
    if days and rows:
        client.execute(
            "ALTER TABLE silence_rows DELETE WHERE silence_id IN {ids:Array(String)} SETTINGS mutations_sync = 2",
            {"ids": [silence_id for (silence_id,) in rows]},
        )


def complete_from(keep_items_days: int, now: datetime) -> datetime:
    """The first UTC midnight from which on no item has been dropped by age; the earliest of all when none ever is.

    Windows before it stay as they were when their items were there: they are not recomputed or compared.
    """
    if not keep_items_days:
        return datetime.min.replace(tzinfo=UTC)
    return midnight(now) - timedelta(days=keep_items_days - 1)


def _after(column: str, days: int) -> str:
    """As ClickHouse prints it, so that what is there can be compared."""
    return f"{column} + toIntervalDay({days})" if days else ""
