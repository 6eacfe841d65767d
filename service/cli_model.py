"""`tidings model …`: train, evaluate, export, info."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from classifier.evaluate import SPLITS, evaluate
from classifier.manifest import MANIFEST, read_manifest
from classifier.model import Model
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
    data: DataOption = None,
    base: Annotated[str | None, typer.Option("--base", help="Base encoder: folder or hub name.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1)] = None,
    learning_rate: Annotated[float | None, typer.Option(min=0)] = None,
    seed: Annotated[int | None, typer.Option()] = None,
    limit: Annotated[int | None, typer.Option(min=64, help="Only so many rows, to try things out.")] = None,
    config: ConfigOption = None,
) -> None:
    """Fine-tune the encoder on sentiment and topics (needs the `train` extra).

    Example: tidings model train --out runs/v1 --epochs 2 --learning-rate 1.5e-4
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
    chosen = replace(TrainSettings(), **{key: value for key, value in given.items() if value is not None})
    run_training(data_folder(data), out, chosen)
    typer.echo(f"trained: {out}. Next: tidings model export {out} --out {out}-model")


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="A run folder of `tidings model train`.")],
    out: Annotated[Path, typer.Option("--out", help="Where the model's files go.")],
    name: Annotated[str, typer.Option(help="The model's name.")] = "minilm",
    fp16: Annotated[bool, typer.Option("--fp16", help="Also write a half-precision file for GPUs.")] = False,
    config: ConfigOption = None,
) -> None:
    """Write ONNX (optimised, int8), tokenizer and manifest (needs the `train` extra).

    Example: tidings model export runs/v1 --out models/mine --name mine --fp16
    """
    try:
        from classifier.export import export as run_export
    except ImportError as error:
        raise _extra(error) from None
    run_export(run, out, name, fp16)
    typer.echo(f'exported: {out}. Use it with classifier.model = "{out}"')


@app.command("evaluate")
def evaluate_command(
    data: DataOption = None,
    model: Annotated[
        Path | None, typer.Option("--model", help="Model folder (default: from the settings).")
    ] = None,
    split: Annotated[str, typer.Option(help="dev (for choosing) or test (for reporting, once).")] = "dev",
    write: Annotated[
        bool, typer.Option("--write", help="Write the figures into the model's manifest.")
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Accuracy, F1 and calibration on labelled texts that the model was not trained on.

    Example: tidings model evaluate --split test
    """
    from classifier.data import data_folder

    if split not in SPLITS:
        raise ConfigError(f"--split must be one of {', '.join(SPLITS)}; it is {split!r}")
    settings = load_settings(config).classifier
    loaded = Model.load(model or settings.model, settings.provider, settings.threads)
    figures = evaluate(loaded, data_folder(data), split)
    if write:
        path = loaded.manifest.folder / MANIFEST
        record = loaded.manifest.record
        record["metrics"] = record["metrics"] | figures
        path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(figures))
        return
    table = Table("data", "rows", "accuracy", "macro-F1", "weighted F1", "calibration error")
    for name, row in figures.items():
        keys = ("accuracy", "macro_f1", "weighted_f1", "calibration_error")
        table.add_row(name, f"{row['rows']:,}", *(f"{row[key]:.3f}" for key in keys))
    Console().print(table)


@app.command()
def info(
    model: Annotated[
        Path | None, typer.Option("--model", help="Model folder (default: from the settings).")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Which model is used: version, licence, files, labels and figures.

    Example: tidings model info --json
    """
    manifest = read_manifest(model or load_settings(config).classifier.model)
    for role in manifest.files:
        manifest.path(role)
    if as_json:
        typer.echo(json.dumps(manifest.record))
        return
    table = Table(show_header=False, box=None)
    table.add_row("model", manifest.version)
    table.add_row("folder", str(manifest.folder))
    table.add_row("licence", manifest.licence)
    table.add_row("trained on", str(manifest.record["training"]["licence"]))
    table.add_row("tokens at most", str(manifest.max_tokens))
    for role, file in manifest.files.items():
        size = (manifest.folder / file).stat().st_size / 1e6
        table.add_row(role, f"{file}, {size:.1f} MB, sha256 {manifest.sha256[role][:16]}… verified")
    for name, row in manifest.record["metrics"].items():
        table.add_row(
            name, f"accuracy {row['accuracy']:.3f}, macro-F1 {row['macro_f1']:.3f}, {row['rows']:,} rows"
        )
    Console().print(table)


def _extra(error: ImportError) -> ConfigError:
    return ConfigError(f"{error.name} is not installed: pip install 'tidings[train]'")
