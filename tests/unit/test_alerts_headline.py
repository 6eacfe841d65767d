"""A name must be what the bad news is about, not a bystander in it."""

import re
from dataclasses import replace
from typing import Any

import pytest

from alerts.engine import Engine
from alerts.rule import Rule
from tests.unit.alerts_memory import DAY, HOUR, MINUTE, START, MemoryHistory, MemoryWindows, Story, flow
from tidings.types import Alert, Mention

NOW = START + 40 * DAY
RULE = Rule("spike", min_stories=3, in_headline=0.5, keep_firing_for_seconds=3600)


def names_in(headline: str) -> list[Mention]:
    """The longest of each, with the whole headline around it."""
    found = [name for name in ("Acme Bank", "Acme", "Rating House", "Watchdog") if name in headline]
    kept = sorted((n for n in found if not (n == "Acme" and "Acme Bank" in found)), key=headline.index)
    parts = re.split("|".join(kept), headline) if kept else []
    return [Mention(name, parts[i], parts[i + 1]) for i, name in enumerate(kept)]


def told(count: int, title: str, end: Any = NOW, p_negative: float = 0.8) -> list[Story]:
    return [Story(end - (i + 1) * MINUTE, "Acme Bank", p_negative, f"{title} {i}") for i in range(count)]


def engine(windows: MemoryWindows, history: MemoryHistory, **more: Any) -> Engine:
    return Engine([replace(RULE, **more)], windows, history, names_in=names_in)


def fired(*stories: Story, **more: Any) -> list[Alert]:
    windows = MemoryWindows([*flow("Other", START, NOW, HOUR, p_negative=0.0), *stories])
    return engine(windows, MemoryHistory(), **more).evaluate(NOW)


def test_half_of_the_bad_news_must_be_about_the_name() -> None:
    (alert,) = fired(*told(3, "Acme Bank halts"), *told(3, "Rating House cuts many"))
    assert alert.measured.headline_share == pytest.approx(0.5)
    assert fired(*told(3, "Acme Bank halts"), *told(4, "Rating House cuts many")) == []
    (lax,) = fired(*told(3, "Acme Bank halts"), *told(4, "Rating House cuts many"), in_headline=0.4)
    assert lax.measured.headline_share == pytest.approx(3 / 7)


def test_bad_news_counts_by_how_bad_it_is() -> None:
    mild = told(9, "Rating House cuts many", p_negative=0.1)
    (alert,) = fired(*told(4, "Acme shares plunge"), *mild)
    assert alert.measured.headline_share == pytest.approx(3.2 / 4.1)


def test_news_in_which_the_name_only_speaks_is_not_about_it() -> None:
    (alert,) = fired(*told(4, "Acme Bank halts"), *told(3, "Acme Bank says rates will fall"))
    assert alert.measured.headline_share == pytest.approx(4 / 7)
    assert (
        fired(*told(4, "Acme Bank halts"), *told(5, "Acme Bank says rates will fall"), in_headline=0.2) == []
    )


def test_more_news_must_be_about_the_name_than_has_it_act_or_come_after_another() -> None:
    told_of_others = (*told(2, "Acme Bank bids for lender"), *told(2, "Rating House shaken by Acme"))
    assert fired(*told(5, "Acme Bank halts"), *told_of_others, in_headline=0.2)
    assert fired(*told(4, "Acme Bank halts"), *told_of_others, in_headline=0.2) == []


def test_a_name_that_the_rule_never_watches_does_not_take_the_news_away() -> None:
    stories = told(4, "Watchdog shuts Acme Bank")
    assert fired(*stories) == []
    (alert,) = fired(*stories, exclude=("Watchdog",))
    assert alert.measured.headline_share == 1.0


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


def test_the_evidence_of_a_drift_comes_from_all_its_windows() -> None:
    stories = [
        Story(NOW - day * DAY - HOUR, "Acme Bank", 0.5 + day / 25, f"{title} {day}")
        for day in range(10)
        for title in ("Acme Bank slides", "Acme Bank slips")
    ]
    (alert,) = fired(*stories, kind="drift", p_below=0.01)
    assert [story.p_negative for story in alert.evidence] == pytest.approx([0.86, 0.86, 0.82, 0.82, 0.78])
    assert alert.measured.without_story is True, "it does not hang on one of twenty"


def test_stories_must_be_clearly_negative() -> None:
    doubtful = told(20, "Acme Bank", p_negative=0.4)
    (alert,) = fired(*doubtful, in_headline=0.0)
    assert alert.value == pytest.approx(8)
    assert fired(*doubtful, *told(1, "Acme Bank fails"), in_headline=0.0, min_clear=2) == []
    assert fired(*doubtful, *told(2, "Acme Bank fails"), in_headline=0.0, min_clear=2)


def test_a_rule_that_asks_for_headlines_needs_somebody_to_read_them() -> None:
    with pytest.raises(ValueError, match="in_headline"):
        Engine([RULE], MemoryWindows(), MemoryHistory())
