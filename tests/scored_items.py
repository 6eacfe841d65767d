"""Scored items for property tests: few keys, stories and minutes, so that they meet."""

from datetime import datetime, timedelta

from hypothesis import strategies as st

from tests.items import T0
from tidings.types import Flag, Item, Prediction, ScoredItem


@st.composite
def scored_items(draw: st.DrawFn, most: int = 25) -> list[ScoredItem]:
    """Up to `most` items of two days around midnight, with repeated ids, stories that span keys, flags, kinds."""
    return [_item(draw) for _ in range(draw(st.integers(1, most)))]


def _item(draw: st.DrawFn) -> ScoredItem:
    minute = draw(st.integers(13 * 60, 17 * 60))  # T0 is 9:00
    published_at: datetime = T0 + timedelta(minutes=minute, seconds=draw(st.integers(0, 59)))
    number = draw(st.integers(0, 40))
    item = Item(
        item_id=f"id{number}",
        source=draw(st.sampled_from(("wire", "blog"))),
        kind=draw(st.sampled_from(("news", "social"))),
        published_at=published_at,
        title=f"title {number}",
        text="",
        lang=draw(st.sampled_from(("en", "de"))),
        entities=tuple(draw(st.lists(st.sampled_from(("Acme", "Bolt", "Crux")), max_size=3))),
        story_id=draw(st.sampled_from(("s1", "s2", "s3", f"own-{number}"))),
    )
    # Sixteenths are exact as they are stored (32 bits), and so are their sums.
    negative = draw(st.integers(0, 16)) / 16
    flag: Flag = draw(st.sampled_from(("", "", "", "language")))
    prediction = Prediction(
        draw(st.sampled_from(("Macro", "IPO"))), 0.5, negative, 1 - negative, 0.0, "test-model", flag
    )
    return ScoredItem(item, prediction, T0, "news.raw", 0, number)
