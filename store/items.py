"""Scored items into the store, and which minutes that makes dirty."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from store.client import Client
from tidings.types import ScoredItem

COLUMNS = (
    "item_id", "story_id", "source", "kind", "published_at", "title", "text", "url", "lang", "tickers", "entities",
    "topic", "topic_p", "p_negative", "p_neutral", "p_positive", "sentiment", "sentiment_label", "flag",
    "model_version", "scored_at", "kafka_topic", "kafka_partition", "kafka_offset",
)  # fmt: skip
_DAY = timedelta(days=1)


def insert_items(client: Client, items: Sequence[ScoredItem]) -> None:
    """Acknowledged when it returns. Marks dirty: the items' minutes, those of their former versions,
    and those of every item of a story they belong or belonged to (a story may move to another minute).

    The marks are written before and after the rows: a roll in between, or a crash, loses none.
    """
    latest = {scored.item.item_id: scored for scored in items}
    if not latest:
        return
    minutes = {_minute(scored.item.published_at) for scored in latest.values()} | _related(client, latest)
    _mark(client, minutes)
    client.insert("item_rows", COLUMNS, [_row(scored) for scored in latest.values()])
    _mark(client, minutes)


def _related(client: Client, latest: dict[str, ScoredItem]) -> set[datetime]:
    former = client.query(
        "SELECT DISTINCT toStartOfMinute(published_at), story_id FROM item_rows WHERE item_id IN {ids:Array(String)}",
        {"ids": list(latest)},
    )
    minutes = {minute for minute, _ in former}
    stories = {story for _, story in former} | {scored.item.story_id for scored in latest.values()}
    times = [*minutes, *(scored.item.published_at for scored in latest.values())]
    siblings = client.query(
        "SELECT DISTINCT toStartOfMinute(published_at) FROM item_rows"
        " WHERE published_at >= {start:DateTime64(3,'UTC')} AND published_at < {end:DateTime64(3,'UTC')}"
        " AND story_id IN {stories:Array(String)}",
        # A story lies within one UTC day.
        {"start": _midnight(min(times)), "end": _midnight(max(times)) + _DAY, "stories": sorted(stories)},
    )
    return minutes | {minute for (minute,) in siblings}


def _mark(client: Client, minutes: set[datetime]) -> None:
    client.execute(
        "INSERT INTO dirty_minutes SELECT toDateTime(arrayJoin({minutes:Array(UInt32)}), 'UTC'),"
        " toUnixTimestamp64Nano(now64(9)), 0",
        {"minutes": [int(minute.timestamp()) for minute in sorted(minutes)]},
    )


def _minute(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _row(scored: ScoredItem) -> tuple[object, ...]:
    item, prediction = scored.item, scored.prediction
    return (
        item.item_id, item.story_id, item.source, item.kind, item.published_at, item.title, item.text, item.url,
        item.lang, list(item.tickers), list(item.entities), prediction.topic, prediction.topic_p,
        prediction.p_negative, prediction.p_neutral, prediction.p_positive, prediction.sentiment,
        prediction.sentiment_label, prediction.flag, prediction.model_version, scored.scored_at,
        scored.kafka_topic, scored.kafka_partition, scored.kafka_offset,
    )  # fmt: skip
