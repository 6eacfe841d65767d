"""The shared types: what they compute, and that they cannot change."""

import dataclasses
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.types import SENTIMENTS, Item, Prediction

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def _prediction(negative: float, neutral: float, positive: float) -> Prediction:
    return Prediction("Macro", 0.9, negative, neutral, positive, "v1")


@pytest.mark.parametrize(
    ("probabilities", "label"),
    [
        ((0.7, 0.2, 0.1), "negative"),
        ((0.1, 0.7, 0.2), "neutral"),
        ((0.1, 0.2, 0.7), "positive"),
        ((0.4, 0.4, 0.2), "neutral"),
        ((0.2, 0.4, 0.4), "neutral"),
        ((0.45, 0.1, 0.45), "neutral"),
    ],
)
def test_the_label_is_the_most_probable_and_a_tie_is_neutral(
    probabilities: tuple[float, float, float], label: str
) -> None:
    assert _prediction(*probabilities).sentiment_label == label


@given(st.lists(st.floats(0.001, 1), min_size=3, max_size=3))
def test_sentiment_lies_between_minus_one_and_one(weights: list[float]) -> None:
    negative, neutral, positive = (weight / sum(weights) for weight in weights)
    prediction = _prediction(negative, neutral, positive)
    assert -1 <= prediction.sentiment <= 1
    assert prediction.sentiment_label in SENTIMENTS
    if prediction.sentiment_label == "negative":
        assert prediction.sentiment < 0


def test_the_headline_is_the_title_or_else_the_text() -> None:
    assert Item("1", "wire", "news", NOW, "Title", "Text").headline == "Title"
    assert Item("1", "posts", "social", NOW, "", "Text").headline == "Text"


def test_values_cannot_change() -> None:
    item = Item("1", "wire", "news", NOW, "Title", "Text")
    with pytest.raises(dataclasses.FrozenInstanceError):
        item.title = "Other"  # type: ignore[misc]  # that is what is tested
