"""`tidings api keys …`: who may use the HTTP API, and for what."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from service.api_keys import SCOPES, create_key, read_keys, revoke_key
from service.options import ConfigOption, JsonOption
from tidings.errors import ConfigError
from tidings.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="The HTTP API.")
keys_app = typer.Typer(no_args_is_help=True, help="API keys: a name, scopes, and a hash in api.keys_file.")
app.add_typer(keys_app, name="keys")


@keys_app.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose it is, such as a program's or a person's name.")],
    scopes: Annotated[str, typer.Option(help=f"What for, comma separated: {', '.join(SCOPES)}.")] = "read",
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Make a key and show it, this once: only its hash is kept. A running service knows it at once.

    Example: tidings api keys create feed-reader --scopes ingest --config tidings.toml
    """
    wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
    key = create_key(_file(config), name, wanted)
    if as_json:
        typer.echo(json.dumps({"name": name, "scopes": wanted, "key": key}))
    else:
        typer.echo(key)
        typer.echo(f"{name} may {', '.join(wanted)}; the key is not shown again", err=True)


@keys_app.command("list")
def list_keys(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Names, scopes and ages; no keys, which nobody has kept.

    Example: tidings api keys list --config tidings.toml
    """
    keys = read_keys(_file(config))
    if as_json:
        rows = [{"name": key.name, "scopes": key.scopes, "created_at": key.created_at} for key in keys]
        typer.echo(json.dumps(rows))
        return
    table = Table("name", "scopes", "created")
    for key in keys:
        table.add_row(key.name, ", ".join(key.scopes), key.created_at)
    Console().print(table)


@keys_app.command()
def revoke(name: Annotated[str, typer.Argument(help="Whose key.")], config: ConfigOption = None) -> None:
    """Take a key away: a running service refuses it from its next request on.

    Example: tidings api keys revoke feed-reader --config tidings.toml
    """
    revoke_key(_file(config), name)
    typer.echo(f"the key {name} is revoked")


def _file(config: Path | None) -> Path:
    file = load_settings(config).api.keys_file
    if file is None:
        raise ConfigError('api.keys_file is not set: write keys_file = "api-keys.json" under [api]')
    return file
