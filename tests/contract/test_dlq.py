"""Dead letters over a real broker: seen by reason, read byte for byte, sent back once and stored once."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Timer
from typing import Any

import pytest
from typer.testing import CliRunner

from ingest import dlq, kafka
from ingest.dead_letters import DeadLetter
from ingest.message import Message
from ingest.pipeline import run
from service import cli
from store.store import open_store
from tests.contract.test_broker_pipeline import classify
from tidings.settings import KafkaSettings, StoreSettings

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
GOOD = json.dumps({"title": "Bank fails", "published_at": "2026-03-02T08:00:00Z", "source": "wire"}).encode()
BROKEN = b'{"title": "\xff\x00\x1b[31m'


def letter(
    settings: KafkaSettings, value: bytes | None, reason: str, offset: int, **changes: Any
) -> DeadLetter:
    message = Message(
        changes.get("topic", settings.topics[0]), 0, offset, value, b"\x00key", 1_700_000_000_000
    )
    return DeadLetter(message, reason, f"{reason} at {offset}", AT + timedelta(minutes=offset))


@pytest.fixture
def config(kafka_settings: KafkaSettings, tmp_path: Path) -> Path:
    file = tmp_path / "tidings.toml"
    file.write_text(
        f"[kafka]\nbootstrap_servers = {json.dumps(kafka_settings.bootstrap_servers)}\n"
        f"topics = {json.dumps(kafka_settings.topics)}\n"
        f'dead_letter_topic = "{kafka_settings.dead_letter_topic}"\n'
    )
    return file


@pytest.fixture
def letters(kafka_settings: KafkaSettings) -> list[DeadLetter]:
    """What an older Tidings left: one that can be read today, two that cannot, one of a topic no longer read."""
    found = [
        letter(kafka_settings, BROKEN, "invalid_utf8", 1),
        letter(kafka_settings, GOOD, "unknown_kind", 2),
        letter(kafka_settings, BROKEN + b"!", "invalid_utf8", 3),
        letter(kafka_settings, GOOD, "unknown_kind", 4, topic="elsewhere"),
    ]
    producer = kafka.DeadLetterProducer(kafka_settings)
    producer.send(found)
    producer.close()
    return found


def tidings(config: Path, *arguments: str) -> Any:
    done = CliRunner().invoke(cli.app, ["dlq", *arguments, "--config", str(config)])
    assert done.exit_code == 0, (done.output, done.exception)
    return done


def as_json(config: Path, *arguments: str) -> Any:
    return json.loads(tidings(config, *arguments, "--json").stdout)


def test_letters_are_listed_by_reason_and_one_by_one(config: Path, letters: Sequence[DeadLetter]) -> None:
    groups = as_json(config, "list")
    assert [(one["reason"], one["waiting"], one["replayed"], one["example"]) for one in groups] == [
        ("invalid_utf8", 2, 0, "0:0"),
        ("unknown_kind", 2, 0, "0:1"),
    ]
    assert (groups[0]["first"], groups[0]["last"]) == (
        str(AT + timedelta(minutes=1)),
        str(AT + timedelta(minutes=3)),
    )
    assert groups[0]["detail"] == "invalid_utf8 at 1"
    assert "invalid_utf8" in tidings(config, "list").stdout
    listed = as_json(config, "list", "--reason", "invalid_utf8")
    assert [one["position"] for one in listed] == ["0:0", "0:2"]
    assert listed[0]["from"] == f"{letters[0].message.kafka_topic}:0:1"
    assert len(as_json(config, "list", "--reason", "invalid_utf8", "--limit", "1")) == 1


def test_a_letter_is_shown_with_its_bytes(config: Path, letters: Sequence[DeadLetter]) -> None:
    assert tidings(config, "show", "0:0", "--raw").stdout_bytes == BROKEN
    shown = tidings(config, "show", "0:0").stdout
    assert "ff 00 1b" in shown
    assert "\x1b" not in shown
    assert "invalid_utf8 at 1" in shown
    readable = tidings(config, "show", "1").stdout
    assert GOOD.decode() in readable
    assert "can be decoded" in readable
    missing = CliRunner().invoke(cli.app, ["dlq", "show", "0:99", "--config", str(config)])
    assert missing.exit_code == 1
    assert "no dead letter at 0:99" in str(missing.exception)


def test_replayed_letters_are_stored_once_and_sent_once(
    config: Path, letters: Sequence[DeadLetter], kafka_settings: KafkaSettings, tmp_path: Path
) -> None:
    dry = as_json(config, "replay", "--dry-run")
    assert dry == {
        "looked_at": 4, "sent": 1, "already_replayed": 0, "invalid": {"invalid_utf8": 2}, "foreign": 1, "dry_run": True,
    }  # fmt: skip
    assert sent_back(kafka_settings) == []
    assert as_json(config, "replay", "--reason", "invalid_utf8")["sent"] == 0
    assert as_json(config, "replay", "--reason", "unknown_kind")["sent"] == 1
    again = as_json(config, "replay")
    assert (again["sent"], again["already_replayed"]) == (0, 1)
    assert sent_back(kafka_settings) == [(GOOD, b"\x00key")]
    assert {one["reason"]: one["replayed"] for one in as_json(config, "list")} == {
        "invalid_utf8": 0,
        "unknown_kind": 1,
    }
    assert stored(kafka_settings, tmp_path) == ["Bank fails"]


def test_a_crash_before_the_mark_sends_again_and_counts_once(
    letters: Sequence[DeadLetter], kafka_settings: KafkaSettings, tmp_path: Path
) -> None:
    class Dies:
        """The real producer, until the mark is due."""

        def __init__(self) -> None:
            self.producer = kafka.Producer(kafka_settings)

        def send(self, topic: str, value: bytes | None, key: bytes | None = None, headers: Any = ()) -> None:
            if headers:
                raise KeyboardInterrupt
            self.producer.send(topic, value, key)

        def flush(self) -> None:
            self.producer.flush()

    def replay(publisher: dlq.Publisher) -> int:
        found = dlq.entries(lambda: kafka.read_each(kafka_settings, kafka_settings.dead_letter_topic))
        topics = kafka_settings.topics
        return dlq.replay(
            found,
            publisher,
            dead_letter_topic=kafka_settings.dead_letter_topic,
            topics=topics,
            now=datetime.now(UTC),
        ).sent

    dies = Dies()
    with pytest.raises(KeyboardInterrupt):
        replay(dies)
    assert [replay(dies.producer), replay(dies.producer)] == [1, 0]
    dies.producer.close()
    assert len(sent_back(kafka_settings)) == 2
    assert stored(kafka_settings, tmp_path) == ["Bank fails"]


@pytest.mark.parametrize("topic", ["same", "missing"])
def test_an_empty_or_missing_topic(topic: str, config: Path, kafka_settings: KafkaSettings) -> None:
    if topic == "missing":
        config.write_text(config.read_text().replace("dead.", "never."))
    assert "no dead letters" in tidings(config, "list").stdout
    assert as_json(config, "list") == []
    assert as_json(config, "replay")["looked_at"] == 0
    assert "never." not in str(kafka.topic_partitions(kafka_settings))


def test_more_letters_than_are_marked_at_once_and_a_damaged_mark(
    kafka_settings: KafkaSettings, config: Path
) -> None:
    producer = kafka.DeadLetterProducer(kafka_settings)
    producer.send([letter(kafka_settings, GOOD, "unknown_kind", n) for n in range(1203)])
    producer.close()
    writer = kafka.Producer(kafka_settings)
    for damaged in (b"[[0]]", b"\xff", b"", b"[1]"):
        writer.send(kafka_settings.dead_letter_topic, damaged, None, [(dlq.MARK, b"1")])
    writer.close()
    assert as_json(config, "replay")["sent"] == 1203
    assert as_json(config, "replay")["already_replayed"] == 1203
    assert len(sent_back(kafka_settings)) == 1203


def sent_back(settings: KafkaSettings) -> list[tuple[bytes | None, bytes | None]]:
    return [(message.value, message.key) for message, _ in kafka.read_all(settings, settings.topics[0])]


def stored(settings: KafkaSettings, folder: Path) -> list[str]:
    """The titles in a fresh store, after the pipeline has read everything."""
    store = open_store(StoreSettings(folder=folder / "store"))
    expected = len(sent_back(settings))
    stop, seen = Event(), 0

    def count(report: Any) -> None:
        nonlocal seen
        seen += report.messages
        if seen >= expected:
            stop.set()

    giving_up = Timer(30, stop.set)
    giving_up.start()
    source, dead = kafka.GroupConsumer(settings), kafka.DeadLetterProducer(settings)
    try:
        run(source, dead, classify, store.insert, stop, on_batch=count)
        assert seen == expected
        return [
            json.loads(line)["title"]
            for line in store.sql("SELECT title FROM items", "JSONEachRow").splitlines()
        ]
    finally:
        giving_up.cancel()
        source.close()
        dead.close()
        store.close()


def test_a_message_of_nothing_at_all_is_a_dead_letter_too(kafka_settings: KafkaSettings) -> None:
    """Neither value nor key: other clients can send it, and kafka-python refuses to."""
    nothing = DeadLetter(Message(kafka_settings.topics[0], 0, 7, None, None, 1), "invalid_json", "empty", AT)
    producer = kafka.DeadLetterProducer(kafka_settings)
    producer.send([nothing])
    producer.close()
    found = list(dlq.entries(lambda: kafka.read_each(kafka_settings, kafka_settings.dead_letter_topic)))
    assert [(one.letter.message.offset, one.letter.message.value) for one in found] == [(7, b"")]
