"""`tidings model train --data FILE`: adapt a model to own labels, export it, compare it with the current one."""

import json
import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from classifier.compare import ALLOWED_LOSS, Comparison, compare_behaviour, compare_models, objections
from classifier.data import data_folder, read_train, split_dev
from classifier.evaluate import evaluate
from classifier.manifest import MANIFEST
from classifier.model import Model
from classifier.own_labels import group_of, read_own, split_held_out
from tidings.errors import ConfigError
from tidings.settings import ClassifierSettings


def adapt_and_compare(
    own: Path,
    init: Path | None,
    out: Path,
    given: dict[str, Any],
    classifier: ClassifierSettings,
    report_test: bool,
    console: Console,
) -> bool:
    """Trains, exports to out/model, prints the comparison; returns whether it may replace the current model."""
    from classifier.adapt import AdaptSettings, adapt
    from classifier.export import export

    settings = replace(AdaptSettings(), **given)
    old = old_folder()
    if old is None:
        if report_test:
            raise ConfigError("--report-test needs the original texts: set TIDINGS_DATA to their folder")
        console.print(
            "no original texts (TIDINGS_DATA): nothing is rehearsed, and only own rows are compared"
        )
    current = Model.load(classifier.model, classifier.provider, classifier.threads)
    adapt(own, init, old, out, settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's exporter warns of its own future
        folder = export(out, out / "model", out.name)
    candidate = Model.load(folder, classifier.provider, classifier.threads)

    rows = read_own(own)
    learned, held_out = split_held_out(rows, settings.held_out_percent)
    known = {row.group for row in learned}
    dev = split_dev(read_train(old), settings.dev_percent)[1] if old else []
    dev = [row for row in dev if group_of(row.text) not in known]
    comparisons = [
        *compare_models(current, candidate, held_out, dev),
        compare_behaviour(current, candidate),
    ]
    reasons = objections(comparisons)
    tests = [evaluate(model, old, "test") for model in (current, candidate)] if report_test and old else []
    write_comparison(candidate, current.manifest.version, comparisons, reasons, tests[-1] if tests else {})

    console.print(comparison_table(comparisons, current.manifest.version, candidate.manifest.version))
    if tests:
        console.print(splits_table(*tests))
    for reason in reasons:
        console.print(f"worse: {reason}", soft_wrap=True, highlight=False)
    return not reasons


def old_folder() -> Path | None:
    """The folder with the original texts; None where there is none, an error where TIDINGS_DATA is wrong."""
    try:
        return data_folder()
    except ConfigError:
        if os.environ.get("TIDINGS_DATA"):
            raise
        return None


def write_comparison(
    model: Model, against: str, lines: Sequence[Comparison], reasons: list[str], tests: dict[str, Any]
) -> None:
    """Puts the figures and the verdict into the model's manifest, where `tidings model install` reads it."""
    record = model.manifest.record
    record["metrics"] |= {
        line.data: line.record()["after"] for line in lines if line.after.macro_f1 is not None
    } | tests
    record["comparison"] = {
        "against": against,
        "allowed_loss": ALLOWED_LOSS,
        "data": [line.record() for line in lines],
        "objections": reasons,
    }
    (model.manifest.folder / MANIFEST).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def comparison_table(lines: Sequence[Comparison], before: str, after: str) -> Table:
    """Before and after by data set; `changed`: rows only the new or only the old model gets right; `chance`: the
    sign test's p."""
    table = _table(
        f"{before} → {after}", "held-out data", "rows", "accuracy", "macro-F1", "changed", "chance"
    )
    for line in lines:
        table.add_row(
            line.data,
            f"{line.before.rows:,}",
            _change(line.before.accuracy, line.after.accuracy),
            _change(line.before.macro_f1, line.after.macro_f1),
            f"+{line.corrected} -{line.broken}",
            f"{line.chance:.3f}",
        )
    return table


def splits_table(before: dict[str, Any], after: dict[str, Any]) -> Table:
    """The test splits, to report only: no verdict rests on them."""
    table = _table("test splits, to report only", "data", "rows", "accuracy", "macro-F1")
    for name, b in before.items():
        a = after[name]
        table.add_row(
            name,
            f"{b['rows']:,}",
            _change(b["accuracy"], a["accuracy"]),
            _change(b["macro_f1"], a["macro_f1"]),
        )
    return table


def _change(before: float | None, after: float | None) -> str:
    return "" if before is None or after is None else f"{before:.3f} → {after:.3f}"


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column(first, no_wrap=True)
    for column in others:
        table.add_column(column, justify="right", no_wrap=True)
    return table
