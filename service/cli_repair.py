"""`tidings store reroll`, `rescore`, `delete`: what changes counts of the past on purpose."""

from datetime import datetime
from typing import Annotated

import typer

from service.options import ConfigOption, parse_time
from service.progress import progress
from store.store import open_store
from tidings.errors import ConfigError
from tidings.settings import load_settings

app = typer.Typer()
FromOption = Annotated[str, typer.Option("--from", help="From this time on (RFC 3339, UTC).")]
ToOption = Annotated[str, typer.Option("--to", help="Up to, and without, this time (RFC 3339, UTC).")]


@app.command()
def reroll(from_: FromOption, to: ToOption, config: ConfigOption = None) -> None:
    """Count every window of a period again from its items. Safe while the service runs, and to run again.

    Example: tidings store reroll --from 2026-03-01 --to 2026-03-08
    """
    start, end = _period(from_, to)
    store = open_store(load_settings(config).store)
    with progress() as bar:
        task = bar.add_task("counting", total=1.0)
        minutes = store.reroll(start, end, lambda part: bar.update(task, completed=part))
    store.close()
    typer.echo(f"counted {minutes:,} minutes again")


@app.command()
def rescore(from_: FromOption, to: ToOption, config: ConfigOption = None) -> None:
    """Score a period's items again with the present model, where an earlier version scored them.

    Example: tidings store rescore --from 2026-03-01 --to 2026-03-08
    """
    from service.rescore import rescore as score_again
    from service.wiring import open_model

    start, end = _period(from_, to)
    settings = load_settings(config)
    model = open_model(settings)
    store = open_store(settings.store)
    with progress() as bar:
        task = bar.add_task("scoring", total=(end - start).total_seconds())

        def show(reached: datetime, items: int) -> None:
            done = (reached - start).total_seconds()
            bar.update(task, completed=done, description=f"{items:,} items, up to {reached:%Y-%m-%d %H:%M}")

        items = score_again(store, model, start, end, settings.kafka.batch_items, show)
    store.close()
    typer.echo(f"scored {items:,} items again with {model.manifest.version}")


@app.command()
def delete(
    where: Annotated[str, typer.Option("--where", help="SQL condition over the columns of items.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigOption = None,
) -> None:
    """Delete items for good, from disk, counts and alerts; a replay does not bring them back. Asks first.

    Example: tidings store delete --where "source = 'example.com' AND title ILIKE '%jane doe%'"
    """
    store = open_store(load_settings(config).store)
    try:
        found = store.preview_erase(where)
        typer.echo(f"{found.items:,} items")
        if found.items:
            typer.echo(f"published {found.first_published} to {found.last_published}; the newest:")
        for headline in found.headlines:
            typer.echo(f"  {headline}")
        if found.items and not yes:
            typer.confirm("Delete them for good?", abort=True)
        with progress() as bar:
            task = bar.add_task("deleting", total=found.items)
            items = store.erase(where, lambda done: bar.update(task, completed=done))
    finally:
        store.close()
    typer.echo(f"deleted {items:,} items")


def _period(from_: str, to: str) -> tuple[datetime, datetime]:
    start, end = parse_time(from_, "--from"), parse_time(to, "--to")
    if start >= end:
        raise ConfigError("--from must be before --to")
    return start, end
