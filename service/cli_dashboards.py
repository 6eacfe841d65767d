"""`tidings dashboards …`: Grafana as code."""

from pathlib import Path
from typing import Annotated

import typer

from dashboards.grafana import build as build_files
from dashboards.grafana import push as push_all
from service.options import ConfigOption
from tidings.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Grafana dashboards, written as files or pushed.")


@app.command()
def build(
    folder: Annotated[Path, typer.Option(help="Where the provisioning files go.")] = Path("deploy/grafana"),
    config: ConfigOption = None,
) -> None:
    """Write the provisioning files that Grafana reads when it starts.

    Example: tidings dashboards build --folder deploy/grafana
    """
    for path in build_files(folder):
        typer.echo(str(path))


@app.command()
def push(
    url: Annotated[str, typer.Option(help="Grafana's address, such as http://localhost:3000.")],
    token: Annotated[str, typer.Option(envvar="GRAFANA_TOKEN", help="Service account token.")] = "",
    user: Annotated[str, typer.Option(envvar="GRAFANA_USER")] = "",
    password: Annotated[str, typer.Option(envvar="GRAFANA_PASSWORD")] = "",
    folder_title: Annotated[str, typer.Option("--folder", help="Grafana's folder.")] = "Tidings",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
    config: ConfigOption = None,
) -> None:
    """Create or update folder, data source and dashboards in a running Grafana. Safe to run again.

    Example: GRAFANA_TOKEN=… tidings dashboards push --url http://localhost:3000
    """
    store = load_settings(config).store
    given = store if store.backend == "server" else None
    for line in push_all(
        url,
        token=token,
        user=user,
        password=password,
        folder_title=folder_title,
        store=given,
        dry_run=dry_run,
    ):
        typer.echo(line)
