"""`tidings backtest`: the same engine over history."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from alerts.rules import Rule, load_rules
from service import backtest as testing
from service.backtest_events import read_events
from service.backtest_items import ShowProgress, cache_folder, file_items, store_items
from service.backtest_plot import check_plot, write_plot
from service.backtest_report import Report, as_json, print_report
from service.options import ConfigOption, JsonOption, parse_for, parse_time
from service.progress import progress
from service.wiring import open_model
from tidings.errors import ConfigError
from tidings.settings import Settings, load_settings
from tidings.types import ScoredItem


def backtest(
    rules: Annotated[Path | None, typer.Option(help="Rules file; without it the default pack.")] = None,
    input: Annotated[
        Path | None, typer.Option("--input", help="CSV or JSONL (also .gz) of items; without it, the store.")
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="Evaluate from here on; items before it are the past.")
    ] = None,
    to: Annotated[str | None, typer.Option("--to", help="Evaluate up to here.")] = None,
    events: Annotated[
        Path | None, typer.Option(help="CSV or YAML of labelled events: name, keys, from, to.")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(help="A second rules file, reported beside the first.")
    ] = None,
    suggest: Annotated[
        float | None, typer.Option(help="Suggest each rule's p_below for so many alerts a week.", min=0.0)
    ] = None,
    step: Annotated[str, typer.Option(help="How often the rules are evaluated, in stream time.")] = "30m",
    plot: Annotated[Path | None, typer.Option(help="Also write a picture: FILE.html or FILE.svg.")] = None,
    cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="Keep a file's scores in the user's cache folder.")
    ] = True,
    as_json_: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """What would have fired, when and why: the live engine over a file or a stored period, without sending anything.

    At every moment only what was published before it counts. A file is scored with the settings' model; the scores
    are kept, so that the next run takes seconds.

    Examples: tidings backtest --input news.csv.gz --events events.csv ·
    tidings backtest --rules new.yaml --compare old.yaml --from 2026-01-01 --to 2026-03-01
    """
    settings = load_settings(config)
    if plot:
        check_plot(plot)
    start, end = _time(from_, "--from"), _time(to, "--to")
    chosen = _rules(settings, rules)
    others = (str(compare), load_rules(compare)) if compare else None
    known = read_events(events) if events else []
    every = timedelta(seconds=_step(step))
    with _progress() as show:
        items, refused = _items(
            settings, input, start, end, [*chosen[1], *(others[1] if others else ())], cache, show
        )
        windows = testing.open_windows(items)
        period = testing.period_of(windows, start, end, every)
        main = testing.run(*chosen, windows, period, known, show)
        compared = testing.run(*others, windows, period, known, show) if others else None
        if suggest is not None:
            found = testing.suggest_thresholds(chosen[1], windows, period, suggest, show)
    report = Report(main, compared, tuple(found) if suggest is not None else (), refused)
    if plot:
        write_plot(plot, main, windows)
    if as_json_:
        typer.echo(json.dumps(as_json(report), ensure_ascii=False))
    else:
        print_report(report, Console())


def _items(
    settings: Settings,
    path: Path | None,
    start: datetime | None,
    end: datetime | None,
    rules: Sequence[Rule],
    cache: bool,
    show: ShowProgress,
) -> tuple[Sequence[ScoredItem], int]:
    if path is not None:
        read = file_items(path, open_model(settings), cache_folder() if cache else None, show)
        return read.items, read.refused
    if start is None or end is None:
        raise ConfigError("give --input FILE, or --from and --to for a period of the store")
    past = max(rule.window_seconds + rule.baseline_seconds for rule in rules)
    return store_items(settings, start - timedelta(seconds=past), end, show), 0


def _rules(settings: Settings, path: Path | None) -> tuple[str, tuple[Rule, ...]]:
    path = path or settings.alerts.rules
    return (str(path) if path else "default pack"), load_rules(path)


def _step(text: str) -> int:
    seconds = parse_for(text, "--step")
    if seconds < 60 or seconds % 60:
        raise ConfigError(f"--step must be whole minutes, 1m or more; it is {text!r}")
    return seconds


def _time(text: str | None, option: str) -> datetime | None:
    return None if text is None else parse_time(text, option)


@contextmanager
def _progress() -> Iterator[ShowProgress]:
    with progress() as bar:
        task = bar.add_task("reading", total=None)

        def show(what: str, done: float, total: float) -> None:
            bar.update(task, description=what, completed=done, total=total or None)

        yield show
