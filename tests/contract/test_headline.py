"""Whom the headlines are about, over a store as in a back-test: the same alert with the same evidence."""

from datetime import timedelta

from alerts.backtest import MemoryHistory
from alerts.engine import Engine
from alerts.memory_windows import MemoryWindows
from alerts.protocols import Windows
from alerts.rule import Rule
from service.wiring import names_in
from store.store import Store
from tests.items import T0, scored
from tidings.types import Alert

DAYS = 25
NOW = T0 + timedelta(days=DAYS)
RULE = Rule("burn", kind="drift", p_below=0.01, min_history=20, in_headline=0.4)


def test_a_slow_burn_is_about_the_same_name_over_both(store: Store) -> None:
    quiet = [scored(f"q{n}", n * 720, p_negative=0.0, entities=["Halcyon"]) for n in range(2 * DAYS)]
    loud = [
        scored(
            f"{word}{day}",
            day * 1440 - 60,
            p_negative=0.9,
            entities=["Corvane", "Meridian"],
            title=title.format(day),
        )
        for day in range(DAYS - 8, DAYS + 1)
        for word, title in (
            ("a", "Corvane shares fall on day {}"),
            ("b", "Corvane fears grow, Meridian says on day {}"),
        )
    ]
    store.insert(quiet + loud)
    while store.roll():
        pass
    (live,), (replayed,) = fired(store), fired(MemoryWindows(quiet + loud))
    assert live.key == "Corvane", "and not Meridian, which comes after it"
    assert live.measured.headline_share == replayed.measured.headline_share == 1.0
    assert [story.item_id for story in live.evidence] == [story.item_id for story in replayed.evidence]
    assert min(story.published_at for story in live.evidence) < NOW - timedelta(days=2), (
        "not of the last day alone"
    )


def fired(windows: Windows) -> list[Alert]:
    return Engine([RULE], windows, MemoryHistory(), names_in=names_in).evaluate(NOW)
