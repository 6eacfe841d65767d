"""`tidings store audit` and `tidings store reconcile`: the counts, proven."""

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from service.options import ConfigOption, JsonOption, parse_time
from service.progress import progress
from store.audit import SUMS, PartitionAudit
from store.reconcile import Difference, Reconciliation
from store.store import open_store
from tidings.errors import ConfigError
from tidings.settings import load_settings

_SHOWN = 50  # rows of a table that a person reads; --json has them all
_WIDEST = 400
FromOption = Annotated[str, typer.Option("--from", help="From this time on (RFC 3339, UTC).")]
ToOption = Annotated[str, typer.Option("--to", help="Up to, and without, this time (RFC 3339, UTC).")]


def audit(
    from_: FromOption = "", to: ToOption = "", as_json: JsonOption = False, config: ConfigOption = None
) -> None:
    """What became of every Kafka offset: consumed = stored + duplicates + dead letters + erased + expired.

    Per partition. A period is the time at which offsets were recorded; without one it is everything. Exits 1 when an
    offset is unexplained: its message was read, and its item is nowhere.

    Example: tidings store audit --from 2026-03-02
    """
    start, end = _period(from_, to)
    store = open_store(load_settings(config).store)
    with progress() as bar:
        task = bar.add_task("looking up", total=1.0)
        rows = store.audit(start, end, lambda part: bar.update(task, completed=part))
    store.close()
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows]))
    else:
        _print_audit(rows)
    if any(row.unexplained for row in rows):
        raise typer.Exit(1)


def reconcile(
    from_: FromOption = "",
    to: ToOption = "",
    repair: Annotated[bool, typer.Option("--repair", help="Recompute the minutes that differ.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Compare the windows of a period with a count of their items from scratch.

    The period is of publication times; without one it is the last day of the stream. Minutes that are yet to be rolled
    are not compared. Exits 1 when a window differs; with --repair, when one still does afterwards.

    Example: tidings store reconcile --from 2026-03-02 --to 2026-03-09 --repair
    """
    start, end = _period(from_, to)
    store = open_store(load_settings(config).store)
    until = end or (store.last_published() or datetime.now(UTC)) + timedelta(minutes=1)
    since = start or until - timedelta(days=1)
    found = store.reconcile(since, until)
    repaired = store.repair(found.differences) if repair and found.differences else 0
    left = store.reconcile(since, until) if repaired else found
    store.close()
    if as_json:
        values = {
            **asdict(found),
            "differing": found.differing,
            "repaired_minutes": repaired,
            "left": left.differing,
        }
        typer.echo(json.dumps(values, default=str))
    else:
        _print_reconciliation(found, since, until)
        if repaired:
            typer.echo(f"{repaired:,} minutes recomputed; {left.differing:,} windows still differ")
    if left.differing:
        raise typer.Exit(1)


def _period(from_: str, to: str) -> tuple[datetime | None, datetime | None]:
    start = parse_time(from_, "--from") if from_ else None
    end = parse_time(to, "--to") if to else None
    if start and end and start >= end:
        raise ConfigError("--from must be before --to")
    return start, end


def _print_audit(rows: Sequence[PartitionAudit]) -> None:
    if not rows:
        typer.echo("no offset was recorded in that time")
        return
    table = Table("topic", "partition", "first", "last", *(name.replace("_", " ") for name in SUMS))
    for column in table.columns[1:]:
        column.justify = "right"
    for row in rows:
        topic, *numbers = (getattr(row, field.name) for field in fields(row))
        table.add_row(topic, *(f"{number:,}" for number in numbers))
    if len(rows) > 1:
        table.add_section()
        sums = (sum(getattr(row, name) for row in rows) for name in SUMS)
        table.add_row("all", "", "", "", *(f"{number:,}" for number in sums))
    wide = Console(width=_WIDEST)
    # On a narrower terminal its lines are wrapped: a figure that is cut would prove nothing.
    wide.print(table, width=max(Console().width, wide.measure(table).maximum))


def _print_reconciliation(found: Reconciliation, start: datetime, end: datetime) -> None:
    if found.differences:
        table = Table("scope", "key", "minute", "what", "windows say", "items say")
        for one in found.differences[:_SHOWN]:
            table.add_row(*_cells(one))
        Console().print(table)
        if len(found.differences) > _SHOWN:
            typer.echo(f"… and {len(found.differences) - _SHOWN:,} more; --json shows all")
    typer.echo(
        f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC: {found.windows:,} windows compared,"
        f" {found.differing:,} differ; {found.waiting:,} minutes wait for a roll"
    )


def _cells(one: Difference) -> tuple[str, ...]:
    return (
        one.scope, one.key, f"{one.start:%Y-%m-%d %H:%M}", one.what.replace("_", " "),
        f"{one.windows_say:,g}", f"{one.items_say:,g}",
    )  # fmt: skip
