"""What the demo shows while it runs, gathered from the pipeline's reports."""

import time
from collections import Counter, deque
from datetime import datetime, timedelta
from threading import Lock

from ingest.pipeline import BatchReport
from service import demo_view as view
from store.store import Store

_BUCKET = timedelta(minutes=10)
_BUCKETS = 48
_TOPICS = 6


class Watch:
    """Written by one thread, read by another."""

    def __init__(self, total: int, store: Store, page: str) -> None:
        self.total = total
        self._page = page
        self.handled = 0
        self.stored = 0
        self.dead_letters: Counter[str] = Counter()
        self._store = store
        self._lock = Lock()
        self._model = "loading the model"
        self._recent: deque[tuple[float, int]] = deque(maxlen=20)
        self._first: tuple[float, int] | None = None
        self._sums: dict[str, dict[int, tuple[float, int]]] = {}
        self._items: Counter[str] = Counter()
        self._headlines: deque[view.Headline] = deque(maxlen=8)

    def on_batch(self, report: BatchReport) -> None:
        with self._lock:
            self.handled += report.messages
            self.stored += len(report.stored)
            self.dead_letters.update(letter.reason for letter in report.dead_letters)
            self._recent.append((time.monotonic(), self.handled))
            self._first = self._first or self._recent[0]
            for scored in report.stored:
                item, prediction = scored.item, scored.prediction
                self._model = f"model {prediction.model_version}"
                bucket = int(item.published_at.timestamp() // _BUCKET.total_seconds())
                sums = self._sums.setdefault(prediction.topic, {})
                total, count = sums.get(bucket, (0.0, 0))
                sums[bucket] = (total + prediction.sentiment, count + 1)
                self._items[prediction.topic] += 1
                if prediction.p_negative > 0.8:
                    self._headlines.append(
                        view.Headline(item.published_at, item.source, item.headline, prediction.sentiment)
                    )

    def per_second(self) -> float:
        """Messages handled per second from the first batch to the last."""
        if not self._first or len(self._recent) < 2:
            return 0.0
        (began, before), (ended, after) = self._first, self._recent[-1]
        return (after - before) / max(0.001, ended - began)

    def snapshot(self, phase: str, now: datetime | None) -> view.Snapshot:
        alerts = tuple(alert for alert in self._store.alerts(5) if alert.fired_at)
        with self._lock:
            end = int(now.timestamp() // _BUCKET.total_seconds()) if now else 0
            lines = []
            for name, items in self._items.most_common(_TOPICS):
                sums = self._sums[name]
                series = tuple(
                    sums[b][0] / sums[b][1] if b in sums else None for b in range(end - _BUCKETS + 1, end + 1)
                )
                lines.append(view.TopicLine(name, items, series))
            speed = 0.0
            if len(self._recent) > 1:
                (first, done), (last, handled) = self._recent[0], self._recent[-1]
                speed = (handled - done) / max(0.001, last - first)
            return view.Snapshot(
                phase, self._model, self.total, self.handled, self.dead_letters.total(), speed, now,
                tuple(lines), tuple(reversed(self._headlines)), alerts, self._page,
            )  # fmt: skip
