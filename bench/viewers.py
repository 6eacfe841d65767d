"""The live page with one viewer, with many, and with one while many pages are watched: delay, CPU, memory, first paint.

    python -m bench.viewers --viewers 500 --pages 60

`tidings run` with broker and store on this machine, the demo's quiet hours behind it. Every few seconds one item is
sent to Kafka, and the overview's stream of events is watched for its headline by each viewer. Pages are those of
names and topics over several periods, each with a viewer of its own. The viewers share the cores with the service.
"""

import argparse
import asyncio
import html
import json
import os
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import requests
from rich.console import Console
from rich.table import Table

from service.demo_story import Message
from tests.e2e.page_service import PageService, browsing, running_page, send

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Measured:
    """Of some viewers: seconds from Kafka to the first and to the last of them (medians), the service's CPU
    (cores) and memory (MB), bytes a second to each viewer, and ms to a new reader's first paint."""

    viewers: int
    first_seconds: float
    last_seconds: float
    cores: float
    megabytes: float
    bytes_per_second: float
    paint_ms: float


class Viewer:
    """One open stream of events; notes when each marker was first seen."""

    def __init__(self, path: str = "/live?lang=en") -> None:
        self.path = path
        self.seen: dict[bytes, float] = {}
        self.received = 0

    async def watch(self, host: str, port: int, markers: list[bytes]) -> None:
        reader, writer = await asyncio.open_connection(host, port, limit=1 << 20)
        writer.write(f"GET {self.path} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        tail = b""
        try:
            while part := await reader.read(1 << 16):
                now = time.monotonic()
                self.received += len(part)
                text = tail + part
                for marker in markers:
                    if marker not in self.seen and marker in text:
                        self.seen[marker] = now
                tail = text[-64:]
        finally:
            writer.close()


async def measure(
    service: PageService, viewers: int, rounds: int, pause: float, pages: Sequence[str] = ()
) -> Measured:
    address = urlsplit(service.url)
    assert address.hostname
    assert address.port
    markers: list[bytes] = []
    watching = [Viewer() for _ in range(viewers)]
    others = [Viewer(path) for path in pages]
    tasks = [
        asyncio.create_task(v.watch(address.hostname, address.port, markers)) for v in [*watching, *others]
    ]
    await _until(lambda: all(viewer.received for viewer in [*watching, *others]))
    await asyncio.sleep(3)
    before, began, bytes_before = _cpu(service), time.monotonic(), sum(v.received for v in watching)
    firsts, lasts = [], []
    for _ in range(rounds):
        marker = f"marker {time.time_ns()}".encode()
        markers.append(marker)
        sent = time.monotonic()
        await asyncio.to_thread(send, service.settings, [_message(marker.decode())])
        await _until(partial(_seen_by_all, marker, watching))
        arrivals = [viewer.seen[marker] - sent for viewer in watching]
        firsts.append(min(arrivals))
        lasts.append(max(arrivals))
        await asyncio.sleep(pause)
    seconds = time.monotonic() - began
    cores = (_cpu(service) - before) / seconds
    received = sum(v.received for v in watching) - bytes_before
    paint = statistics.median([await asyncio.to_thread(first_paint_ms, service.url) for _ in range(3)])
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return Measured(
        viewers, statistics.median(firsts), statistics.median(lasts), cores, _megabytes(service),
        received / seconds / viewers, paint,
    )  # fmt: skip


def pages_of(service: PageService, count: int) -> list[str]:
    """The streams of so many pages of names and topics."""
    links = []
    for path, start in (("/names?lang=en", "/names/"), ("/?lang=en", "/topics/")):
        text = requests.get(service.url + path, timeout=30).text
        links += sorted({html.unescape(link) for link in re.findall(rf'href="({start}[^"?]+)"', text)})
    found = [f"/live{link}?period={period}&lang=en" for period in ("hours", "day") for link in links]
    assert len(found) >= count, f"--pages: there are {len(found)}"
    return found[:count]


def first_paint_ms(url: str) -> float:
    """First contentful paint of the overview by the browser's own performance entries, from the click on."""
    with browsing() as browser:
        page = browser.new_page()
        page.goto("about:blank")
        page.goto(url)
        page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
        return float(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))


def _seen_by_all(marker: bytes, viewers: list[Viewer]) -> bool:
    return all(marker in viewer.seen for viewer in viewers)


async def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, "not seen in two minutes"
        await asyncio.sleep(0.02)


def _message(title: str) -> Message:
    now = datetime.now(UTC)
    row = {"title": title, "source": "Bench", "kind": "news", "published_at": now.isoformat()}
    return Message("news.raw", json.dumps(row).encode(), now, "item")


def _cpu(service: PageService) -> float:
    """Seconds of processor time of the service so far."""
    fields = Path(f"/proc/{service.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _megabytes(service: PageService) -> float:
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--viewers", type=int, default=500)
    parser.add_argument("--pages", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between items")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_page(Path(folder)) as service:
        one = asyncio.run(measure(service, 1, options.rounds, options.pause))
        many = asyncio.run(measure(service, options.viewers, options.rounds, options.pause))
        pages = pages_of(service, options.pages)
        beside = asyncio.run(measure(service, 1, options.rounds, options.pause, pages))
    table = Table(title="the live page")
    for name in ("", "1 viewer", f"{many.viewers} viewers", "ratio", f"1 beside {len(pages)} pages", "ratio"):
        table.add_column(name, justify="right" if name else "left")
    for name, field in (
        ("Kafka to the first viewer, s (median)", "first_seconds"),
        ("Kafka to the last viewer, s (median)", "last_seconds"),
        ("the service's CPU, cores", "cores"),
        ("the service's memory, MB", "megabytes"),
        ("bytes a second to each viewer", "bytes_per_second"),
        ("a new reader's first paint, ms (median of 3)", "paint_ms"),
    ):
        a, b, c = (getattr(measured, field) for measured in (one, many, beside))
        table.add_row(name, f"{a:.2f}", f"{b:.2f}", f"{b / a:.2f}", f"{c:.2f}", f"{c / a:.2f}")
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
