"""Deletion on request: the items are gone from disk, from every count and from the alerts that show them, for good."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from time import time_ns

from store.alert_log import alerts_showing, replace_alerts
from store.client import Client
from store.items import Places, bury, erased_hash, read_places, read_related
from store.statement import require_read_only
from store.windows import mark
from tidings.types import Alert, Evidence

_CHUNK = 5_000  # items per statement
_GONE = "(deleted)"


@dataclass(frozen=True)
class Preview:
    """What a condition would delete."""

    items: int
    first_published: datetime | None
    last_published: datetime | None
    headlines: tuple[str, ...]


def preview(client: Client, where: str) -> Preview:
    """How many items the SQL condition over the view items selects, when from, and some headlines."""
    ((count, first, last),) = client.query(
        _select("count(), min(published_at), max(published_at)", where)
    )  # the operator's own SQL, and only as a condition
    rows = client.query(
        _select("if(title = '', text, title)", where) + "ORDER BY published_at DESC, item_id LIMIT 5"
    )
    if not int(count):
        return Preview(0, None, None, ())
    return Preview(int(count), first, last, tuple(headline for (headline,) in rows))


def erase(client: Client, where: str, progress: Callable[[int], None] = lambda items: None) -> int:
    """Deletes the items that the SQL condition selects; returns how many. The windows are right after the next roll.

    First the items are remembered (as hashes, so that a replay does not bring them back) and are dead, as far as any
    count is concerned; then the dead rows are removed. Interrupted, it is run again with the same condition, or with
    any other: what is remembered and not yet removed is removed then. `progress` is told how many are dead so far.
    """
    done = 0
    while ids := _ids(client, _select("item_id", where) + f"LIMIT {_CHUNK}"):
        client.insert("erased_items", ("id_hash",), [(erased_hash(item_id),) for item_id in ids])
        places = _all_places(client, ids)
        related = read_related(client, places)
        mark(client, related.minutes)
        bury(
            client, places, {item_id: max(time_ns(), related.versions.get(item_id, 0) + 1) for item_id in ids}
        )
        mark(client, related.minutes)
        _blank_alerts(client, set(ids))
        done += len(ids)
        progress(done)
    _remove(client)
    return done


def _select(what: str, where: str) -> str:
    # The line break keeps a comment at the condition's end from hiding the bracket.
    sql = f"SELECT {what} FROM items WHERE ({where}\n) "
    require_read_only(sql)
    return sql


def _ids(client: Client, sql: str) -> list[str]:
    return [item_id for (item_id,) in client.query(sql)]


def _all_places(client: Client, ids: list[str]) -> Places:
    places = read_places(client, ids)
    # Rows that somebody inserted past insert_items have no entry there.
    rows = client.query(
        "SELECT DISTINCT item_id, toStartOfMinute(published_at), story_id FROM item_versions"
        " WHERE item_id IN {ids:Array(String)}",
        {"ids": ids},
    )
    for item_id, minute, story in rows:
        places[item_id].add((minute, story))
    return places


def _remove(client: Client) -> None:
    """Removes from disk what is dead and was erased; item_versions last, because it tells what is left to do."""
    pending = (
        "SELECT DISTINCT item_id FROM item_versions"
        " WHERE is_deleted = 1 AND lower(hex(SHA256(item_id))) IN (SELECT id_hash FROM erased_items)"
        f" LIMIT {_CHUNK}"
    )
    while ids := _ids(client, pending):
        for table in ("story_items", "item_minutes", "item_versions"):
            client.execute(
                f"ALTER TABLE {table} DELETE WHERE item_id IN {{ids:Array(String)}} SETTINGS mutations_sync = 2",
                {"ids": ids},
            )


def _blank_alerts(client: Client, ids: set[str]) -> None:
    shown = [_blank(alert, ids) for alert in alerts_showing(client, sorted(ids))]
    replace_alerts(client, shown)


def _blank(alert: Alert, ids: set[str]) -> Alert:
    def without(part: Evidence) -> Evidence:
        return replace(part, item_id="", title=_GONE, url="", words=()) if part.item_id in ids else part

    # Annotations may quote a headline.
    return replace(alert, evidence=tuple(without(part) for part in alert.evidence), annotations={})
