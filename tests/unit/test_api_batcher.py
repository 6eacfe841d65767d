"""Scoring for many callers: everybody gets their own, batches stay within bounds, a full queue says so."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Timer

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.api_batcher import Batcher
from tidings.errors import ModelError, Unavailable
from tidings.types import Prediction


def prediction(text: str) -> Prediction:
    return Prediction(text, 1.0, 0.0, 1.0, 0.0, "test")


class Scorer:
    """Answers each text with itself as its topic; waits for `go` within a batch, once `entered` is set."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.entered, self.go = Event(), Event()
        self.go.set()

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        self.batches.append(list(texts))
        self.entered.set()
        assert self.go.wait(10)
        if "fail" in texts:
            raise ModelError("the model is broken")
        return [prediction(text) for text in texts]


def busy(scorer: Scorer, batcher: Batcher) -> None:
    """The thread is held within a first batch."""
    scorer.go.clear()
    batcher.submit(["first"])
    assert scorer.entered.wait(10)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.text(max_size=30), min_size=1, max_size=8), min_size=1, max_size=20),
    st.integers(1, 200),
)
def test_every_caller_gets_the_scores_of_their_own_texts_in_order(calls: list[list[str]], most: int) -> None:
    scorer = Scorer()
    batcher = Batcher(lambda: scorer.predict, batch_characters=most)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(batcher.predict, calls))
    batcher.close()
    assert [[p.topic for p in answer] for answer in found] == calls
    assert sorted(t for batch in scorer.batches for t in batch) == sorted(t for call in calls for t in call)
    for batch in scorer.batches:  # within the bound, or one caller's alone
        alone = any(batch == call for call in calls)
        assert alone or sum(len(text) + 1 for text in batch) <= most


def test_what_waits_is_scored_together() -> None:
    scorer = Scorer()
    batcher = Batcher(lambda: scorer.predict)
    busy(scorer, batcher)
    waiting = [batcher.submit([f"text {n}"]) for n in range(10)]
    scorer.go.set()
    assert [future.result(10)[0].topic for future in waiting] == [f"text {n}" for n in range(10)]
    assert [len(batch) for batch in scorer.batches] == [1, 10]
    batcher.close()


def test_a_full_queue_is_unavailable_and_takes_again_when_it_has_room() -> None:
    scorer = Scorer()
    batcher = Batcher(lambda: scorer.predict, queue_characters=20)
    busy(scorer, batcher)
    larger = batcher.submit(["x" * 50])  # alone in the queue, it is taken
    with pytest.raises(Unavailable, match="too many texts wait") as refused:
        batcher.submit(["y"])
    assert refused.value.retry_after_seconds == 1
    scorer.go.set()
    assert larger.result(10)
    assert batcher.predict(["y"])[0].topic == "y"
    batcher.close()


def test_an_error_reaches_each_caller_of_its_batch_and_nobody_else() -> None:
    scorer = Scorer()
    batcher = Batcher(lambda: scorer.predict)
    busy(scorer, batcher)
    broken = [batcher.submit([text]) for text in ("fail", "beside it")]
    scorer.go.set()
    for future in broken:
        with pytest.raises(ModelError):
            future.result(10)
    assert batcher.predict(["later"])[0].topic == "later"
    batcher.close()


def test_a_caller_who_has_gone_is_left_out() -> None:
    scorer = Scorer()
    batcher = Batcher(lambda: scorer.predict)
    busy(scorer, batcher)
    gone, stays = batcher.submit(["gone"]), batcher.submit(["stays"])
    assert gone.cancel()
    scorer.go.set()
    assert stays.result(10)[0].topic == "stays"
    assert scorer.batches[1:] == [["stays"]]
    batcher.close()


def test_closing_scores_what_waits_and_takes_nothing_more() -> None:
    scorer = Scorer()
    batcher = Batcher(lambda: scorer.predict)
    busy(scorer, batcher)
    waiting = batcher.submit(["last"])
    Timer(0.05, scorer.go.set).start()
    batcher.close()
    assert waiting.result(0)[0].topic == "last"
    with pytest.raises(Unavailable, match="stopping"):
        batcher.submit(["too late"])


def test_closing_one_that_was_never_used_ends_at_once() -> None:
    Batcher(lambda: Scorer().predict).close()
