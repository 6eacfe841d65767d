"""`tidings dashboards …`: Grafana as code."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from alerts.rules import load_rules
from dashboards.datasource import datasource
from dashboards.grafana import Grafana
from dashboards.provision import FOLDER
from dashboards.provision import build as build_files
from dashboards.push import push as push_all
from service.options import ConfigOption
from tidings.settings import Settings, load_settings, read_secret

app = typer.Typer(no_args_is_help=True, help="Grafana dashboards, written as files or pushed.")


@app.command()
def build(
    folder: Annotated[Path, typer.Option(help="Where the provisioning files go.")] = Path("deploy/grafana"),
    protocol: Annotated[
        Literal["native", "http"],
        typer.Option(help="How Grafana asks ClickHouse; http is for the embedded store's sql.port, too."),
    ] = "native",
    config: ConfigOption = None,
) -> None:
    """Write the provisioning files that Grafana reads when it starts.

    Example: tidings dashboards build --folder deploy/grafana
    """
    for path in build_files(folder, budgets(load_settings(config)), protocol):
        typer.echo(str(path))


@app.command()
def push(
    url: Annotated[
        str, typer.Option(help="Grafana's address, such as http://localhost:3000; else grafana.url.")
    ] = "",
    token: Annotated[
        str, typer.Option(envvar="GRAFANA_TOKEN", help="Service account token; else grafana.token.")
    ] = "",
    user: Annotated[str, typer.Option(envvar="GRAFANA_USER")] = "",
    password: Annotated[str, typer.Option(envvar="GRAFANA_PASSWORD")] = "",
    folder_title: Annotated[str, typer.Option("--folder", help="Grafana's folder.")] = FOLDER,
    host: Annotated[
        str, typer.Option(help="ClickHouse's host as Grafana reaches it, if it is another than here.")
    ] = "",
    port: Annotated[int, typer.Option(help="And its port.")] = 0,
    keep_source: Annotated[
        bool, typer.Option("--keep-source", help="The data source is there: leave it as it is.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and what differs.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Create or update folder, data source and dashboards in a running Grafana. Safe to run again.

    Example: GRAFANA_TOKEN=… tidings dashboards push --url http://localhost:3000 --dry-run
    """
    settings = load_settings(config)
    given = settings.grafana
    own = "" if token or (user and password) else read_secret(given.token, given.token_file)
    source = None if keep_source else datasource(settings.store, settings.sql, host, port)
    with Grafana(url or given.url, token or own, user, password, given.timeout_seconds) as grafana:
        for line in push_all(grafana, budgets(settings), source, folder_title, dry_run):
            typer.echo(line)


def budgets(settings: Settings) -> dict[str, float]:
    """The false alarms a week of the rules that have a budget."""
    rules = load_rules(settings.alerts.rules)
    return {rule.name: rule.budget_per_week for rule in rules if rule.budget_per_week is not None}
