"""Two alert engines over one store: the active one is killed, stopped, or frozen; never are two active."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from ingest.embedded import embedded_broker
from service.demo_catchers import Hook, catch_webhooks
from store.store import Store, open_store
from tests.faults.harness import TIDINGS
from tests.faults.outage import StoreServer
from tests.items import T0, scored
from tidings.settings import StoreSettings

SESSION_SECONDS = 3
_RULES = """rules:
  - name: burst
    scope: entity
    window: 10m
    baseline: 2h
    p_below: 0.001
    min_stories: 4
    for: 2m
    severity: critical
"""


@dataclass
class Engine:
    """A `tidings run --only alerts`, as an operator starts it."""

    config: Path
    log: Path
    frozen: bool = False

    def start(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        command = [TIDINGS, "run", "--only", "alerts", "--config", str(self.config)]
        with self.log.open("ab") as log:
            environment = {"TIDINGS_METRICS_PORT": str(self.port)}
            self.process = subprocess.Popen(command, stderr=log, env=environment)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """As a rolling deploy stops it."""
        self.process.terminate()
        assert self.process.wait(timeout=30) == 0

    @contextmanager
    def freeze(self) -> Iterator[None]:
        """As a machine is that is moved, or out of memory."""
        os.kill(self.process.pid, signal.SIGSTOP)
        self.frozen = True
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)
            self.frozen = False

    def evaluated_while_standing_by(self) -> list[str]:
        active, found = False, []
        for line in self.log.read_text().splitlines():
            if "alert engine:" in line or "running alerts" in line:
                active = line.endswith("active")
            elif "evaluated up to" in line and not active:
                found.append(line)
        return found

    def active(self) -> bool:
        if self.frozen:
            return False
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
                return b"\ntidings_alerts_engine_active 1.0\n" in answer.read()
        except OSError:  # not started yet, or killed
            return False


@dataclass
class World:
    engines: tuple[Engine, Engine]
    store: Store
    hook: Hook

    def leader(self) -> Engine | None:
        """The active engine; there are never two."""
        active = [engine for engine in self.engines if engine.active()]
        assert len(active) <= 1
        return active[0] if active else None

    def wait(self, done: Callable[[], object], seconds: float = 30) -> float:
        began = time.monotonic()
        while not done():
            if time.monotonic() - began > seconds:
                logs = "\n".join(engine.log.read_text()[-3000:] for engine in self.engines)
                raise AssertionError(f"not in time:\n{logs}")
            time.sleep(0.1)
        return time.monotonic() - began

    def replace_leader(self, end: Callable[[Engine], None]) -> float:
        """Ends it by `end`; returns how many seconds it took until the other one was active."""
        leader = self.leader()
        assert leader
        began = time.monotonic()
        end(leader)
        self.wait(self.leader)
        seconds = time.monotonic() - began
        leader.start()  # it stands by
        return seconds

    def states(self) -> list[str]:
        return [alert.state for alert in self.store.alerts(10)]

    def tell(self, *minutes: float, bad: bool = False) -> None:
        """Stories at these minutes; the latest is what the engines take for now."""
        for minute in minutes:
            name = f"{'bad' if bad else 'calm'}-{minute}"
            item = scored(name, minute, p_negative=0.95 if bad else 0.05, entities=["Northgate"])
            self.store.insert([item])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    tmp_path = tmp_path_factory.mktemp("leader")
    with ExitStack() as parts:
        broker = parts.enter_context(embedded_broker(tmp_path / "broker.log"))
        server = StoreServer(tmp_path / "clickhouse", tmp_path / "fault")
        server.start()
        parts.callback(server.kill)
        hook = parts.enter_context(catch_webhooks())
        (tmp_path / "rules.yaml").write_text(_RULES)
        config = tmp_path / "tidings.toml"
        config.write_text(
            f'clock = "stream"\n[kafka]\nbootstrap_servers = ["{broker}"]\n'
            f"leader_session_timeout_ms = {SESSION_SECONDS * 1000}\n"
            f'[store]\nbackend = "server"\nhost = "127.0.0.1"\nport = {server.port}\n'
            f'[alerts]\nrules = "{tmp_path / "rules.yaml"}"\n'
            f"roll_every_seconds = 1\nexplain = false\n[outgoing]\nallow_private = true\n"
            f'[webhook]\nurl = "{hook.url}"\n'
        )
        store = open_store(StoreSettings(backend="server", port=server.port))
        parts.callback(store.close)
        engines = (Engine(config, tmp_path / "a.log"), Engine(config, tmp_path / "b.log"))
        for engine in engines:
            engine.start()
            parts.callback(engine.kill)
        yield World(engines, store, hook)


def test_kill_9_of_the_active_engine_neither_repeats_nor_loses_an_alert(world: World) -> None:
    world.tell(*range(0, 180, 5))
    world.wait(world.leader)
    world.tell(*(180 + number / 10 for number in range(12)), bad=True)
    world.tell(182)
    world.wait(lambda: world.states() == ["pending"])
    assert world.hook.received == []
    taken = [world.replace_leader(Engine.kill)]  # while it is pending

    world.tell(185)
    world.wait(lambda: world.states() == ["firing"])
    world.wait(lambda: world.hook.received)
    taken.append(world.replace_leader(Engine.kill))  # while it fires

    world.tell(186, 188)
    time.sleep(3)  # time to repeat it, if anything did
    assert world.states() == ["firing"]
    world.tell(*range(190, 200, 2))
    world.wait(lambda: world.states() == ["resolved"])
    world.wait(lambda: len(world.hook.received) >= 2)
    time.sleep(2)

    events = {r.headers["Idempotency-Key"]: json.loads(r.body)["event"] for r in world.hook.received}
    assert sorted(events.values()) == ["firing", "resolved"]
    fired = world.store.alerts(10)[0].fired_at
    assert fired
    assert fired <= T0 + timedelta(minutes=185)
    assert [engine.evaluated_while_standing_by() for engine in world.engines] == [[], []]
    print(f"\nkill -9 of the active engine: another was active after {taken[0]:.1f} and {taken[1]:.1f} s")


def test_a_stopped_engine_hands_over_and_a_frozen_one_is_replaced_and_stays_replaced(world: World) -> None:
    world.wait(world.leader)
    time.sleep(SESSION_SECONDS)  # the other one has joined
    print(
        f"\nSIGTERM of the active engine: another was active after {world.replace_leader(Engine.stop):.1f} s"
    )

    first = world.leader()
    assert first
    with first.freeze():
        world.wait(lambda: any(engine.active() for engine in world.engines))
        second = world.leader()
        assert second
    end = time.monotonic() + 2 * SESSION_SECONDS
    while time.monotonic() < end:  # it leads no more, though it was not told so
        assert world.leader() is second
        time.sleep(0.02)
