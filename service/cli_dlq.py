"""`tidings dlq …`: dead letters, looked at and sent back."""

import base64
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from ingest import dlq
from ingest.dead_letters import Headers
from ingest.dlq import Entry, Position, ReplayReport
from ingest.kafka import Producer, read_each
from ingest.message import Message
from service.dlq_text import printable, safe
from service.options import ConfigOption, JsonOption
from service.progress import counter
from tidings.errors import ConfigError, TidingsError
from tidings.settings import KafkaSettings, load_settings

app = typer.Typer(no_args_is_help=True, help="Dead letters: messages that could not become items.")
ReasonOption = Annotated[str, typer.Option(help="Only letters with this reason.")]


@app.command("list")
def list_letters(
    reason: Annotated[str, typer.Option(help="List the letters of this reason one by one.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many letters (with --reason).")] = 20,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """What waits in the dead-letter topic, grouped by reason; with --reason the oldest letters waiting.

    Example: tidings dlq list --reason invalid_json
    """
    kafka = load_settings(config).kafka
    if reason:
        _list_one(kafka, reason, limit, as_json)
        return
    with _letters(kafka) as letters:
        groups = dlq.group(letters)
    if as_json:
        rows = [{**asdict(one), "example": str(one.example)} for one in groups]
        typer.echo(json.dumps(rows, default=str))
        return
    if not groups:
        typer.echo(f"no dead letters in {kafka.dead_letter_topic}")
        return
    table = Table(Column("reason", no_wrap=True), "waiting", "replayed", "first", "last")
    table.add_column("example", no_wrap=True)
    table.add_column("detail")
    for one in groups:
        counts = (f"{one.waiting:,}", f"{one.replayed:,}")
        times = (f"{one.first:%Y-%m-%d %H:%M}", f"{one.last:%Y-%m-%d %H:%M}")
        table.add_row(_cell(one.reason), *counts, *times, str(one.example), _cell(one.detail))
    Console().print(table)


@app.command()
def show(
    position: Annotated[str, typer.Argument(help="PARTITION:OFFSET as listed; an OFFSET alone is 0:OFFSET.")],
    raw: Annotated[
        bool, typer.Option("--raw", help="Write the original bytes to stdout, nothing else.")
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """One dead letter: where it came from, why it failed, what today's Tidings says, and its bytes.

    Examples: tidings dlq show 0:17 · tidings dlq show 0:17 --raw > message.json
    """
    kafka = load_settings(config).kafka
    at = _position(position)
    letter = dlq.letter_at(read_each(kafka, kafka.dead_letter_topic, at), at)
    if letter is None:
        raise TidingsError(
            f"no dead letter at {at} of {kafka.dead_letter_topic}: see `tidings dlq list --reason`"
        )
    message = letter.message
    value = message.value or b""
    if raw:
        sys.stdout.buffer.write(value)
        sys.stdout.buffer.flush()
        return
    today = dlq.why_invalid(message, datetime.now(UTC)) or "can be decoded"
    facts = {
        "position": str(at),
        "reason": letter.reason,
        "detail": letter.detail,
        "failed_at": letter.failed_at.isoformat(),
        "original_topic": message.kafka_topic,
        "original_partition": message.partition,
        "original_offset": message.offset,
        "original_timestamp_ms": message.timestamp_ms,
        "today": today,
        "bytes": len(value),
    }
    if as_json:
        coded = {
            "key": None if message.key is None else base64.b64encode(message.key).decode(),
            "value": None if message.value is None else base64.b64encode(value).decode(),
        }
        typer.echo(json.dumps({**facts, **{f"{name}_base64": text for name, text in coded.items()}}))
        return
    table = Table(show_header=False, box=None)
    for name, fact in facts.items():
        table.add_row(name.replace("_", " "), _cell(str(fact)))
    if message.key is not None:
        table.add_row("key", _cell(printable(message.key)))
    Console().print(table)
    typer.echo("\n" + printable(value))


@app.command()
def replay(
    reason: ReasonOption = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Send nothing; say what would be sent.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Send dead letters back to the topics they came from, after a fix. Running it again sends nothing twice.

    What this Tidings still cannot decode stays where it is, and is counted.

    Example: tidings dlq replay --reason unknown_kind --dry-run
    """
    kafka = load_settings(config).kafka
    with _letters(kafka) as letters:
        chosen = (one for one in letters if not reason or one.letter.reason == reason)
        report = _replay(kafka, chosen, dry_run)
    if as_json:
        typer.echo(json.dumps({**asdict(report), "dry_run": dry_run}))
        return
    typer.echo(f"{'would send' if dry_run else 'sent'} {report.sent:,} of {report.looked_at:,} letters")
    if report.already_replayed:
        typer.echo(f"replayed before: {report.already_replayed:,}")
    for why, count in sorted(report.invalid.items()):
        typer.echo(f"still invalid, not sent: {count:,} {why}")
    if report.foreign:
        typer.echo(f"from topics that are not in kafka.topics, not sent: {report.foreign:,}")


def _replay(kafka: KafkaSettings, letters: Iterator[Entry], dry_run: bool) -> ReplayReport:
    producer = None if dry_run else Producer(kafka)
    try:
        return dlq.replay(
            letters,
            producer,
            dead_letter_topic=kafka.dead_letter_topic,
            topics=kafka.topics,
            now=datetime.now(UTC),
        )
    finally:
        if producer:
            producer.close()


def _list_one(kafka: KafkaSettings, reason: str, limit: int, as_json: bool) -> None:
    with _letters(kafka) as letters:
        waiting = (one for one in letters if one.letter.reason == reason and not one.replayed)
        found = [_row(one) for one in islice(waiting, limit)]
    if as_json:
        typer.echo(json.dumps(found))
        return
    if not found:
        typer.echo(f"no letters waiting with the reason {safe(reason)}")
        return
    table = Table(*found[0])
    for row in found:
        table.add_row(*(_cell(str(value)) for value in row.values()))
    Console().print(table)


def _row(entry: Entry) -> dict[str, object]:
    message = entry.letter.message
    return {
        "position": str(entry.position),
        "failed_at": entry.letter.failed_at.isoformat(timespec="seconds"),
        "from": f"{message.kafka_topic}:{message.partition}:{message.offset}",
        "bytes": len(message.value or b""),
        "detail": entry.letter.detail,
    }


@contextmanager
def _letters(kafka: KafkaSettings) -> Iterator[Iterator[Entry]]:
    """The topic's letters, with a count of what was read on stderr while a person waits."""
    with counter() as progress:
        task = progress.add_task("reading")

        def read() -> Iterator[tuple[Message, Headers]]:
            for count, record in enumerate(read_each(kafka, kafka.dead_letter_topic), 1):
                if count % 1000 == 0:
                    progress.update(task, description=f"{count:,} messages read")
                yield record

        yield dlq.entries(read)


def _position(text: str) -> Position:
    partition, _, offset = text.rpartition(":")
    parts = (partition or "0", offset)
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        raise ConfigError(f"{text!r} is not a position: write PARTITION:OFFSET, such as 0:17")
    return Position(int(parts[0]), int(parts[1]))


def _cell(text: str) -> str:
    return escape(safe(text))
