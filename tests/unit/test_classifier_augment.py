"""Changes to training texts that must not move the score, and sentences from templates."""

import random

from hypothesis import given
from hypothesis import strategies as st

from classifier.augment import augment, misspell, name_pool
from classifier.labels import SENTIMENT_LABELS
from classifier.synthetic import synthetic

SEEDS = st.integers(0, 10_000)


@given(SEEDS)
def test_names_and_cashtags_become_others(seed: int) -> None:
    changed = augment(
        "Aldermoor falls, $ALDM too", ["Aldermoor"], ["Westmark"], random.Random(seed), share=1.0
    )
    assert "Aldermoor" not in changed
    assert "$ALDM" not in changed
    assert changed.count("$") == 1


@given(st.text(), SEEDS)
def test_no_share_changes_nothing(text: str, seed: int) -> None:
    assert augment(text, ["a"], ["b"], random.Random(seed), share=0.0) == text


@given(SEEDS)
def test_a_slip_changes_one_word_by_a_letter(seed: int) -> None:
    before = ["profit", "of", "5", "firms", "rises"]
    after = misspell(" ".join(before), random.Random(seed)).split()
    assert len(after) == len(before)
    differ = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert len(differ) <= 1
    assert all(abs(len(a) - len(b)) <= 1 for a, b in differ)


def test_texts_without_long_words_have_no_slips() -> None:
    assert misspell("up 5 %", random.Random(1)) == "up 5 %"


def test_the_pool_holds_every_name_once() -> None:
    assert name_pool({"x": ["B", "A"], "y": ["A"]}) == ["A", "B"]


def test_sentences_are_repeatable_filled_in_and_of_every_sentiment() -> None:
    rows = synthetic(2000, seed=3)
    assert rows == synthetic(2000, seed=3)
    assert rows != synthetic(2000, seed=4)
    assert {row.sentiment for row in rows} == set(range(len(SENTIMENT_LABELS)))
    assert not any("{" in row.text or "  " in row.text for row in rows)
