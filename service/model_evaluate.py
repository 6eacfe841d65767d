"""`tidings model evaluate`: figures and behaviour as tables, and into the manifest."""

import json
from collections.abc import Mapping
from textwrap import shorten
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from classifier.behaviour import Outcome, Rate, Report
from classifier.evaluate import BEHAVIOUR
from classifier.manifest import MANIFEST, Manifest


def write_figures(manifest: Manifest, figures: Mapping[str, Any]) -> None:
    """Puts `figures` among the metrics of the manifest's file; others that it holds stay."""
    record = manifest.record | {"metrics": manifest.record["metrics"] | figures}
    path = manifest.folder / MANIFEST
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def print_evaluation(
    figures: Mapping[str, Mapping[str, Any]], report: Report, failures: bool, as_json: bool
) -> None:
    """Figures by data set (none when only the suite ran), the suite's pass rates, and its failing dev cases."""
    if as_json:
        record: dict[str, Any] = {**figures, BEHAVIOUR: report.record()}
        if failures:
            record["failures"] = [_failure(outcome) for outcome in report.failures("dev")]
        print(json.dumps(record))
        return
    console = Console()
    if figures:
        console.print(figures_table(figures))
    console.print(behaviour_table(report))
    if failures:
        console.print(failures_table(report))


def figures_table(figures: Mapping[str, Mapping[str, Any]]) -> Table:
    """A row per labelled data set."""
    table = Table("data", "rows", "accuracy", "macro-F1", "weighted F1", "calibration error")
    for name, row in figures.items():
        keys = ("accuracy", "macro_f1", "weighted_f1", "calibration_error")
        table.add_row(name, f"{row['rows']:,}", *(f"{row[key]:.3f}" for key in keys))
    return table


def behaviour_table(report: Report) -> Table:
    """A row per kind, and one for all."""
    table = Table("behaviour", "cases", "passed", "pass rate", "dev", "test")
    for kind in report.kinds:
        table.add_row(escape(kind), *_cells(report, kind))
    table.add_section()
    table.add_row("all", *_cells(report, None))
    return table


def failures_table(report: Report) -> Table:
    """The `dev` cases that did not pass. Those of `test` stay unseen, so that they remain worth something."""
    table = Table("kind", "text", "expected", "got", title="Failing dev cases", show_lines=True)
    for outcome in report.failures("dev"):
        table.add_row(*(escape(shorten(part, 160, placeholder=" …")) for part in _failure(outcome).values()))
    return table


def _failure(outcome: Outcome) -> dict[str, str]:
    """One failing case for JSON."""
    case = outcome.case
    return {"kind": case.kind, "text": case.text, "expected": case.expected, "got": outcome.got}


def _cells(report: Report, kind: str | None) -> tuple[str, ...]:
    every = report.rate(kind)
    rates = (every, report.rate(kind, "dev"), report.rate(kind, "test"))
    return (f"{every.cases:,}", f"{every.passed:,}", *(_share(rate) for rate in rates))


def _share(rate: Rate) -> str:
    return "" if rate.share is None else f"{rate.share:.3f}"
