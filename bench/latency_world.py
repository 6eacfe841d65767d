"""Where the bench of the latency happens: a store with history, a webhook that notes the time, `tidings run`."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from store.store import open_store
from tidings.settings import StoreSettings
from tidings.types import Item, Prediction, ScoredItem

TIDINGS = str(Path(sys.executable).with_name("tidings"))
HISTORY_DAYS = 61


@dataclass(frozen=True)
class Intervals:
    """How a run is configured, in seconds."""

    name: str
    roll: int
    evaluate: int

    @property
    def total(self) -> int:
        return self.roll + self.evaluate


def fill(folder: Path) -> None:
    """Calm stories, four an hour over 61 days: the default rules judge nothing before they have seen some weeks."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    items = []
    for number in range(HISTORY_DAYS * 24 * 4):
        at = now - timedelta(minutes=15 * (number + 1))
        item = Item(
            f"calm-{number}",
            "wire",
            "news",
            at,
            f"Calm {number}",
            "",
            entities=("Calm",),
            story_id=f"c{number}",
        )
        items.append(ScoredItem(item, Prediction("Macro", 0.9, 0.05, 0.9, 0.05, "bench"), at))
    store = open_store(StoreSettings(folder=folder))
    store.insert(items)
    while store.roll():
        pass
    store.close()


@contextmanager
def hook(received: dict[str, float]) -> Iterator[str]:
    """A webhook that notes when each key was first told of."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            at = time.time()
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()
            for alert in body.get("alerts", [body.get("alert")]):
                received.setdefault(alert["key"], at)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def service(folder: Path, broker: str, url: str, intervals: Intervals) -> Iterator[None]:
    """`tidings run`, ready to read; stopped in the end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        metrics = free.getsockname()[1]
    config = folder / "tidings.toml"
    config.write_text(
        f'[kafka]\nbootstrap_servers = ["{broker}"]\n[store]\nfolder = "{folder / "store"}"\n'
        f'[webhook]\nurl = "{url}"\n[outgoing]\nallow_private = true\n[api]\nport = 0\n[metrics]\nport = {metrics}\n'
        f"[alerts]\nroll_every_seconds = {intervals.roll}\nevaluate_every_seconds = {intervals.evaluate}\n"
    )
    with (folder / "run.log").open("wb") as log:
        process = subprocess.Popen([TIDINGS, "run", "--config", str(config)], stderr=log)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
