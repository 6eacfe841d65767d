"""How many texts POST /v1/score scores: 64 callers at once against one by one, and against the classifier alone.

    .venv/bin/python -m bench.api [--callers 64] [--texts 2000] [--rounds 3] [--threads 2]

Each request holds one headline of the demo's story and is sent over a connection that its caller keeps. The callers
are a process of their own on the same machine, so what they cost is taken from the service. A round measures all,
one after another; figures are medians over the rounds, ratios are within the rounds. Processor time is that of the
service's process: what else runs on the machine changes it little.
"""

import argparse
import asyncio
import json
import multiprocessing
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from classifier.model import Model
from ingest.message import decode
from service.demo_story import story
from service.web import serving_web
from store.store import open_store
from tidings.errors import InvalidMessage
from tidings.settings import ApiSettings, Settings, StoreSettings
from tidings.text import classifier_input

ALONE, ONE, MANY, SINGLY = (
    "classifier alone, 512 together",
    "one caller",
    "{} callers",
    "classifier alone, one by one",
)


def main() -> None:
    """Prints texts per second, and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--texts", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    texts = _texts(arguments.texts)
    many = MANY.format(arguments.callers)
    model = Model.load(provider="cpu", threads=arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(store=StoreSettings(folder=Path(folder)), api=ApiSettings(port=0))
        store = open_store(settings.store)
        with serving_web(settings, store, lambda: model) as port:
            _ask(port, texts[:200], 8)  # warm
            rounds = [
                {
                    ALONE: _alone(model, texts, 512),
                    SINGLY: _alone(model, texts, 1),
                    ONE: _ask(port, texts[: len(texts) // 4], 1),
                    many: _ask(port, texts, arguments.callers),
                }
                for _ in range(arguments.rounds)
            ]
        store.close()
    table = Table("", "texts/s", f"{many} against it", "processor ms a text", "against the classifier alone")
    for name in rounds[0]:
        ratios = [found[many].speed / found[name].speed for found in rounds]
        costs = [found[name].seconds / found[ALONE].seconds for found in rounds]
        table.add_row(
            name,
            f"{median(found[name].speed for found in rounds):,.0f}",
            f"{median(ratios):.2f}",
            f"{1000 * median(found[name].seconds for found in rounds):.2f}",
            f"{median(costs):.2f}",
        )
    Console().print(table)


class Measured(NamedTuple):
    """Texts per second, and processor seconds of this process per text."""

    speed: float
    seconds: float


def _texts(count: int) -> list[str]:
    found: list[str] = []
    for message in story(datetime(2026, 1, 5, 12, tzinfo=UTC)):
        try:
            item = decode(message.value, message.kafka_topic)
            found.append(classifier_input(item.title, item.text))
        except InvalidMessage:
            continue
    return (found * (count // len(found) + 1))[:count]


def _alone(model: Model, texts: Sequence[str], together: int) -> Measured:
    began, spent = time.perf_counter(), time.process_time()
    for at in range(0, len(texts), together):
        model.predict(texts[at : at + together])
    return Measured(len(texts) / (time.perf_counter() - began), (time.process_time() - spent) / len(texts))


def _ask(port: int, texts: Sequence[str], callers: int) -> Measured:
    """The speed is that which a process of callers sees."""
    spent = time.process_time()
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_call, args=(port, texts, callers, sending))
    process.start()
    seconds = float(receiving.recv())
    process.join()
    return Measured(len(texts) / seconds, (time.process_time() - spent) / len(texts))


def _call(
    port: int, texts: Sequence[str], callers: int, answer: "multiprocessing.connection.Connection"
) -> None:
    answer.send(asyncio.run(_all(port, texts, callers)))


async def _all(port: int, texts: Sequence[str], callers: int) -> float:
    waiting = iter(texts)
    connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(callers)]

    async def caller(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for text in waiting:
            body = json.dumps({"texts": [text]}).encode()
            writer.write(
                b"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
            )
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if not head.startswith(b"http/1.1 200"):
                raise RuntimeError(head.decode())
            await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(caller(*connection) for connection in connections))
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
