"""Texts of many callers scored together: one thread takes what waits, as a batch, and the callers wait for theirs."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition, Thread

from tidings.errors import Unavailable
from tidings.metrics import API_BATCH_CALLERS, API_BATCH_TEXTS, API_QUEUE
from tidings.types import Prediction

Predict = Callable[[Sequence[str]], list[Prediction]]
Predictions = list[Prediction]


@dataclass(frozen=True)
class _Job:
    texts: Sequence[str]
    size: int
    answer: "Future[Predictions]" = field(default_factory=Future)


class Batcher:
    """Back-pressure by size: what waits holds at most `queue_characters`, a batch about `batch_characters`.

    Characters stand for tokens (some four to one), which nobody has counted yet. While the thread scores, the next
    batch gathers by itself: nobody waits for others to come (in bench/api.py waiting 2 ms gained nothing). Safe from
    any thread.
    """

    def __init__(
        self,
        model: Callable[[], Predict],
        batch_characters: int = 16_000,
        queue_characters: int = 1_000_000,
    ) -> None:
        self._model = model
        self._batch_characters = batch_characters
        self._queue_characters = queue_characters
        self._waiting: deque[_Job] = deque()
        self._size = 0
        self._changed = Condition()
        self._thread: Thread | None = None
        self._closed = False

    def submit(self, texts: Sequence[str]) -> "Future[Predictions]":
        """One Prediction per text, in order, some time later; raises Unavailable when too much waits already.

        What is larger than the queue is taken when nothing else waits.
        """
        job = _Job(texts, sum(len(text) for text in texts) + len(texts))
        with self._changed:
            if self._closed:
                raise Unavailable("scoring has ended: the service is stopping; ask another worker")
            if self._waiting and self._size + job.size > self._queue_characters:
                raise Unavailable("too many texts wait to be scored: try again in a second", 1)
            if self._thread is None:
                self._thread = Thread(target=self._run, name="api-scoring", daemon=True)
                self._thread.start()
            self._waiting.append(job)
            self._count(job.size)
            self._changed.notify()
        return job.answer

    def predict(self, texts: Sequence[str]) -> Predictions:
        """The same for those who may wait."""
        return self.submit(texts).result()

    def close(self) -> None:
        """Scores what waits, and takes nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while batch := self._next_batch():
            batch = [job for job in batch if job.answer.set_running_or_notify_cancel()]
            if not batch:
                continue  # their callers have gone
            texts = [text for job in batch for text in job.texts]
            API_BATCH_TEXTS.observe(len(texts))
            API_BATCH_CALLERS.observe(len(batch))
            try:
                scored = self._model()(texts)
            except Exception as error:  # each caller gets it, and the thread goes on
                for job in batch:
                    job.answer.set_exception(error)
                continue
            at = 0
            for job in batch:
                job.answer.set_result(scored[at : at + len(job.texts)])
                at += len(job.texts)

    def _next_batch(self) -> list[_Job]:
        """Waits for a first job, and takes what waits with it; nothing when closed and done."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            batch: list[_Job] = []
            room = self._batch_characters
            while self._waiting and (not batch or self._waiting[0].size <= room):
                job = self._waiting.popleft()
                batch.append(job)
                room -= job.size
                self._count(-job.size)
            return batch

    def _count(self, size: int) -> None:
        self._size += size
        API_QUEUE.set(self._size)
