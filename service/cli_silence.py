"""`tidings alerts silence …`: who is told nothing, for how long, by whom and why."""

import json
import uuid
from contextlib import closing
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from alerts.matching import parse_matchers
from service.options import AuthorOption, ConfigOption, JsonOption, one_by_id, parse_for
from store.store import open_store
from tidings.errors import ConfigError
from tidings.settings import load_settings
from tidings.types import Silence

silence_app = typer.Typer(no_args_is_help=True, help="Silences: alerts that tell nobody for a while.")


@silence_app.command()
def add(
    matchers: Annotated[
        list[str], typer.Argument(help="LABEL=PATTERN, all of which must fit; a pattern may hold * and ?.")
    ],
    author: AuthorOption,
    reason: Annotated[str, typer.Option(help="Why: others will read it.")],
    lasting: Annotated[str, typer.Option("--for", help="How long, such as 90m, 2h or 3d.")],
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Silence alerts by their labels: scope, key, rule, severity, and those that rules set.

    Example: tidings alerts silence add "key=Northgate*" severity=warning --author kim --reason "known" --for 2h
    """
    given: dict[str, str] = {}
    for matcher in matchers:
        given |= parse_matchers(matcher, "MATCHERS")
    if not reason.strip():
        raise ConfigError("--reason must say something")
    now, seconds = datetime.now(UTC), parse_for(lasting, "--for")
    if not seconds:
        raise ConfigError("--for must be more than nothing")
    silence = Silence(uuid.uuid4().hex[:12], given, author, reason, now, now + timedelta(seconds=seconds))
    with closing(open_store(load_settings(config).store)) as store:
        store.outbox.save_silence(silence)
    if as_json:
        typer.echo(json.dumps(asdict(silence), default=str))
    else:
        typer.echo(
            f"silence {silence.silence_id}: {_say(silence)}, until {silence.ends_at:%Y-%m-%d %H:%M} UTC"
        )


@silence_app.command("list")
def list_silences(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """The silences in force.

    Example: tidings alerts silence list
    """
    with closing(open_store(load_settings(config).store)) as store:
        silences = store.outbox.silences(datetime.now(UTC))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in silences], default=str))
        return
    if not silences:
        typer.echo("no silences are in force")
        return
    table = Table("id", "alerts", "until (UTC)", "author", "reason")
    for one in silences:
        table.add_row(
            one.silence_id,
            escape(_say(one)),
            f"{one.ends_at:%Y-%m-%d %H:%M}",
            escape(one.author),
            escape(one.reason),
        )
    Console().print(table)


@silence_app.command()
def expire(
    silence_id: Annotated[str, typer.Argument(help="The first letters of its id are enough.")],
    config: ConfigOption = None,
) -> None:
    """End a silence now; what still fires is told.

    Example: tidings alerts silence expire 5c1d
    """
    now = datetime.now(UTC)
    with closing(open_store(load_settings(config).store)) as store:
        known = {one.silence_id: one for one in store.outbox.silences(now)}
        silence = one_by_id(
            known, silence_id, ("silence in force", "silences"), "tidings alerts silence list"
        )
        store.outbox.save_silence(replace(silence, ends_at=now))
    typer.echo(f"silence {silence.silence_id} has ended")


def _say(silence: Silence) -> str:
    return ", ".join(f"{name}={pattern}" for name, pattern in silence.matchers.items())
