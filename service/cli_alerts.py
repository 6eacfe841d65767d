"""`tidings rules …` and `tidings alerts …`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from alerts.receivers.words import advise, summarise
from alerts.rules import describe, load_rules
from service.options import ConfigOption, JsonOption
from store.store import open_store
from tidings.errors import TidingsError
from tidings.highlight import say_words
from tidings.settings import load_settings

rules_app = typer.Typer(no_args_is_help=True, help="Alert rules.")
alerts_app = typer.Typer(no_args_is_help=True, help="Alerts: what is firing and what has fired.")


@rules_app.command()
def check(
    file: Annotated[Path | None, typer.Argument(help="Rules file (YAML); none: the rules in use.")] = None,
    config: ConfigOption = None,
) -> None:
    """Validate rules, and say in words what each one does.

    Example: tidings rules check deploy/rules.example.yaml
    """
    rules = load_rules(file or load_settings(config).alerts.rules)
    for rule in rules:
        typer.echo(f"{rule.name}: {describe(rule)}")
    typer.echo(f"{len(rules)} rule{'s' if len(rules) != 1 else ''}, all valid")


@alerts_app.command("list")
def list_alerts(
    limit: Annotated[int, typer.Option(min=1)] = 20, as_json: JsonOption = False, config: ConfigOption = None
) -> None:
    """The latest alerts, newest first.

    Example: tidings alerts list --limit 5
    """
    store = open_store(load_settings(config).store)
    alerts = store.alerts(limit)
    store.close()
    if as_json:
        typer.echo(json.dumps([asdict(alert) for alert in alerts], default=str))
        return
    table = Table("id", "state", "started", "severity", "rule", "on", "value", "expected")
    for a in alerts:
        on = escape(a.key or a.scope)
        row = (a.alert_id, a.state, f"{a.started_at:%Y-%m-%d %H:%M}", a.severity, a.rule, on)
        table.add_row(*row, f"{a.value:.1f}", f"{a.expected:.2f}")
    Console().print(table)


@alerts_app.command()
def show(alert_id: str, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """One alert with its evidence. The first letters of its id are enough.

    Example: tidings alerts show 3f2a
    """
    store = open_store(load_settings(config).store)
    found = [alert for alert in store.alerts(10_000) if alert.alert_id.startswith(alert_id)]
    store.close()
    if len(found) != 1:
        what = "no alert has" if not found else f"{len(found)} alerts have"
        raise TidingsError(f"{what} an id that starts with {alert_id!r}: see `tidings alerts list`")
    alert = found[0]
    if as_json:
        typer.echo(json.dumps(asdict(alert), default=str))
        return
    typer.echo(f"{alert.severity} {alert.rule} on {alert.key or alert.scope}: {alert.state}")
    typer.echo(f"started {alert.started_at}, fired {alert.fired_at}, resolved {alert.resolved_at}")
    if advice := advise(alert):
        typer.echo(f"{summarise(alert)}. {advice}")
    else:
        typer.echo(
            f"negative stories {alert.value:.1f}, expected {alert.expected:.2f}, p {alert.p_value:.2g}"
        )
    for story in alert.evidence:
        typer.echo(f"  {story.published_at:%Y-%m-%d %H:%M} {story.sentiment:+.2f} {story.title}")
        typer.echo(f"      {story.source}, reach {story.reach} {story.url}")
        if story.words:
            typer.echo(f"      moved by {say_words(story.words)}")
