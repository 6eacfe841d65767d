"""Starts `tidings run` with the demo's story, and Chromium to look at its page."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests
from playwright.sync_api import Browser, sync_playwright

from ingest.embedded import embedded_broker
from ingest.kafka import Producer, create_topics
from service.api_keys import create_key
from service.demo_story import RULES, Message, story
from tests.started import free_port
from tidings.settings import KafkaSettings

_TIDINGS = str(Path(sys.executable).with_name("tidings"))
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
_RUN = timedelta(minutes=40)  # the story's end: the bank run


def chromium() -> str | None:
    """Where a Chromium is: CHROMIUM, or the first of Debian's and others' names on the path."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@contextmanager
def browsing() -> Iterator[Browser]:
    """A headless Chromium, the machine's own: Playwright's need a download."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(_FLAGS))
        yield browser
        browser.close()


@dataclass
class PageService:
    """A running service: where it is, the part of the story that it has not been told yet, an API key (read, alerts)
    of kim's."""

    url: str
    settings: KafkaSettings
    rest: list[Message]
    process: "subprocess.Popen[bytes]"
    log: Path
    key: str
    played: bool = field(default=False)

    def play_spike(self) -> None:
        """Sends the bank run, once."""
        if not self.played:
            self.played = True
            send(self.settings, self.rest)

    def wait_until_read(self, messages: Sequence[Message]) -> None:
        """Until the page's tape shows the last item of `messages`."""
        last = next(message for message in reversed(messages) if message.note == "item")
        link = json.loads(last.value)["id"] + '"'  # the end of its address
        self.wait_for(lambda: link in requests.get(self.url, timeout=10).text)

    def wait_for(self, condition: Callable[[], object], seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, f"it did not happen in time\n{self.log.read_text()[-3000:]}"
            time.sleep(0.2)


def send(settings: KafkaSettings, messages: Sequence[Message]) -> None:
    producer = Producer(settings)
    for message in messages:
        producer.send(message.kafka_topic, message.value)
    producer.flush()
    producer.close()


@contextmanager
def running_page(folder: Path, every: int = 1) -> Iterator[PageService]:
    """Yields when the quiet part of the story (each `every`-th message of it) is on the page."""
    with ExitStack() as parts:
        settings = KafkaSettings(bootstrap_servers=(parts.enter_context(embedded_broker()),))
        port = free_port()
        keys_file = folder / "keys.json"
        key = create_key(keys_file, "kim", ["read", "alerts"])
        config = folder / "tidings.toml"
        config.write_text(
            f"""clock = "stream"
[kafka]
bootstrap_servers = ["{settings.bootstrap_servers[0]}"]
session_timeout_ms = 6000
[api]
port = {port}
keys_file = "{keys_file}"
[store]
folder = "{folder / "store"}"
[alerts]
rules = "{RULES}"
roll_every_seconds = 1
evaluate_every_seconds = 120
"""
        )
        now = datetime.now(UTC)
        messages = story(now)
        first = next(at for at, message in enumerate(messages) if message.arrives_at > now - _RUN)
        create_topics(settings)
        send(settings, messages[:first:every])
        log = folder / "log"
        with (
            log.open("wb") as stream,
            subprocess.Popen([_TIDINGS, "run", "--config", str(config)], stderr=stream) as process,
        ):
            url = f"http://127.0.0.1:{port}"
            service = PageService(url, settings, messages[first:], process, log, key)
            try:
                service.wait_for(lambda: _answers(url))
                service.wait_until_read(messages[:first:every])
                yield service
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(60)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=10).ok
    except requests.ConnectionError:
        return False
