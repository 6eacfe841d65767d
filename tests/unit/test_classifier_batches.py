"""Batches hold every text once and stay within the token budget."""

from hypothesis import given
from hypothesis import strategies as st

from classifier.batches import plan_batches


@given(st.lists(st.integers(1, 200)), st.integers(1, 5000))
def test_every_text_once_and_padding_within_budget(lengths: list[int], budget: int) -> None:
    batches = plan_batches(lengths, budget)
    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[position] for position in batch)
        assert longest * len(batch) <= budget or len(batch) == 1
        assert lengths[batch[-1]] == longest


def test_similar_lengths_share_a_batch() -> None:
    assert plan_batches([50, 3, 49, 4], 100) == [[1, 3], [2, 0]]
