"""How fast items go from Kafka into the store, as ratios to peers in the same run.

    make bench            or            .venv/bin/python -m bench.stream [--threads 2]

The stream reads the demo's story from the embedded broker, decodes, finds names, scores, inserts into chDB and
commits, in batches of 512. Peers: the classifier alone on the same texts (what the rest costs), and the same
stream with batches of one message (what batching gains; on a part of the messages, as it is slow).
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from rich.console import Console
from rich.table import Table

from classifier.model import Model
from ingest.embedded import embedded_broker
from ingest.kafka import DeadLetterProducer, GroupConsumer, Producer, create_topics
from ingest.message import decode
from ingest.pipeline import BatchReport, run
from service.demo_story import story
from store.store import Store, open_store
from tidings.errors import InvalidMessage
from tidings.settings import KafkaSettings, StoreSettings
from tidings.text import classifier_input
from tidings.types import Prediction


def main() -> None:
    """Prints messages per second and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    messages = [(m.kafka_topic, m.value) for m in story(datetime(2026, 1, 5, 12, tzinfo=UTC))]
    model = Model.load(provider="cpu", threads=arguments.threads)
    texts = []
    for kafka_topic, value in messages:
        try:
            item = decode(value, kafka_topic)
            texts.append(classifier_input(item.title, item.text))
        except InvalidMessage:
            continue
    model.predict(texts[:64])
    with tempfile.TemporaryDirectory() as folder, embedded_broker() as broker:
        store = open_store(StoreSettings(folder=Path(folder)))
        settings = KafkaSettings(bootstrap_servers=(broker,), session_timeout_ms=6_000)
        rates = {"stream, batches of 512": _stream(replace(settings, group="a"), store, model, messages)}
        began = time.perf_counter()
        for at in range(0, len(texts), 512):
            model.predict(texts[at : at + 512])
        rates["classifier alone, same texts"] = len(texts) / (time.perf_counter() - began)
        one = replace(settings, group="b", batch_items=1, topics=("news.one", "social.one"))
        part = [(topic.replace("raw", "one"), value) for topic, value in messages[:200]]
        rates["stream, one message at a time"] = _stream(one, store, model, part)
        store.close()
    own = next(iter(rates.values()))
    table = Table("contestant", "messages/s", "the stream's speed against it")
    for name, rate in rates.items():
        table.add_row(name, f"{rate:,.0f}", f"{own / rate:.2f} x")
    Console().print(table)


def _stream(settings: KafkaSettings, store: Store, model: Model, messages: list[tuple[str, bytes]]) -> float:
    """Messages per second from the first poll that brought any to the last commit."""
    create_topics(settings)
    producer = Producer(settings)
    for kafka_topic, value in messages:
        producer.send(kafka_topic, value)
    producer.flush()
    producer.close()
    stop, done, times = Event(), 0, list[float]()

    def on_batch(report: BatchReport) -> None:
        nonlocal done
        done += report.messages
        times.append(time.perf_counter())
        if done >= len(messages):
            stop.set()

    def classify(texts: Sequence[str]) -> list[Prediction]:
        starts.append(time.perf_counter())
        return model.predict(texts)

    starts: list[float] = []
    source, dead = GroupConsumer(settings), DeadLetterProducer(settings)
    run(source, dead, classify, store.insert, stop, record=store.record, on_batch=on_batch)
    source.close()
    dead.close()
    return done / (times[-1] - starts[0])


if __name__ == "__main__":
    main()
