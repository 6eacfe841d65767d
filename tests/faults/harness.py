"""Real processes to break: a broker, a store server, and workers as an operator starts them."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingest.embedded import embedded_broker
from ingest.kafka import Producer, create_topics
from store.store import Store, open_store
from tests.faults.outage import Gate, StoreServer
from tests.faults.recount import ITEMS, SCOPES, WINDOWS, differences
from tests.faults.traffic import Traffic
from tidings.settings import KafkaSettings, StoreSettings

TIDINGS = str(Path(sys.executable).with_name("tidings"))
MOST_RSS_MIB = 1024


@dataclass
class World:
    """A broker with two partitions, a store, and the workers that are running."""

    kafka: KafkaSettings
    gate: Gate  # before the store, for the workers only
    server: StoreServer
    folder: Path
    workers: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    most_rss_mib: float = 0.0

    def start_worker(self) -> None:
        with (self.folder / "worker.log").open("ab") as log:
            command = [TIDINGS, "run", "--only", "ingest", "--config", str(self.folder / "tidings.toml")]
            self.workers.append(subprocess.Popen(command, stderr=log))

    def kill_worker(self, number: int) -> None:
        """kill -9, and another in its place."""
        worker = self.workers.pop(number)
        worker.kill()
        worker.wait()
        self.start_worker()

    def send(self, messages: Sequence[bytes]) -> None:
        producer = Producer(self.kafka)
        for number, value in enumerate(messages):
            producer.send(self.kafka.topics[0], value, str(number).encode())
        producer.flush()
        producer.close()

    def stop(self) -> None:
        for worker in self.workers:
            worker.send_signal(signal.SIGTERM)
        for worker in self.workers:
            worker.wait(60)
        self.workers.clear()

    def look(self) -> None:
        """Notes the workers' memory."""
        for worker in self.workers:
            status = Path(f"/proc/{worker.pid}/status")
            words = status.read_text().split() if status.exists() else []
            if "VmHWM:" in words:
                self.most_rss_mib = max(self.most_rss_mib, int(words[words.index("VmHWM:") + 1]) / 1024)

    def wait_until(self, done: Callable[[], bool], seconds: float) -> None:
        end = time.monotonic() + seconds
        while not done():
            self.look()
            if time.monotonic() > end:
                raise AssertionError("not in time:\n" + (self.folder / "worker.log").read_text()[-3000:])
            time.sleep(0.3)


@contextmanager
def world(folder: Path, batch_items: int = 64, broker: str | None = None) -> Iterator[tuple[World, Store]]:
    """The store is a server, so that two workers and the test share it; it starts empty.

    `broker` is the address of the test's own; without it one is started.
    """
    with ExitStack() as parts:
        broker = broker or parts.enter_context(embedded_broker(folder / "broker.log"))
        server = StoreServer(folder / "clickhouse", folder / "fault")
        server.start()
        parts.callback(server.kill)
        gate = Gate("127.0.0.1", server.port)
        parts.callback(gate.close)
        kafka = KafkaSettings((broker,), ("news.raw",), batch_items=batch_items, session_timeout_ms=6_000)
        create_topics(kafka, partitions=2)
        settings = StoreSettings(backend="server", port=server.port)
        (folder / "tidings.toml").write_text(
            f'[kafka]\nbootstrap_servers = ["{broker}"]\ntopics = ["news.raw"]\nbatch_items = {batch_items}\n'
            f'session_timeout_ms = 6000\n[store]\nbackend = "server"\nhost = "127.0.0.1"\nport = {gate.port}\n'
            "[classifier]\nthreads = 1\n"
        )
        store = open_store(settings)
        parts.callback(store.close)
        found = World(kafka, gate, server, folder)
        try:
            yield found, store
        finally:
            for worker in found.workers:
                worker.kill()
                worker.wait()


def rows(store: Store, sql: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in store.sql(sql, "JSONEachRow").split("\n") if line]


def consumed(store: Store) -> int:
    return sum(part.consumed for part in store.audit())


def account(store: Store, sent: Traffic, name: str, faults: int, rss_mib: float) -> None:
    """Holds the store against what was sent, prints the figures, and fails on any difference."""
    while store.roll():
        pass
    audit = store.audit()
    stored, duplicates, dead, unexplained = (
        sum(getattr(part, field) for part in audit)
        for field in ("stored", "duplicates", "dead_letters", "unexplained")
    )
    items = rows(store, ITEMS)
    kept = {row["item_id"]: (row["source"], int(row["at_ms"])) for row in items}
    lost, doubled = len(sent.items.keys() - kept.keys()), len(items) - len(kept)
    print(
        f"\n{name}: faults {faults}, sent {len(sent.messages)}, stored {stored}, duplicates {duplicates}, "
        f"dead letters {dead}, lost {lost}, double-counted {doubled}, worker memory at most {rss_mib:.0f} MiB"
    )
    assert kept == {name: (name.split(":")[0], int(at.timestamp()) * 1000) for name, at in sent.items.items()}
    assert (lost, doubled, unexplained) == (0, 0, 0)
    assert (stored, duplicates, dead) == (len(sent.items), sent.duplicates, sent.invalid)
    assert len(sent.messages) == stored + duplicates + dead
    windows = rows(store, WINDOWS)
    assert {row["name"] for row in windows if int(row["negative_stories"])} == SCOPES
    assert any(row["flag"] for row in items)
    assert differences(windows, items) == []
    assert rss_mib < MOST_RSS_MIB
