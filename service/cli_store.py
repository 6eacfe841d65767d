"""`tidings store …`: schema and counts; with those of cli_repair.py."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from service import cli_proof
from service.cli_repair import app as repair_app
from service.options import ConfigOption, JsonOption
from store.analyst import make_analyst
from store.migrate import pending, preview
from store.store import open_store
from tidings.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="The store's schema and counts.")
_KEEP = ("keep_items_days", "keep_windows_days", "keep_consumed_days")

app.command()(cli_proof.audit)
app.command()(cli_proof.reconcile)
app.add_typer(repair_app)  # without a name: its commands are this group's


@app.command()
def migrate(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the statements that are missing, and run none.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Create or upgrade the schema. Safe to run again, and to interrupt.

    Example: tidings store migrate --dry-run --config tidings.toml
    """
    settings = load_settings(config).store
    if dry_run:
        typer.echo(preview(pending(settings), settings.cluster, settings.database) or "-- nothing is missing")
        return
    store = open_store(settings)
    typer.echo(f"schema version {store.status().schema_version}")
    store.close()


@app.command()
def analyst(config: ConfigOption = None) -> None:
    """Create or renew a server's user for analysts: reads only, within limits and a quota.

    Example: tidings store analyst --config tidings.toml
    """
    settings = load_settings(config).store
    name = make_analyst(settings)
    typer.echo(f"user {name} reads the database {settings.database}")


@app.command()
def status(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """How much is stored, how far the windows have come, and what became of the last day's Kafka offsets.

    Example: tidings store status --json
    """
    settings = load_settings(config).store
    store = open_store(settings)
    values = asdict(store.status())
    store.close()
    keep = {name: getattr(settings, name) for name in _KEEP if getattr(settings, name)}  # 0 is for ever
    values |= keep
    if as_json:
        typer.echo(json.dumps(values, default=str))
        return
    table = Table(show_header=False, box=None)
    for name, value in values.items():
        table.add_row(name.replace("_", " "), f"{value:,}" if isinstance(value, int) else str(value))
    Console().print(table)
