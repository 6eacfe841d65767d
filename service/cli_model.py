"""`tidings model …`: evaluate, install, info; with those of cli_training.py."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from classifier.evaluate import BEHAVIOUR, SPLITS, evaluate
from classifier.manifest import read_manifest
from classifier.model import Model
from service.cli_training import app as training_app
from service.options import ConfigOption, DataOption, JsonOption, model_folder
from tidings.errors import ConfigError
from tidings.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Train, evaluate, export and describe classifiers.")
app.add_typer(training_app)  # without a name: its commands are this group's


@app.command("evaluate")
def evaluate_command(
    data: DataOption = None,
    model: Annotated[
        Path | None, typer.Option("--model", help="Model folder (default: from the settings).")
    ] = None,
    split: Annotated[
        str,
        typer.Option(
            help="dev (for choosing), test (for reporting, once), or behaviour (the suite alone: no data needed)."
        ),
    ] = "dev",
    suite: Annotated[
        Path | None,
        typer.Option("--suite", help="Your own behavioural cases (YAML), beside the shipped ones."),
    ] = None,
    failures: Annotated[
        bool, typer.Option("--failures", help="List the dev cases of the suite that fail.")
    ] = False,
    file: Annotated[
        Literal["", "int8", "fp16", "fp32"], typer.Option("--file", help="Which of the model's files.")
    ] = "",
    write: Annotated[
        bool, typer.Option("--write", help="Write the figures into the model's manifest.")
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Accuracy, F1 and calibration on labelled texts that the model was not trained on; then the behavioural suite.

    Examples: tidings model evaluate --split test · tidings model evaluate --split behaviour --failures
    """
    from classifier.behaviour import check
    from classifier.data import data_folder
    from classifier.suite import read_suite
    from service.model_evaluate import print_evaluation, write_figures

    if split not in (*SPLITS, BEHAVIOUR):
        raise ConfigError(f"--split must be one of {', '.join((*SPLITS, BEHAVIOUR))}; it is {split!r}")
    if write and (suite or file):
        raise ConfigError(
            "--write records the shipped suite and the file in use; leave out --suite and --file"
        )
    cases = read_suite(suite)
    settings = load_settings(config).classifier
    loaded = Model.load(model or settings.model, settings.provider, settings.threads, role=file)
    figures = {} if split == BEHAVIOUR else evaluate(loaded, data_folder(data), split)
    report = check(loaded.predict, cases)
    if write:
        write_figures(loaded.manifest, figures | {BEHAVIOUR: report.record()})
    print_evaluation(figures, report, failures, as_json)


@app.command("install")
def install_command(
    folder: Annotated[Path, typer.Argument(help="The new model's folder.")],
    to: Annotated[
        Path | None, typer.Option("--to", help="Where the service reads it (default: classifier.model).")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Even when it is worse, or was never compared.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Replace the model in use by a new one, unless the new one is worse (then exit 1).

    The former model stays beside it, in TO.previous. A running service reads the new one when it starts again.

    Example: tidings model install runs/desk/model --to models/current
    """
    from classifier.install import install

    current = load_settings(config).classifier.model
    target = to or current
    if target is None:
        raise ConfigError(
            "no classifier.model in the settings: give --to FOLDER, and set classifier.model to it"
        )
    previous = install(folder, target, current, force)
    typer.echo(f"installed: {read_manifest(target).version} in {target}")
    if previous:
        typer.echo(f"the former one is in {previous}")
    if target != current:
        typer.echo(f'to use it: classifier.model = "{target}"')


@app.command()
def info(
    model: Annotated[
        Path | None, typer.Option("--model", help="Model folder (default: from the settings).")
    ] = None,
    against: Annotated[
        str | None, typer.Option("--against", help="Another model to compare with: shipped, or its folder.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Which model is used: version, licence, files, labels and figures; or two models side by side.

    Examples: tidings model info --json · tidings model info --model runs/desk/model --against shipped
    """
    from service.model_info import against_table, differences, info_table

    manifest = read_manifest(model or load_settings(config).classifier.model)
    other = None if against is None else read_manifest(model_folder(against))
    for each in (manifest, *([other] if other else [])):
        for role in each.files:
            each.path(role)
    if as_json:
        record = manifest.record
        if other:
            record = {"model": record, "against": other.record, "differences": differences(manifest, other)}
        typer.echo(json.dumps(record))
        return
    Console().print(against_table(manifest, other) if other else info_table(manifest))
