"""`tidings rules …` and `tidings alerts …`."""

import json
import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from alerts.receivers.telling import share_of
from alerts.receivers.words import advise, summarise
from alerts.routing import Situation, make_policy, why_quiet
from alerts.rules import describe, load_rules
from service.alert_text import entry, figures, same_in_sql, telling
from service.cli_silence import silence_app
from service.options import AuthorOption, ConfigOption, JsonOption, one_by_id, parse_for, parse_time
from store.store import Store, open_store
from tidings.highlight import say_words
from tidings.settings import load_settings
from tidings.types import Acknowledgement, Alert

rules_app = typer.Typer(no_args_is_help=True, help="Alert rules.")
alerts_app = typer.Typer(no_args_is_help=True, help="Alerts: what is firing and what has fired.")
alerts_app.add_typer(silence_app, name="silence")


class State(StrEnum):
    """What an alert can be."""

    pending = "pending"
    firing = "firing"
    resolved = "resolved"


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
    state: Annotated[State | None, typer.Option(help="Only alerts in this state.")] = None,
    rule: Annotated[str, typer.Option(help="Only alerts of the rule of this name.")] = "",
    key: Annotated[str, typer.Option(help="Only alerts on this name, topic or source.")] = "",
    since: Annotated[
        str, typer.Option(help="Only those that began at this time or later, or so long ago: 2026-01-31, 7d.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1)] = 20,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """The latest alerts, newest first: two lines each, the second with the id that the other commands take.

    Example: tidings alerts list --state firing --since 7d
    """
    filters = {"state": state.value if state else "", "rule": rule, "key": key}
    with _store(config) as store:
        alerts = store.alerts(limit, filters, _since(since) if since else None)
        seen = {one.alert_id: one for one in store.outbox.acknowledgements([a.alert_id for a in alerts])}
    if as_json:
        found = [asdict(a) | {"acknowledgement": _dict(seen.get(a.alert_id))} for a in alerts]
        typer.echo(json.dumps(found, default=str))
        return
    if not alerts:
        typer.echo("no alerts")
    for alert in alerts:
        for line in entry(alert, seen.get(alert.alert_id)):
            typer.echo(line)


@alerts_app.command()
def show(alert_id: str, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """One alert: its figures, its evidence, and which notifications went where. The first letters of its id are enough.

    Example: tidings alerts show 3f2a
    """
    with _store(config) as store:
        alert = _find(store, alert_id)
        notes = store.outbox.notifications_of(alert.alert_id)
        seen = store.outbox.acknowledgements([alert.alert_id])
        quiet = _quiet(store, alert, seen, config)
    if as_json:
        sent = [{key: value for key, value in asdict(note).items() if key != "alerts"} for note in notes]
        document = asdict(alert) | {"notifications": sent, "acknowledgements": [asdict(one) for one in seen]}
        document["quiet"] = quiet
        typer.echo(json.dumps(document, default=str))
        return
    typer.echo(f"{alert.severity} {alert.rule} on {alert.key or alert.scope}: {alert.state}")
    typer.echo(f"started {alert.started_at}, fired {alert.fired_at}, resolved {alert.resolved_at}")
    typer.echo(f"{summarise(alert)}. {advise(alert)}".rstrip())
    for line in figures(alert):
        typer.echo(line)
    for story in alert.evidence:
        typer.echo(f"  {story.published_at:%Y-%m-%d %H:%M} {story.sentiment:+.2f} {story.title}")
        part = f", {share} of it" if (share := share_of(story, alert)) else ""
        typer.echo(f"      {story.source}, reach {story.reach}{part} {story.url}")
        if story.words:
            typer.echo(f"      moved by {say_words(story.words)}")
    for line in [
        *same_in_sql(alert),
        *telling(alert, notes, seen),
        *(f"not told now: {one}" for one in quiet),
    ]:
        typer.echo(line)


@alerts_app.command()
def ack(
    alert_id: str,
    author: AuthorOption,
    note: Annotated[str, typer.Option(help="What is being done about it.")] = "",
    snooze: Annotated[
        str, typer.Option(help="Tell nothing about it for so long, such as 2h; not even its end.")
    ] = "",
    config: ConfigOption = None,
) -> None:
    """Say that somebody has seen an alert: it is not repeated. The first letters of its id are enough.

    Example: tidings alerts ack 3f2a --author kim --note "calling the desk" --snooze 2h
    """
    now = datetime.now(UTC)
    until = now + timedelta(seconds=parse_for(snooze, "--snooze")) if snooze else None
    with _store(config) as store:
        alert = _find(store, alert_id)
        store.outbox.save_acknowledgement(Acknowledgement(alert.alert_id, author, note, now, until))
    typer.echo(
        f"{alert.alert_id} is acknowledged by {author}"
        + (f", snoozed until {until:%Y-%m-%d %H:%M} UTC" if until else "")
    )


def _quiet(store: Store, alert: Alert, seen: Sequence[Acknowledgement], config: Path | None) -> list[str]:
    """Why it is not told now."""
    now = datetime.now(UTC)
    situation = Situation(store.active_alerts(), silences=store.outbox.silences(now), acknowledgements=seen)
    return why_quiet(alert, situation, make_policy(load_settings(config).routing), now)


def _since(text: str) -> datetime:
    """A moment, or one so long ago."""
    if re.fullmatch(r"[0-9a-z]+[smhdw]", text):
        return datetime.now(UTC) - timedelta(seconds=parse_for(text, "--since"))
    return parse_time(text, "--since")


def _dict(seen: Acknowledgement | None) -> dict[str, Any] | None:
    return asdict(seen) if seen else None


def _store(config: Path | None) -> closing[Store]:
    return closing(open_store(load_settings(config).store))


def _find(store: Store, start: str) -> Alert:
    known = {alert.alert_id: alert for alert in store.alerts(10_000)}
    return one_by_id(known, start, ("alert", "alerts"), "tidings alerts list")
