"""The command line: help with examples everywhere, exit codes that scripts can trust, scores in files."""

import csv
import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service import cli

TIDINGS = str(Path(sys.executable).with_name("tidings"))
COMMANDS = [
    "demo", "run", "check", "replay", "score", "sql", "store migrate", "store analyst", "store status", "store audit",
    "store reconcile", "store reroll", "store rescore", "store delete", "rules check", "backtest",
    "alerts list", "alerts show", "alerts ack", "alerts silence add", "alerts silence list", "alerts silence expire",
    "model train", "model average", "model evaluate", "model export",
    "model install", "model info",
    "dashboards build", "dashboards push", "dlq list", "dlq show", "dlq replay",
    "api keys create", "api keys list", "api keys revoke",
]  # fmt: skip


def tidings(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([TIDINGS, *arguments], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    result = CliRunner().invoke(cli.app, [*command.split(), "--help"])
    assert result.exit_code == 0
    assert "Example" in result.output
    assert f"tidings {command}" in result.output
    assert "--config" in result.output


def test_score_texts() -> None:
    done = tidings("score", "--json", "Bank collapses amid fraud probe", "Profit soars to a record")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["sentiment_label"] for row in rows] == ["negative", "positive"]
    assert set(rows[0]) == {
        "text", "topic", "topic_p", "p_negative", "p_neutral", "p_positive", "sentiment", "sentiment_label", "flag",
    }  # fmt: skip


def test_score_explains_texts_and_highlights_them(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    texts = ("Shares plunge after <b>fraud</b>", "Profit soars")
    done = tidings("score", "--json", "--explain-html", str(page), *texts)
    assert done.returncode == 0, done.stderr
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    words = first["explanation"]
    assert all(first["text"][w["start"] : w["end"]] == w["word"] for w in words)
    assert {"Shares", "plunge", "after"} <= {w["word"] for w in words}
    assert min(words, key=lambda w: float(w["weight"]))["weight"] < -0.1
    assert max(second["explanation"], key=lambda w: float(w["weight"]))["word"] == "soars"
    shown = page.read_text()
    assert "b&gt;" in shown
    assert "<b>" not in shown
    assert "soars</span>" in shown
    table = tidings("score", "--explain", "Profit soars")
    assert "soars +" in table.stdout
    assert "explanation" not in json.loads(tidings("score", "--json", "Profit soars").stdout)


def test_score_explains_each_row_of_a_file(tmp_path: Path) -> None:
    source, target, page = tmp_path / "in.csv", tmp_path / "out.csv", tmp_path / "page.html"
    source.write_text("title,text\nProfit soars,\n,Bank collapses\n")
    arguments = ("score", "--input", str(source), "--output", str(target))
    done = tidings(*arguments, "--explain", "--explain-html", str(page))
    assert done.returncode == 0, done.stderr
    with target.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert rows[0]["explanation"].startswith("soars +")
    assert "collapses \N{MINUS SIGN}" in rows[1]["explanation"]
    assert page.read_text().count("<article><p>") == 2
    same = tidings(*arguments, "--explain-html", str(target))
    assert same.returncode == 2
    assert "--explain-html would overwrite" in same.stderr


def test_score_a_file_keeps_its_columns(tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv.gz", tmp_path / "out.jsonl"
    with gzip.open(source, "wt", newline="") as stream:
        csv.writer(stream).writerows(
            [["my id", "title", "text"], [7, "Profit soars", ""], [8, "", "Bank fails"]]
        )
    done = tidings("score", "--input", str(source), "--output", str(target))
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in target.read_text().splitlines()]
    assert [(row["my id"], row["sentiment_label"]) for row in rows] == [("7", "positive"), ("8", "negative")]
    back = tmp_path / "back.csv"
    assert tidings("score", "--input", str(target), "--output", str(back)).returncode == 0
    assert back.read_text().splitlines()[0].startswith("my id,title,text,topic,topic_p")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n", "no column title or text"),
        ("title\n\nx\n \n", "line"),
        (None, "cannot be read"),
    ],
)
def test_score_says_what_is_wrong_with_a_file(tmp_path: Path, content: str | None, message: str) -> None:
    source = tmp_path / "in.csv"
    if content is not None:
        source.write_text(content)
    done = tidings("score", "--input", str(source), "--output", str(tmp_path / "out.csv"))
    assert done.returncode == 2
    assert message in done.stderr
    assert str(source) in done.stderr
    assert not (tmp_path / "out.csv").exists(), "no half-written file is left under the name"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--only", "windows,alert"], "unknown part 'alert'"),
        (["score", "--input", "x.csv"], "belong together"),
        (["score", "--explain-html", "/nowhere/p.html", "Bank fails"], "/nowhere/p.html: cannot be written"),
        (["replay", "x.csv", "--from", "yesterday"], "--from must be a date"),
        (["replay", "x.csv", "--speed", "-1"], "--speed must be"),
        (["check", "--config", "/nowhere.toml"], "/nowhere.toml"),
        (["rules", "check", "/nowhere.yaml"], "/nowhere.yaml"),
        (["model", "evaluate", "--split", "x"], "--split must be one of"),
        (["model", "info", "--model", "/nowhere"], "no model at /nowhere"),
        (["dlq", "show", "1:x"], "write PARTITION:OFFSET"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(arguments: list[str], message: str) -> None:
    done = tidings(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_rules_check_says_what_the_default_rule_does() -> None:
    done = tidings("rules", "check")
    assert done.returncode == 0
    assert "negative-spike" in done.stdout
    assert "5 rules, all valid" in done.stdout


def test_model_info_names_the_model_and_its_licence() -> None:
    done = tidings("model", "info")
    assert done.returncode == 0
    assert "Apache-2.0" in done.stdout
    assert "verified" in done.stdout


def test_version() -> None:
    assert tidings("--version").stdout.startswith("tidings ")
