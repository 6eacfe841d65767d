"""`tidings check`: each part that the service needs, tried for real."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from alerts.routing import make_policy
from alerts.rules import load_rules
from ingest.kafka import check_broker
from service.wiring import all_receivers, open_model
from store.store import open_store
from tidings.errors import TidingsError
from tidings.settings import Settings


@dataclass(frozen=True)
class Check:
    """One part: `detail` says what was found or, when not ok, what to fix."""

    part: str
    ok: bool
    detail: str


def run_checks(settings: Settings) -> list[Check]:
    """Tries model, broker, store, rules and the configured receivers."""
    return [
        _check("model", lambda: _model(settings)),
        _check("broker", lambda: check_broker(settings.kafka)),
        _check("store", lambda: _store(settings)),
        _check("rules", lambda: f"{len(load_rules(settings.alerts.rules))} valid"),
        *_receivers(settings),
        *_mute_times(settings),
    ]


def print_checks(checks: list[Check], as_json: bool) -> None:
    """As a table, or as JSON for scripts."""
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in checks]))
        return
    table = Table(show_header=False, box=None)
    for check in checks:
        table.add_row("[green]ok[/]" if check.ok else "[red]fix[/]", check.part, escape(check.detail))
    Console().print(table)


def _check(part: str, try_it: Callable[[], str]) -> Check:
    try:
        return Check(part, True, try_it())
    except TidingsError as error:
        return Check(part, False, str(error))
    except OSError as error:
        return Check(part, False, f"cannot be reached: {error}")


def _model(settings: Settings) -> str:
    model = open_model(settings)
    return f"{model.manifest.version} on {model.provider}"


def _store(settings: Settings) -> str:
    store = open_store(settings.store)
    status = store.status()
    store.close()
    return f"{settings.store.backend}, schema {status.schema_version}, {status.items:,} items"


def _mute_times(settings: Settings) -> list[Check]:
    """One check per mute time: whether it is quiet now, and until when."""
    now = datetime.now(UTC)
    try:
        times = make_policy(settings.routing).mute_times
    except TidingsError as error:  # a wrong setting would end `tidings run`
        return [Check("routing", False, str(error))]
    return [Check("mute time", True, f"{one.text}: {one.words(now)}") for one in times]


def _receivers(settings: Settings) -> list[Check]:
    """One check per receiver, by name: its host is shown, never its address or secret. None is a fine number."""
    try:
        built = all_receivers(settings)
    except TidingsError as error:
        return [Check("receivers", False, str(error))]
    none = [Check("receivers", True, "none: alerts are recorded and told to nobody (docs/receivers.md)")]
    return [_check(f"receiver {one.name}", one.probe) for one in built] or none
