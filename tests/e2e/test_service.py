"""`tidings run` as an operator runs it: broker → store → alert → SMTP and HTTP, SIGTERM, and a second start."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.embedded import embedded_broker
from ingest.kafka import Producer, create_topics, read_all
from service.demo_catchers import Hook, Mailbox, catch_mail, catch_webhooks
from service.demo_story import RULES, expected, story
from tests.started import started
from tidings.settings import KafkaSettings

TIDINGS = str(Path(sys.executable).with_name("tidings"))


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[tuple[Path, str, Mailbox, Hook]]:
    """A broker, an SMTP server, an HTTP server, and a settings file that names them."""
    with ExitStack() as parts:
        broker = parts.enter_context(embedded_broker())
        mailbox, hook = parts.enter_context(catch_mail()), parts.enter_context(catch_webhooks())
        config = tmp_path / "tidings.toml"
        config.write_text(
            f"""clock = "stream"
[kafka]
bootstrap_servers = ["{broker}"]
session_timeout_ms = 6000
[api]
port = 0
[store]
folder = "{tmp_path / "store"}"
[alerts]
rules = "{RULES}"
roll_every_seconds = 1
[email]
host = "{mailbox.host}"
port = {mailbox.port}
recipients = ["desk@example.com"]
[webhook]
url = "{hook.url}"
secret = "not-in-any-log"
[outgoing]
allow_private = true
"""
        )
        yield config, broker, mailbox, hook


def tidings(config: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [TIDINGS, *arguments, "--config", str(config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def wait_for(condition: Callable[[], object], process: "subprocess.Popen[str]", seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def stop(process: "subprocess.Popen[str]") -> str:
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return errors


def test_from_kafka_to_mail_and_webhook(outside: tuple[Path, str, Mailbox, Hook]) -> None:
    config, broker, mailbox, hook = outside
    checked = tidings(config, "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "minilm" in checked.stdout

    settings = KafkaSettings(bootstrap_servers=(broker,))
    create_topics(settings)
    producer = Producer(settings)
    messages = story(datetime.now(UTC))
    for message in messages:
        producer.send(message.kafka_topic, message.value)
    producer.flush()
    producer.close()

    command = [TIDINGS, "run", "--config", str(config)]
    with started(command) as process:
        wait_for(lambda: mailbox.received and hook.received, process)
        wait_for(
            lambda: len(read_all(settings, settings.dead_letter_topic)) == expected(messages).malformed,
            process,
        )
        time.sleep(1)
        log = stop(process)
    assert "Traceback" not in log
    assert "not-in-any-log" not in log
    body = json.loads(hook.received[0].body)
    assert (body["event"], body["alert"]["key"]) == ("firing", "Northgate Bank")
    assert any(story["words"] for story in body["alert"]["evidence"])

    # A second start reads on where the first stopped, and tells nobody twice.
    told = (len(mailbox.received), len(hook.received))
    with started(command) as process:
        time.sleep(10)
        log = stop(process)
    keys = [request.headers["Idempotency-Key"] for request in hook.received]
    assert len(keys) == len(set(keys)), "each notification came once"
    assert (len(mailbox.received), len(hook.received)) >= told

    status = json.loads(tidings(config, "store", "status", "--json").stdout)
    assert status["items"] == expected(messages).items
    listed = tidings(config, "alerts", "list", "--json")
    alerts = json.loads(listed.stdout)
    assert alerts[0]["key"] == "Northgate Bank"
    shown = tidings(config, "alerts", "show", alerts[0]["alert_id"])
    assert "negative stories" in shown.stdout


def test_replay_twice_changes_no_count(outside: tuple[Path, str, Mailbox, Hook], tmp_path: Path) -> None:
    config, _, _, _ = outside
    rows = [
        {"published_at": f"2026-01-05T10:{i % 60:02}:00Z", "title": f"Headline number {i} of Corvane Energy"}
        for i in range(200)
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for _ in range(2):
        sent = tidings(config, "replay", str(file))
        assert sent.returncode == 0, sent.stderr
        assert "200" in sent.stdout
    log = tmp_path / "log"
    with (
        log.open("w") as stream,
        started([TIDINGS, "run", "--config", str(config), "--only", "ingest,windows"], stream) as process,
    ):
        time.sleep(15)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, log.read_text()
    status = json.loads(tidings(config, "store", "status", "--json").stdout)
    assert (status["items"], status["minutes"]) == (200, 60)


def test_what_cannot_be_reached_is_one_clear_line_and_exit_2(tmp_path: Path) -> None:
    config = tmp_path / "tidings.toml"
    config.write_text(
        f'[kafka]\nbootstrap_servers = ["127.0.0.1:1"]\n[api]\nport = 0\n[store]\nfolder = "{tmp_path / "store"}"\n'
        '[email]\nhost = "127.0.0.1"\nport = 1\nrecipients = ["a@example.com"]\n'
    )
    run = tidings(config, "run")
    assert run.returncode == 2
    last = run.stderr.strip().splitlines()[-1]
    assert last.startswith("tidings: Kafka cannot be reached at 127.0.0.1:1")
    assert "Traceback" not in run.stderr
    checked = tidings(config, "check", "--json")
    assert checked.returncode == 2
    found = {check["part"]: check["ok"] for check in json.loads(checked.stdout)}
    assert found == {
        "model": True,
        "broker": False,
        "store": True,
        "rules": True,
        "receiver email": False,
    }
