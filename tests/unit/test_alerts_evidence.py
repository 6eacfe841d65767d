"""The words in an alert's evidence: once for each story, and never a reason to lose or delay the alert."""

import logging
from dataclasses import replace
from itertools import count

import pytest

from alerts.engine import Engine
from alerts.evidence import LONGEST_SECONDS, with_words
from alerts.rules import Rule
from tests.unit.alerts_memory import DAY, HOUR, MINUTE, START, MemoryHistory, MemoryWindows, Story, flow
from tidings.errors import ModelError
from tidings.types import Evidence, Word

NOW = START + 40 * DAY
STORIES = tuple(
    Evidence(str(i), f"Trouble {i}", NOW, "wire", "", -0.9, 0.9 - i / 10, words=()) for i in range(3)
)


def first_word(text: str) -> tuple[Word, ...]:
    return (Word(text.split()[0], 0, len(text.split()[0]), -0.5),)


def test_new_stories_are_explained_and_known_ones_keep_what_they_have() -> None:
    asked: list[str] = []

    def explain(text: str) -> tuple[Word, ...]:
        asked.append(text)
        return first_word(text)

    old = (replace(STORIES[0], words=(Word("0", 8, 9, 0.1),)), STORIES[1])
    found = with_words(STORIES, old, explain)
    assert asked == ["Trouble 2"], "a story without telling words is not asked of again"
    assert [story.words for story in found] == [old[0].words, (), first_word("Trouble")]
    assert with_words(STORIES, (), None) == STORIES


def test_after_a_failure_or_too_long_the_rest_goes_without(caplog: pytest.LogCaptureFixture) -> None:
    tried: list[str] = []

    def fails(text: str) -> tuple[Word, ...]:
        tried.append(text)
        raise ModelError("the model is gone")

    assert with_words(STORIES, (), fails) == STORIES
    assert tried == ["Trouble 0"]
    assert "evidence goes without its words: ModelError: the model is gone" in caplog.text
    turns = count(0, LONGEST_SECONDS / 2)
    slow = with_words(STORIES, (), first_word, lambda: next(turns))
    assert [bool(story.words) for story in slow] == [True, False, False]


@pytest.mark.parametrize("broken", [False, True])
def test_the_engine_asks_only_for_what_fires_and_fires_whatever_comes_of_it(
    broken: bool, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []

    def explain(text: str) -> tuple[Word, ...]:
        asked.append(text)
        if broken:
            raise RuntimeError("a defect")
        return first_word(text)

    windows, history = MemoryWindows(flow("Loud Co", START, NOW + DAY, 6 * HOUR)), MemoryHistory()
    running = Engine([Rule("spike")], windows, history, explain)
    with caplog.at_level(logging.WARNING):
        assert running.evaluate(NOW) == []
        assert asked == []
        windows.add(Story(NOW + i * MINUTE, "Quiet Co", 0.9, f"Trouble {i}") for i in range(6))
        (alert,) = running.evaluate(NOW + HOUR)
        assert running.evaluate(NOW + 2 * HOUR) == []
    assert alert.state == "firing"
    assert len(alert.evidence) == 5
    if broken:
        assert len(asked) == 1
        assert not any(story.words for story in alert.evidence)
        assert "RuntimeError: a defect" in caplog.text
        return
    assert all(story.words for story in alert.evidence)
    assert len(asked) == 5
    windows.add([Story(NOW + HOUR, "Quiet Co", 1.0, "It gets worse")])
    running.evaluate(NOW + 3 * HOUR)
    assert asked[5:] == ["It gets worse"], "the peak's evidence has one new story"
    assert all(story.words for story in history.latest()[alert.alert_id].evidence)
