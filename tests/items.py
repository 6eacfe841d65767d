"""Values for tests: scored items with few words."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from tidings.types import Flag, Item, Prediction, ScoredItem

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def scored(
    item_id: str,
    minute: float = 0,
    *,
    story: str = "",
    p_negative: float = 0.9,
    entities: Sequence[str] = (),
    topic: str = "Macro",
    source: str = "wire",
    title: str = "",
    flag: Flag = "",
) -> ScoredItem:
    """An item published `minute` minutes after T0; a story of its own unless `story` is given."""
    item = Item(
        item_id=item_id,
        source=source,
        kind="news",
        published_at=T0 + timedelta(minutes=minute),
        title=title or f"headline of {story or item_id}",
        text="",
        url=f"https://example.com/{item_id}",
        entities=tuple(entities),
        story_id=story or f"story-{item_id}",
    )
    rest = 1 - p_negative
    return ScoredItem(
        item, Prediction(topic, 0.8, p_negative, rest, 0.0, "test-model", flag), T0, "news.raw", 0, 1
    )
