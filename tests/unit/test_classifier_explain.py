"""Which words moved a score: exact for a score that is a sum, sensible for the shipped model, bounded for any text."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.explain import MOST_OCCLUSIONS, MOST_PASSAGES, MOST_WORDS, explain
from classifier.model import Model
from tidings.types import Prediction

POINTS = {"plunge": -0.3, "fraud": -0.2, "beats": 0.4, ":(": -0.1}


def prediction(sentiment: float) -> Prediction:
    return Prediction("Macro", 1.0, max(0.0, -sentiment), 1 - abs(sentiment), max(0.0, sentiment), "v")


def by_words(texts: Sequence[str]) -> list[Prediction]:
    """A classifier whose sentiment is the sum of its words' points, so that every weight is known."""
    return [
        prediction(max(-1, min(1, sum(POINTS.get(piece.strip(',."'), 0) for piece in text.split()))))
        for text in texts
    ]


def either(texts: Sequence[str]) -> list[Prediction]:
    """A classifier that one bad word convinces: a second one changes nothing."""
    return [prediction(-0.9 if {"plunge", "fraud"} & set(text.split()) else 0.0) for text in texts]


def test_the_weights_of_a_sum_are_its_terms() -> None:
    found = explain(by_words, 'Shares plunge, "fraud." Acme beats :(')
    assert {w.word: pytest.approx(w.weight) for w in found.words} == {
        "Shares": 0, "plunge": -0.3, "fraud": -0.2, "Acme": 0, "beats": 0.4, ":(": -0.1,
    }  # fmt: skip
    assert [w.word for w in found.top()] == ["beats", "plunge", "fraud", ":("]
    assert [w.word for w in found.top(2)] == ["beats", "plunge"]


def test_words_that_say_the_same_share_the_weight() -> None:
    """Leaving out either changes nothing; still both are why."""
    found = explain(either, "Shares plunge after fraud")
    assert [word.weight for word in found.words] == pytest.approx([0, -0.45, 0, -0.45])


@pytest.mark.parametrize("text", ["", "  \n", "https://t.co/abc", "\u200b"])
def test_a_text_without_words_has_no_explanation(text: str) -> None:
    assert explain(by_words, text).words == ()


def test_a_text_that_was_not_read_has_no_explanation() -> None:
    """Its fragments may look like English and be scored, which says nothing of the whole."""

    def flags(texts: Sequence[str]) -> list[Prediction]:
        return [
            replace(p, flag="language") if len(t) > 20 else p
            for p, t in zip(by_words(texts), texts, strict=True)
        ]

    assert explain(flags, "El banco fraud: plunge de las acciones").words == ()


def test_spans_are_of_the_text_as_given_and_urls_are_no_words() -> None:
    text = "  AT&amp;T\n plunge…  https://t.co/abc (fraud)"
    found = explain(by_words, text).words
    assert [(w.word, text[w.start : w.end]) for w in found] == [
        (w, w) for w in ("AT&amp;T", "plunge", "fraud")
    ]


def test_of_a_long_text_the_decisive_passage_is_explained() -> None:
    calm = "The sun was out and people walked in the park today. "
    text = calm * 40 + "Shares plunge on fraud, analyst beats drum. " + calm * 20
    found = explain(by_words, text)
    assert found.sentiment == pytest.approx(-0.1)
    assert len(found.words) == MOST_WORDS
    assert {w.word for w in found.top()} == {"plunge", "fraud", "beats"}
    assert all(text[w.start : w.end] == w.word for w in found.words)


@given(st.text(max_size=300) | st.lists(st.sampled_from(list(POINTS)), max_size=200).map(" ".join))
@settings(deadline=None)
def test_any_text_is_explained_within_bounds(text: str) -> None:
    asked: list[int] = []

    def counted(texts: Sequence[str]) -> list[Prediction]:
        asked.append(len(texts))
        return by_words(texts)

    found = explain(counted, text)
    assert asked[0] <= 1 + MOST_PASSAGES
    assert sum(asked[1:]) <= MOST_OCCLUSIONS + 2  # besides them all words, and none
    assert [text[w.start : w.end] for w in found.words] == [w.word for w in found.words]
    assert all(a.end <= b.start for a, b in zip(found.words, found.words[1:], strict=False))


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.load(provider="cpu", threads=2)


@pytest.mark.parametrize(
    ("text", "negative", "positive"),
    [
        ("Shares plunge as fraud probe triggers collapse", {"plunge"}, set()),
        ("Acme misses earnings estimates but raises full-year guidance", {"misses"}, {"raises"}),
        ("The company is no longer profitable", {"no"}, set()),
        ("Loss narrows in third quarter", {"Loss"}, {"narrows"}),
        ("Dividend hiked for the tenth straight year despite falling sales", {"falling"}, {"hiked"}),
    ],
)
def test_the_shipped_model_is_moved_by_the_words_a_reader_would_name(
    model: Model, text: str, negative: set[str], positive: set[str]
) -> None:
    found = explain(model.predict, text).top()
    assert negative <= {w.word for w in found if w.weight < 0}
    assert positive <= {w.word for w in found if w.weight > 0}


def test_the_same_text_has_the_same_explanation(model: Model) -> None:
    text = "Northgate Bank halts withdrawals"
    assert explain(model.predict, text) == explain(model.predict, text)


def test_the_weights_sum_to_the_sentiment(model: Model) -> None:
    (empty,) = model.predict([""])
    found = explain(model.predict, "Chipmaker beats profit estimates and raises its outlook")
    # int8 scores depend a little on the texts beside them.
    assert sum(w.weight for w in found.words) == pytest.approx(found.sentiment - empty.sentiment, abs=0.1)
