"""`tidings model train`, `average`, `export`: what needs the `train` extra."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from classifier.manifest import MANIFEST, read_manifest
from classifier.own_labels import read_own
from classifier.recipes import NAMES as RECIPES
from classifier.recipes import read_recipe
from service.options import ConfigOption, DataOption, model_folder
from tidings.errors import ConfigError
from tidings.settings import load_settings

app = typer.Typer()


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
    is_own = data is not None and (data.is_file() or (data.suffix != "" and not data.is_dir()))
    own = data if is_own else None
    if own is not None:
        read_own(own)  # a mistake in the file is told before anything is installed or loaded
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
    if own is not None:
        _train_own(own, init, out, given | ({"recipe": recipe} if recipe else {}), report_test, config)
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

    average(run, model_folder(other), weight, data_folder(data), out)
    typer.echo(f"averaged: {out}. Next: tidings model export {out} --out {out}-model")


def _train_own(
    data: Path, init: str | None, out: Path, given: dict[str, Any], report_test: bool, config: Path | None
) -> None:
    from service.model_adapt import adapt_and_compare

    for option in ("recipe", "base", "limit"):
        if option in given:
            raise ConfigError(f"--{option} does not go with own labels ({data}); leave it out")
    classifier = load_settings(config).classifier
    start = model_folder(init or "shipped")
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


def _extra(error: ImportError) -> ConfigError:
    return ConfigError(f"{error.name} is not installed: pip install 'tidings[train]'")
