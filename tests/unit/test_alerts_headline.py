"""A name must be what the bad news is about, not a bystander in it."""

from dataclasses import replace
from typing import Any

import pytest

from alerts.engine import Engine
from alerts.headline import names
from alerts.rule import Rule
from tests.unit.alerts_memory import DAY, HOUR, MINUTE, START, MemoryHistory, MemoryWindows, Story, flow
from tidings.types import Alert

NOW = START + 40 * DAY
RULE = Rule("spike", min_stories=3, in_headline=0.5, keep_firing_for_seconds=3600)


def names_in(headline: str) -> list[str]:
    return [name for name in ("Acme Bank", "Acme", "Rating House") if name in headline]


def told(count: int, title: str, end: Any = NOW, p_negative: float = 0.8) -> list[Story]:
    return [Story(end - (i + 1) * MINUTE, "Acme Bank", p_negative, f"{title} {i}") for i in range(count)]


def engine(windows: MemoryWindows, history: MemoryHistory, **more: Any) -> Engine:
    return Engine([replace(RULE, **more)], windows, history, names_in=names_in)


def fired(*stories: Story, **more: Any) -> list[Alert]:
    windows = MemoryWindows([*flow("Other", START, NOW, HOUR, p_negative=0.0), *stories])
    return engine(windows, MemoryHistory(), **more).evaluate(NOW)


@pytest.mark.parametrize(
    ("found", "same"),
    [
        (["Allen Stanford"], True),
        (["Stanford"], True),
        (["Allen"], True),
        (["Stan", "Allen Stanford Jr", "Al"], False),
        ([], False),
    ],
)
def test_a_short_form_names_the_longer_one(found: list[str], same: bool) -> None:
    assert names("Allen Stanford", found) is same


def test_half_of_the_bad_news_must_have_the_name_in_the_headline() -> None:
    (alert,) = fired(*told(3, "Acme Bank halts"), *told(3, "Rating House cuts many"))
    assert alert.measured.headline_share == pytest.approx(0.5)
    assert fired(*told(3, "Acme Bank halts"), *told(4, "Rating House cuts many")) == []
    (lax,) = fired(*told(3, "Acme Bank halts"), *told(4, "Rating House cuts many"), in_headline=0.4)
    assert lax.measured.headline_share == pytest.approx(3 / 7)


def test_bad_news_counts_by_how_bad_it_is() -> None:
    mild = told(9, "Rating House cuts many", p_negative=0.1)
    (alert,) = fired(*told(4, "Acme shares plunge"), *mild)
    assert alert.measured.headline_share == pytest.approx(3.2 / 4.1)


def test_within_a_topic_it_is_the_name_that_counts() -> None:
    (alert,) = fired(*told(4, "Acme Bank halts"), scope="topic_entity")
    assert (alert.key, alert.measured.headline_share) == ("Macro | Acme Bank", 1.0)


def test_once_fired_the_headlines_may_take_the_name_for_granted() -> None:
    windows, history = MemoryWindows(flow("Other", START, NOW + DAY, HOUR, p_negative=0.0)), MemoryHistory()
    windows.add(told(4, "Acme Bank halts"))
    running = engine(windows, history)
    assert [alert.state for alert in running.evaluate(NOW)] == ["firing"]
    windows.add(told(20, "The run goes on", NOW + 2 * HOUR))
    assert running.evaluate(NOW + 2 * HOUR) == []
    (alert,) = history.active_alerts()
    assert alert.value > 15, "it is worse by now"
    assert alert.measured.headline_share == 1.0, "what it was when it fired"


def test_a_drift_asks_the_headlines_of_all_its_windows() -> None:
    stories = [
        Story(NOW - day * DAY - HOUR, "Acme Bank", 0.8, f"{title} {day}")
        for day in range(10)
        for title in ("Acme Bank slides" if day else "Rating House warns", "Rating House cuts")
    ]
    (alert,) = fired(*stories, kind="drift", p_below=0.01, in_headline=0.4)
    assert alert.measured.headline_share == pytest.approx(0.45)


def test_stories_must_be_clearly_negative() -> None:
    doubtful = told(20, "Acme Bank", p_negative=0.4)
    (alert,) = fired(*doubtful, in_headline=0.0)
    assert alert.value == pytest.approx(8)
    assert fired(*doubtful, *told(1, "Acme Bank fails"), in_headline=0.0, min_clear=2) == []
    assert fired(*doubtful, *told(2, "Acme Bank fails"), in_headline=0.0, min_clear=2)


def test_a_rule_that_asks_for_headlines_needs_somebody_to_read_them() -> None:
    with pytest.raises(ValueError, match="in_headline"):
        Engine([RULE], MemoryWindows(), MemoryHistory())
