"""`tidings model …`: train, evaluate, export, install, info."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from classifier.evaluate import BEHAVIOUR, SPLITS, evaluate
from classifier.manifest import MANIFEST, read_manifest
from classifier.model import Model
from classifier.recipes import NAMES as RECIPES
from classifier.recipes import read_recipe
from service.options import ConfigOption, JsonOption
from tidings.errors import ConfigError
from tidings.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Train, evaluate, export and describe classifiers.")
DataOption = Annotated[
    Path | None, typer.Option("--data", envvar="TIDINGS_DATA", help="Folder with the labelled texts.")
]


@app.command()
def train(
    out: Annotated[Path, typer.Option("--out", help="Run folder; training resumes from what it holds.")],
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            envvar="TIDINGS_DATA",
            help="Folder with the labelled texts, or a file with your own labels.",
        ),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            "--init", help="What own labels adapt: shipped (default), a model's folder or a run folder."
        ),
    ] = None,
    recipe: Annotated[
        str | None, typer.Option("--recipe", help=f"Training settings: a TOML file, or {', '.join(RECIPES)}.")
    ] = None,
    base: Annotated[str | None, typer.Option("--base", help="Base encoder: folder or hub name.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1)] = None,
    learning_rate: Annotated[float | None, typer.Option(min=0)] = None,
    seed: Annotated[int | None, typer.Option()] = None,
    limit: Annotated[int | None, typer.Option(min=64, help="Only so many rows, to try things out.")] = None,
    report_test: Annotated[
        bool, typer.Option("--report-test", help="Own labels: also the test splits before and after.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Fine-tune the encoder on sentiment and topics, or adapt a model to your own labels (`train` extra).

    With a file as --data, the adapted model is exported to OUT/model and compared with the current one; exit 1 when
    it is worse. See docs/fine-tuning.md.

    Examples: tidings model train --recipe minilm-v2 --out runs/student ·
    tidings model train --data my.csv --init shipped --out runs/desk
    """
    try:
        from classifier.train import TrainSettings
        from classifier.train import train as run_training
    except ImportError as error:
        raise _extra(error) from None
    from classifier.data import data_folder

    given: dict[str, Any] = {
        "base": base, "epochs": epochs, "learning_rate": learning_rate, "seed": seed, "limit": limit,
    }  # fmt: skip
    given = {key: value for key, value in given.items() if value is not None}
    if data is not None and (data.is_file() or (data.suffix and not data.is_dir())):
        _train_own(data, init, out, given | ({"recipe": recipe} if recipe else {}), report_test, config)
        return
    if init or report_test:
        raise ConfigError("--init and --report-test belong to own labels: give --data a .csv or .jsonl file")
    chosen = TrainSettings(**((read_recipe(recipe, TrainSettings) if recipe else {}) | given))
    run_training(data_folder(data), out, chosen)
    typer.echo(f"trained: {out}. Next: tidings model export {out} --out {out}-model")


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="A run folder of `tidings model train`.")],
    out: Annotated[Path, typer.Option("--out", help="Where the model's files go.")],
    name: Annotated[str, typer.Option(help="The model's name.")] = "minilm",
    fp16: Annotated[bool, typer.Option("--fp16", help="Also write a half-precision file for GPUs.")] = False,
    fp32: Annotated[bool, typer.Option("--fp32", help="Also write what int8 is compared with.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a model that --out holds.")] = False,
    config: ConfigOption = None,
) -> None:
    """Write ONNX (optimised, int8), tokenizer and manifest (needs the `train` extra).

    Example: tidings model export runs/v1 --out models/mine --name mine --fp16
    """
    try:
        from classifier.export import export as run_export
    except ImportError as error:
        raise _extra(error) from None
    if (out / MANIFEST).is_file() and not force:
        raise ConfigError(
            f"{out} holds {read_manifest(out).version}: export to another folder and use `tidings model install`,"
            " which compares them; or --force"
        )
    run_export(run, out, name, fp16, fp32)
    typer.echo(f'exported: {out}. Use it with classifier.model = "{out}"')


@app.command("average")
def average_command(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    other: Annotated[
        str, typer.Argument(help="Another, of the same base: run folder, model folder or shipped.")
    ],
    out: Annotated[Path, typer.Option("--out", help="The new run folder.")],
    weight: Annotated[float, typer.Option(min=0, max=1, help="How much of RUN.")] = 0.5,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Average the weights of two models, which is often better than either (needs the `train` extra).

    Example: tidings model average runs/student runs/plain --weight 0.67 --out runs/minilm-v2
    """
    try:
        from classifier.average import average
    except ImportError as error:
        raise _extra(error) from None
    from classifier.data import data_folder

    average(run, _model_folder(other), weight, data_folder(data), out)
    typer.echo(f"averaged: {out}. Next: tidings model export {out} --out {out}-model")


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
    other = None if against is None else read_manifest(_model_folder(against))
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


def _train_own(
    data: Path, init: str | None, out: Path, given: dict[str, Any], report_test: bool, config: Path | None
) -> None:
    from service.model_adapt import adapt_and_compare

    for option in ("recipe", "base", "limit"):
        if option in given:
            raise ConfigError(f"--{option} does not go with own labels ({data}); leave it out")
    classifier = load_settings(config).classifier
    start = _model_folder(init or "shipped")
    if not adapt_and_compare(data, start, out, given, classifier, report_test, Console()):
        typer.echo(
            f"adapted, but worse than the current model: {out / 'model'}. To use it nonetheless:"
            f" tidings model install {out / 'model'} --to FOLDER --force",
            err=True,
        )
        raise typer.Exit(1)
    typer.echo(
        f"adapted, and not worse: {out / 'model'}. Next: tidings model install {out / 'model'} --to FOLDER"
    )


def _model_folder(name: str) -> Path | None:
    """A folder, or None for the word `shipped`."""
    return None if name == "shipped" else Path(name)


def _extra(error: ImportError) -> ConfigError:
    return ConfigError(f"{error.name} is not installed: pip install 'tidings[train]'")
