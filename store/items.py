"""Scored items into the store, each alive at one place only, and which minutes that makes dirty.

A place is a minute and a story. Every write of an item has a version and writes all places that the item has ever had
(item_minutes): the present one alive, the others dead. At each place the highest version counts, so the write with
the highest version of all decides everywhere: the last one written wins, whatever else is repeated or interrupted.

Two workers may write one item to two places at the same moment. Each first adds its place to item_minutes, then
reads there which places to bury; after its rows it reads again, and buries what has been added since. Take the write W
with the highest version, and a place P that another write U left alive. W did not bury P, so U added P after W's second
reading, and thus read the versions after W's rows were written: U's version is higher than W's, a contradiction.

A minute is marked dirty before and after its rows are written, and so are the minutes of every item of the stories
concerned, because the earliest item of a story says where it counts. What is read for this after the rows are written
sees every item written before; of two workers that write items of one story, the later one sees both.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time_ns

from store.client import Client
from store.lateness import Watermarks
from store.windows import mark
from tidings.clock import midnight
from tidings.types import ScoredItem

COLUMNS = (
    "item_id", "story_id", "source", "kind", "published_at", "title", "text", "url", "lang", "tickers", "entities",
    "topic", "topic_p", "p_negative", "p_neutral", "p_positive", "sentiment", "sentiment_label", "flag",
    "model_version", "scored_at", "kafka_topic", "kafka_partition", "kafka_offset", "late_seconds", "version",
)  # fmt: skip
_DEAD = ("item_id", "story_id", "published_at", "version", "is_deleted")
_INDEX = ("item_id", "story_id", "published_at", "late_seconds", "version")
Place = tuple[datetime, str]  # minute and story_id
Places = dict[str, set[Place]]  # by item_id


@dataclass(frozen=True)
class Related:
    """What is stored of some stories: their items' minutes and, of the items asked for, version and lateness."""

    minutes: set[datetime]
    versions: dict[str, int]
    late: dict[tuple[str, datetime], int]


def insert_items(client: Client, items: Sequence[ScoredItem], watermarks: Watermarks) -> None:
    """Acknowledged when it returns; of one item several times the last counts. Erased items are left out."""
    late = watermarks.measure(client, items)
    arrived = {scored.item.item_id: (scored, seconds) for scored, seconds in zip(items, late, strict=True)}
    for item_id in erased(client, list(arrived)):
        del arrived[item_id]
    if not arrived:
        return
    present = {item_id: _place(scored) for item_id, (scored, _) in arrived.items()}
    _add_places(client, present)
    places = read_places(client, list(present))
    related = read_related(client, places)
    minutes = related.minutes | _minutes(places)
    mark(client, minutes)

    versions = {item_id: max(time_ns(), related.versions.get(item_id, 0) + 1) for item_id in present}
    rows = [
        _row(scored, related.late.get((item_id, present[item_id][0]), seconds), versions[item_id])
        for item_id, (scored, seconds) in arrived.items()
    ]
    client.insert("item_versions", COLUMNS, rows)
    client.insert("story_items", _INDEX, [tuple(row[COLUMNS.index(name)] for name in _INDEX) for row in rows])
    bury(client, _others(places, present), versions)

    now_known = read_places(client, list(present))
    bury(client, {item_id: known - places[item_id] for item_id, known in now_known.items()}, versions)
    mark(client, minutes | _minutes(now_known) | read_related(client, now_known).minutes)
    watermarks.save(
        client, [scored for scored, _ in arrived.values()], [late for _, late in arrived.values()]
    )


def bury(client: Client, places: Mapping[str, Iterable[Place]], versions: Mapping[str, int]) -> None:
    """The items are no longer at these places, as of these versions."""
    rows = [
        (item_id, story, minute, versions[item_id], 1)
        for item_id, dead in places.items()
        for minute, story in dead
    ]
    client.insert("item_versions", _DEAD, rows)
    client.insert("story_items", _DEAD, rows)


def read_places(client: Client, ids: Sequence[str]) -> Places:
    """Every place that the items have ever had."""
    found: Places = {item_id: set() for item_id in ids}
    rows = client.query(
        "SELECT DISTINCT item_id, minute, story_id FROM item_minutes WHERE item_id IN {ids:Array(String)}",
        {"ids": list(ids)},
    )
    for item_id, minute, story in rows:
        found[item_id].add((minute, story))
    return found


def read_related(client: Client, places: Places) -> Related:
    """What is stored of the stories of these places, on the UTC days of these places."""
    stories = sorted({(_day(minute), story) for known in places.values() for minute, story in known})
    rows = client.query(
        "SELECT if(item_id IN {ids:Array(String)}, item_id, '') AS own, toStartOfMinute(published_at) AS at,"
        " max(version), countIf(is_deleted = 0), maxIf(late_seconds, is_deleted = 0) FROM story_items"
        " WHERE (toStartOfDay(published_at), story_id) IN (SELECT toDateTime(pair.1, 'UTC'), pair.2 FROM"
        " (SELECT arrayJoin(arrayZip({days:Array(UInt32)}, {stories:Array(String)})) AS pair)) GROUP BY own, at",
        {
            "ids": list(places),
            "days": [day for day, _ in stories],
            "stories": [story for _, story in stories],
        },
    )
    versions: dict[str, int] = {}
    for own, _, version, _, _ in rows:
        versions[own] = max(int(version), versions.get(own, 0))
    late = {(own, at): int(seconds) for own, at, _, alive, seconds in rows if own and alive}
    return Related({at for _, at, *_ in rows}, versions, late)


def erased(client: Client, ids: Sequence[str]) -> list[str]:
    """Those of the items that were deleted on request."""
    hashes = {erased_hash(item_id): item_id for item_id in ids}
    rows = client.query(
        "SELECT DISTINCT id_hash FROM erased_items WHERE id_hash IN {hashes:Array(String)}",
        {"hashes": list(hashes)},
    )
    return [hashes[found] for (found,) in rows]


def erased_hash(item_id: str) -> str:
    """What is remembered of an erased item (64 hexadecimal digits)."""
    return hashlib.sha256(item_id.encode("utf-8", "replace")).hexdigest()


def _add_places(client: Client, present: Mapping[str, Place]) -> None:
    rows = [(item_id, minute, story) for item_id, (minute, story) in present.items()]
    client.insert("item_minutes", ("item_id", "minute", "story_id"), rows)


def _others(places: Places, present: Mapping[str, Place]) -> Places:
    return {item_id: known - {present[item_id]} for item_id, known in places.items()}


def _minutes(places: Places) -> set[datetime]:
    return {minute for known in places.values() for minute, _ in known}


def _day(minute: datetime) -> int:
    return int(midnight(minute).timestamp())


def _place(scored: ScoredItem) -> Place:
    return scored.item.published_at.astimezone(UTC).replace(second=0, microsecond=0), scored.item.story_id


def _row(scored: ScoredItem, late_seconds: int, version: int) -> tuple[object, ...]:
    item, prediction = scored.item, scored.prediction
    return (
        item.item_id, item.story_id, item.source, item.kind, item.published_at, item.title, item.text, item.url,
        item.lang, list(item.tickers), list(item.entities), prediction.topic, prediction.topic_p,
        prediction.p_negative, prediction.p_neutral, prediction.p_positive, prediction.sentiment,
        prediction.sentiment_label, prediction.flag, prediction.model_version, scored.scored_at,
        scored.kafka_topic, scored.kafka_partition, scored.kafka_offset, late_seconds, version,
    )  # fmt: skip
