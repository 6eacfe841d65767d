"""What is stored, in figures that stay cheap however much that is."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from store import audit, windows
from store.client import Client

_CHUNK = 2_000  # minutes per statement


@dataclass(frozen=True)
class StoreStatus:
    """Counts of what is stored; `minutes` counts the one-minute windows that hold items.

    `dirty_minutes` wait for a roll, the earliest of them is `oldest_dirty`. The `offsets_…` are the audit of what was
    recorded in the last 24 hours, over all partitions: consumed = stored + duplicates + dead letters + erased +
    expired + unexplained, and unexplained is 0 unless something was lost.
    """

    items: int
    stories: int
    minutes: int
    alerts: int
    dirty_minutes: int
    oldest_dirty: datetime | None
    first_published: datetime | None
    last_published: datetime | None
    offsets_consumed: int
    offsets_stored: int
    offsets_duplicates: int
    offsets_dead_letters: int
    offsets_erased: int
    offsets_expired: int
    offsets_unexplained: int
    offsets_gaps: int
    schema_version: int


def read_status(client: Client) -> StoreStatus:
    """The counts come from the windows, and for minutes that are not rolled yet from their items."""
    dirty = _dirty(client)
    items, stories, minutes = _rolled(client)
    for at in range(0, len(dirty), _CHUNK):
        more = _unrolled(client, dirty[at : at + _CHUNK])
        items, stories, minutes = items + more[0], stories + more[1], minutes + more[2]
    ((first, last),) = client.query(
        "SELECT min(published_at), max(published_at) FROM item_versions WHERE is_deleted = 0"
    )
    ((alerts,),) = client.query("SELECT uniqExact(alert_id) FROM alert_rows")
    ((version,),) = client.query("SELECT max(number) FROM schema_migrations")
    now = datetime.now(UTC)
    partitions = audit.audit(client, now - timedelta(days=1), now + timedelta(minutes=1))
    offsets = {f"offsets_{name}": sum(getattr(one, name) for one in partitions) for name in audit.SUMS}
    return StoreStatus(
        items=items,
        stories=stories,
        minutes=minutes,
        alerts=int(alerts),
        dirty_minutes=len(dirty),
        oldest_dirty=dirty[0] if dirty else None,
        first_published=first if items else None,
        last_published=last if items else None,
        schema_version=int(version),
        **offsets,
    )


def _dirty(client: Client) -> list[datetime]:
    rows = client.query(
        "SELECT minute FROM dirty_minutes GROUP BY minute HAVING max(marked) > max(rolled) ORDER BY minute"
    )
    return [minute for (minute,) in rows]


def _rolled(client: Client) -> tuple[int, int, int]:
    ((items, stories, minutes),) = client.query(
        "SELECT sum(items), sum(stories), countIf(items > 0) FROM window_rows FINAL"
        " WHERE scope = 'all' AND start NOT IN (SELECT minute FROM dirty_minutes GROUP BY minute"
        " HAVING max(marked) > max(rolled))"
    )
    return int(items), int(stories), int(minutes)


def _unrolled(client: Client, minutes: list[datetime]) -> tuple[int, int, int]:
    start, end = minutes[0], minutes[-1] + timedelta(minutes=1)
    ((items, stories, count),) = client.query(
        f"SELECT sum(items), sum(stories), count() FROM ({windows.recount_sql(only_minutes=True)}) WHERE scope = 'all'",
        {"start": start, "end": end, "minutes": [int(minute.timestamp()) for minute in minutes]},
    )
    return int(items), int(stories), int(count)
