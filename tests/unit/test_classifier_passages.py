"""Long texts are cut into passages without loss, and pooled so that the title counts most."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.batches import plan_groups
from classifier.passages import MOST_PASSAGES, passage_weights, passages, sentences

TOKENS = st.lists(st.lists(st.integers(0, 9), max_size=30), min_size=1, max_size=20)


@given(TOKENS, st.integers(1, 12))
def test_every_token_is_in_one_passage_in_order(tokens: list[list[int]], limit: int) -> None:
    found = passages(tokens, limit)
    everything = [token for sentence in tokens for token in sentence]
    assert [token for passage in found for token in passage] == everything[: sum(map(len, found))]
    assert all(1 <= len(passage) <= limit for passage in found)
    assert len(found) == MOST_PASSAGES or sum(map(len, found)) == len(everything)


def test_the_title_stands_alone_and_sentences_stay_whole() -> None:
    assert passages([[1], [2, 2], [3], [4, 4]], 3) == [[1], [2, 2, 3], [4, 4]]


def test_a_sentence_longer_than_a_passage_is_cut() -> None:
    assert passages([[1] * 5, [2] * 4], 3) == [[1, 1, 1], [1, 1], [2, 2, 2], [2]]


def test_passages_are_capped() -> None:
    assert len(passages([[0]] + [[1] * 5] * 10_000, 5)) == MOST_PASSAGES


@given(st.text(alphabet="aB.!? \"'\n", max_size=60))
def test_sentences_lose_nothing_but_white_space(text: str) -> None:
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Bank fails. Customers queue.", "Bank fails."),
        ('"We are done." The bank closed.', '"We are done."'),
        ("U.S. Fed raises rates. Stocks fall.", "U.S. Fed raises rates."),
        ("Acme Inc. Reports loss! Shares fall.", "Acme Inc. Reports loss!"),
        ("Earnings of $1.2bn, vs. an expected 1.1. Up.", "Earnings of $1.2bn, vs. an expected 1.1."),
    ],
)
def test_what_ends_a_sentence(text: str, first: str) -> None:
    assert sentences(text)[0] == first


@given(st.lists(st.tuples(st.integers(1, 96), st.floats(-1, 1)), min_size=1, max_size=50))
def test_weights_sum_to_one_and_the_title_weighs_most(parts: list[tuple[int, float]]) -> None:
    weights = passage_weights([length for length, _ in parts], np.array([score for _, score in parts]))
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()
    if len(parts) > 3 and len({length for length, _ in parts}) == 1:
        assert weights[0] >= weights[1:].max()


def test_the_strongest_passage_counts_extra() -> None:
    weights = passage_weights([9, 10, 30], np.array([0.1, -0.9, 0.2]))
    assert weights.tolist() == pytest.approx([0.4, 0.1 + 0.2, 0.3])


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 100))
def test_groups_hold_every_position_and_stay_within_the_limit(sizes: list[int], most: int) -> None:
    groups = plan_groups(sizes, most)
    assert [position for group in groups for position in group] == list(range(len(sizes)))
    assert all(sum(sizes[i] for i in group) <= most or len(group) == 1 for group in groups)
