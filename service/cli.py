"""The `tidings` command. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration."""

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from service.cli_alerts import alerts_app, rules_app
from service.cli_api import app as api_app
from service.cli_backtest import backtest
from service.cli_dashboards import app as dashboards_app
from service.cli_dlq import app as dlq_app
from service.cli_model import app as model_app
from service.cli_store import app as store_app
from service.options import ConfigOption, JsonOption, parse_time
from tidings import __version__
from tidings.errors import ConfigError, TidingsError
from tidings.settings import load_settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Tidings: financial sentiment monitoring, from Kafka to an alert.",
)
app.add_typer(store_app, name="store")
app.add_typer(rules_app, name="rules")
app.add_typer(alerts_app, name="alerts")
app.add_typer(model_app, name="model")
app.add_typer(dashboards_app, name="dashboards")
app.add_typer(dlq_app, name="dlq")
app.add_typer(api_app, name="api")
app.command()(backtest)

PARTS = ("ingest", "windows", "alerts", "api")


def main() -> None:
    """Entry point: runs a command; a TidingsError becomes one line on stderr and its exit code."""
    try:
        app()
    except TidingsError as error:
        print(f"tidings: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Common to all commands."""
    if version:
        typer.echo(f"tidings {__version__}")
        raise typer.Exit


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where the demo keeps its data.")] = Path("tidings-data"),
    seed: Annotated[int, typer.Option(help="Another seed tells the story in other words.")] = 7,
    plain: Annotated[bool, typer.Option("--plain", help="Plain lines instead of the live view.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the live page up until Ctrl-C.")] = False,
    config: ConfigOption = None,
) -> None:
    """The whole stream on this machine, embedded, with a story to watch (about 90 seconds).

    The live page is up meanwhile, at the address it prints.

    Examples: tidings demo · tidings demo --keep
    """
    from service.demo import run_demo

    console = Console(force_terminal=False) if plain else Console()
    sys.exit(run_demo(folder, seed, console, load_settings(config), keep))


@app.command()
def run(
    only: Annotated[str, typer.Option(help="Parts, comma separated: ingest, windows, alerts, api.")] = "",
    config: ConfigOption = None,
) -> None:
    """The service: everything, or some parts of it per process.

    SIGTERM (or Ctrl-C) finishes the batch in hand and commits; a second one stops at once.

    Example: tidings run --config tidings.toml --only windows,alerts
    """
    from service.run import run_service

    parts = tuple(part.strip() for part in only.split(",") if part.strip()) or PARTS
    for part in parts:
        if part not in PARTS:
            raise ConfigError(f"--only: unknown part {part!r}; known: {', '.join(PARTS)}")
    _log_to_stderr()
    run_service(load_settings(config), parts)


@app.command()
def check(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """What is reachable, which model, which execution provider; and what to fix.

    Example: tidings check --config tidings.toml
    """
    from service.check import print_checks, run_checks

    checks = run_checks(load_settings(config))
    print_checks(checks, as_json)
    if not all(result.ok for result in checks):
        raise typer.Exit(2)


@app.command()
def score(
    texts: Annotated[list[str] | None, typer.Argument(help="Texts to score.")] = None,
    input: Annotated[
        Path | None, typer.Option("--input", help="CSV or JSONL (also .gz) with title or text.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="The same rows with the scores added.")
    ] = None,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Say which words moved the score; files get a column explanation."),
    ] = False,
    explain_html: Annotated[
        Path | None,
        typer.Option(help="Also write an HTML page with these words highlighted; implies --explain."),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Topic and sentiment of texts, or of each row of a file.

    --explain says how far each word moves the sentiment. It takes some 64 runs of the model for each text.

    Examples: tidings score "Bank halts withdrawals" --explain · tidings score --input news.csv --output scored.csv
    """
    from service.score import score_file, score_texts

    settings = load_settings(config)
    if (input is None) != (output is None):
        raise ConfigError("--input and --output belong together: give both")
    if input is not None and output is not None:
        if texts:
            raise ConfigError("give texts or --input, not both")
        rows = score_file(settings, input, output, explain, explain_html)
        typer.echo(f"scored {rows:,} rows: {output}", err=True)
        return
    if not texts and sys.stdin.isatty():
        raise ConfigError(
            'nothing to score: give texts, or --input and --output; example: tidings score "Bank fails"'
        )
    lines = texts or [line.rstrip("\n") for line in sys.stdin if line.strip()]
    score_texts(settings, lines, as_json, explain, explain_html)


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="CSV or JSONL, also .gz.")],
    kafka_topic: Annotated[
        str | None, typer.Option(help="Default: news.raw or social.raw by each row's kind.")
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="Leave out rows published before (RFC 3339).")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", help="Leave out rows published at or after (RFC 3339).")
    ] = None,
    speed: Annotated[str, typer.Option(help="max, or N times as fast as it was published.")] = "max",
    source: Annotated[
        str | None, typer.Option(help="Source of rows that name none (default: file name).")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Publish a file of items into Kafka. Replaying a file twice changes no count.

    Example: tidings replay reuters.csv.gz --from 2008-01-01 --to 2008-04-01
    """
    from service.replay import replay_file

    report = replay_file(
        load_settings(config),
        file,
        kafka_topic,
        parse_time(from_, "--from") if from_ is not None else None,
        parse_time(to, "--to") if to is not None else None,
        _speed(speed),
        source or "",
    )
    period = f", published {report.first} to {report.last}" if report.published else ""
    typer.echo(f"sent {report.published:,} messages{period}; left out {report.left_out:,} rows")


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="One SELECT (or SHOW, DESCRIBE).")],
    output_format: Annotated[
        str, typer.Option("--format", help="A ClickHouse output format; by the file's ending if left out.")
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option(
            help="A file for the answer, however large: .csv, .tsv, .jsonl, .parquet, .arrow; also with .gz."
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Ask the store, embedded or server, read-only. Tables: items, stories, sentiment_1m … _1d, alerts.

    Examples: tidings sql "SELECT * FROM top_negative LIMIT 5" · tidings sql "SELECT * FROM items" --output i.parquet
    """
    from service.sql_export import ask, export

    store = load_settings(config).store
    if output is None:
        answer = ask(store, query, output_format)
        typer.echo(answer or "no rows", nl=not answer, err=not answer)
    else:
        typer.echo(export(store, query, output_format, output, Console(stderr=True)), err=True)


def _log_to_stderr() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for library in ("kafka", "apscheduler"):
        logging.getLogger(library).setLevel(logging.WARNING)
    # It warns of each lost connection with a stack trace; the store's own message says it in a line.
    logging.getLogger("clickhouse_driver").setLevel(logging.ERROR)


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0
    if not 0 < speed < float("inf"):
        raise ConfigError(f"--speed must be max or a number above 0; it is {text!r}")
    return speed
