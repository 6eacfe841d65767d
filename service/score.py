"""`tidings score`: predictions for texts on the command line or for each row of a file."""

import csv
import gzip
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from classifier.explain import Explanation, explain
from classifier.model import Model
from service.explain_page import AddText, explain_page
from service.wiring import open_model
from tidings.errors import ConfigError
from tidings.highlight import say_words
from tidings.rows import json_rows, open_text
from tidings.settings import Settings
from tidings.text import classifier_input
from tidings.types import Prediction

_BATCH = 1024
_EXPLAIN_BATCH = 16  # each text is some 64 runs of the model: the progress bar should move


def score_texts(
    settings: Settings,
    texts: Sequence[str],
    as_json: bool,
    explained: bool = False,
    page: Path | None = None,
) -> None:
    """Prints a table, or one JSON object per text; `explained`, or with a `page`, with the words that moved it."""
    model = open_model(settings)
    predictions = model.predict(texts)
    if explained or page:
        _print_explained(model, texts, predictions, as_json, page)
        return
    if as_json:
        for text, prediction in zip(texts, predictions, strict=True):
            typer.echo(json.dumps({"text": text} | _columns(prediction), ensure_ascii=False))
        return
    table = Table("sentiment", "label", "topic", "p", "text")
    for text, prediction in zip(texts, predictions, strict=True):
        values = (f"{prediction.sentiment:+.2f}", _label(prediction), prediction.topic)
        table.add_row(*values, f"{prediction.topic_p:.2f}", Text(text))
    Console().print(table)


def _print_explained(
    model: Model, texts: Sequence[str], predictions: Sequence[Prediction], as_json: bool, page: Path | None
) -> None:
    table = Table("sentiment", "label", "topic", "text, and what moved it")
    with explain_page(page) as add:
        for text, prediction in zip(texts, predictions, strict=True):
            explanation = explain(model.predict, text)
            add(prediction, explanation)
            if as_json:
                words = [asdict(word) for word in explanation.words]
                row = {"text": text} | _columns(prediction) | {"explanation": words}
                typer.echo(json.dumps(row, ensure_ascii=False))
            values = (f"{prediction.sentiment:+.2f}", _label(prediction), prediction.topic)
            table.add_row(*values, _marked(explanation))
    if not as_json:
        Console().print(table)


def _marked(explanation: Explanation) -> Text:
    """The text with its words in colour, and a line that names them."""
    shown = Text(explanation.text)
    for word in explanation.top():
        shown.stylize("bold red" if word.weight < 0 else "bold green", word.start, word.end)
    return shown + Text(f"\n{explanation.say()}\n", "dim")


def score_file(
    settings: Settings, source: Path, target: Path, explained: bool = False, page: Path | None = None
) -> int:
    """Writes the rows of `source` to `target` (CSV or JSONL by its name, also .gz) with the scores added.

    `explained`, or with a `page`, there is a column `explanation`: the words that moved the score, in one line.
    Columns that are there already and bear the names of scores are replaced. Returns the number of rows.
    """
    if source.resolve() == target.resolve():
        raise ConfigError(f"{target}: --output would overwrite --input; give another name")
    if page and page.resolve() in (source.resolve(), target.resolve()):
        raise ConfigError(f"{page}: --explain-html would overwrite --input or --output; give another name")
    _kind(target)
    model = open_model(settings)
    done = 0
    columns = (
        SpinnerColumn(),
        TextColumn("scoring"),
        MofNCompleteColumn(),
        TextColumn("rows"),
        TimeElapsedColumn(),
    )
    part = target.with_name(f".{target.name}.part")
    with (
        ExitStack() as closing,
        Progress(*columns, console=Console(file=sys.stderr), transient=True) as progress,
    ):
        task = progress.add_task("", total=None)
        try:
            opened = gzip.open if target.suffix == ".gz" else open
            out = closing.enter_context(opened(part, "wt", encoding="utf-8", newline=""))
        except OSError as error:
            raise ConfigError(f"{target}: cannot be written ({error.strerror})") from None
        add = closing.enter_context(explain_page(page))
        writer: csv.DictWriter[str] | None = None
        rows = _rows(source)
        while batch := list(islice(rows, _EXPLAIN_BATCH if explained or page else _BATCH)):
            scored = _score(model, source, batch, add if explained or page else None)
            if _kind(target) == ".csv":
                if writer is None:
                    writer = csv.DictWriter(out, list(scored[0]), extrasaction="ignore")
                    writer.writeheader()
                writer.writerows(scored)
            else:
                out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in scored)
            done += len(batch)
            progress.update(task, completed=done)
    part.replace(target)
    return done


def _score(
    model: Model, source: Path, batch: list[tuple[int, dict[str, Any]]], add: AddText | None
) -> list[dict[str, Any]]:
    """The rows with their scores and, where `add` takes them, with explanations."""
    texts = []
    for line, row in batch:
        text = classifier_input(str(row.get("title") or ""), str(row.get("text") or ""))
        if not text:
            raise ConfigError(
                f"{source}: line {line}: neither title nor text; fill one of them, or drop the row"
            )
        texts.append(text)
    predictions = model.predict(texts)
    scored = [row | _columns(p) for (_, row), p in zip(batch, predictions, strict=True)]
    if add is not None:
        for row, text, prediction in zip(scored, texts, predictions, strict=True):
            explanation = explain(model.predict, text)
            add(prediction, explanation)
            row["explanation"] = say_words(explanation.top())
    return scored


def _label(prediction: Prediction) -> str:
    """The label, and in brackets why a text was not scored."""
    return prediction.sentiment_label + (f" ({prediction.flag})" if prediction.flag else "")


def _columns(prediction: Prediction) -> dict[str, str | float]:
    return {
        "topic": prediction.topic,
        "topic_p": round(prediction.topic_p, 4),
        "p_negative": round(prediction.p_negative, 4),
        "p_neutral": round(prediction.p_neutral, 4),
        "p_positive": round(prediction.p_positive, 4),
        "sentiment": round(prediction.sentiment, 4),
        "sentiment_label": prediction.sentiment_label,
        "flag": prediction.flag,
    }


def _kind(path: Path) -> str:
    kind = next((suffix for suffix in reversed(path.suffixes) if suffix != ".gz"), "")
    if kind not in (".csv", ".jsonl", ".ndjson"):
        raise ConfigError(f"{path}: the name must end in .csv or .jsonl (.gz may follow)")
    return kind


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    kind = _kind(path)
    try:
        with open_text(path) as file:
            yield from _csv_rows(path, file) if kind == ".csv" else json_rows(path, file)
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8; convert it to UTF-8") from None
    except (EOFError, OSError) as error:
        raise ConfigError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None


def _csv_rows(path: Path, file: TextIO) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(file)
    if not {"title", "text"} & set(reader.fieldnames or ()):
        raise ConfigError(f"{path}: line 1: no column title or text; rename the one that holds the texts")
    for row in reader:
        yield reader.line_num, row
