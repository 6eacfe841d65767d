"""`tidings store …`: schema, counts, recomputation."""

import json
from dataclasses import asdict

import typer
from rich.console import Console
from rich.table import Table

from service.options import ConfigOption, JsonOption
from store.store import open_store
from tidings.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="The store's schema and counts.")


@app.command()
def migrate(config: ConfigOption = None) -> None:
    """Create or upgrade the schema. Safe to run again.

    Example: tidings store migrate --config tidings.toml
    """
    store = open_store(load_settings(config).store)
    typer.echo(f"schema version {store.status().schema_version}")
    store.close()


@app.command()
def status(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """How much is stored, and how far the windows have come.

    Example: tidings store status --json
    """
    store = open_store(load_settings(config).store)
    values = asdict(store.status())
    store.close()
    if as_json:
        typer.echo(json.dumps(values, default=str))
        return
    table = Table(show_header=False, box=None)
    for name, value in values.items():
        table.add_row(name.replace("_", " "), f"{value:,}" if isinstance(value, int) else str(value))
    Console().print(table)
