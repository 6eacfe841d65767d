"""`tidings backtest` on small files, with the shipped model: what it reports, keeps, compares and refuses."""

import csv
import json
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from service import cli
from service.backtest_events import read_events
from tests.unit.test_cli import tidings
from tidings.errors import ConfigError

START = datetime(2024, 1, 1, tzinfo=UTC)
RULES = "rules: [{name: spike, baseline: 20d, min_stories: 3, keep_firing_for: 24h}]"
TROUBLE = (
    "files for bankruptcy",
    "halts withdrawals",
    "under fraud probe",
    "chief arrested",
    "shares collapse",
)
EVENTS = """name,keys,from,to
run on the bank,nobody;northwind BANK,2024-01-25,2024-01-25
quiet,Contoso,2024-01-10,2024-01-12
"""


@pytest.fixture(scope="module")
def news(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty days with two calm stories a day; on the 25th five bad ones on one bank, from 9:00 on."""
    path = tmp_path_factory.mktemp("news") / "news.csv"
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(("published_at", "title"))
        for day in range(30):
            for hour, name in ((8, "Northwind Bank"), (15, "Contoso Energy")):
                at = START + timedelta(days=day, hours=hour)
                out.writerow((at.isoformat(), f"{name} opens office number {day}"))
        for number in range(10):
            at = START + timedelta(days=24, hours=9, minutes=5 * number)
            out.writerow((at.isoformat(), f"Northwind Bank {TROUBLE[number % 5]}, source {number} says"))
        out.writerow(("1066-10-14T00:00:00Z", "Too long ago"))
    return path


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tidings"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


def report(*arguments: object) -> Any:
    done = CliRunner().invoke(cli.app, ["backtest", "--json", *map(str, arguments)])
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def test_what_fired_when_and_why(news: Path, rules: Path, tmp_path: Path, cache: Path) -> None:
    events, picture = tmp_path / "events.csv", tmp_path / "picture.html"
    events.write_text(EVENTS)
    found = report("--input", news, "--rules", rules, "--events", events, "--plot", picture)
    (alert,) = found["alerts"]
    assert (alert["rule"], alert["labels"]) == ("spike", {"scope": "entity", "key": "Northwind Bank"})
    assert "2024-01-25T09:30" <= alert["fired_at"] <= "2024-01-25T10:00"
    assert alert["resolved_at"] > "2024-01-26"
    assert alert["value"] > 3 > alert["expected"]
    assert alert["evidence"][0]["title"].startswith("Northwind Bank")
    assert alert["evidence"][0]["published_at"].startswith("2024-01-25T09:")
    assert set(alert["evidence"][0]) >= {"title", "published_at", "source", "url", "sentiment", "p_negative"}
    first, second = found["events"]
    assert (first["found"], first["key"], first["fired_at"]) == (True, "Northwind Bank", alert["fired_at"])
    assert 9 * 3600 < first["delay_seconds"] <= 10 * 3600
    assert 0 < first["delay_after_first_story_seconds"] <= 3600
    assert (second["found"], second["fired_at"], second["delay_seconds"]) == (False, None, None)
    totals = found["totals"]
    assert (totals["alerts"], totals["items"], totals["refused_rows"]) == (1, 70, 1)
    assert totals["weeks"] == pytest.approx(30 / 7, abs=0.01)
    assert totals["false_alarms_per_week"] == 0
    assert totals["items_per_second"] > 0
    assert found["rules"] == [
        {"rule": "spike", "alerts": 1, "alerts_per_week": pytest.approx(7 / 30, abs=0.001)}
    ]
    page = picture.read_text()
    assert "http" not in page.replace("http://www.w3.org/2000/svg", ""), "self-contained"
    ET.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])
    assert page.count("<circle") == 1
    assert len(list(cache.glob("scores-*.npz"))) == 1


def test_kept_scores_give_the_same_and_damaged_ones_are_made_again(
    news: Path, rules: Path, cache: Path
) -> None:
    first = report("--input", news, "--rules", rules)
    (kept,) = cache.glob("*")
    second = report("--input", news, "--rules", rules)
    kept.write_bytes(b"PK nonsense")
    third = report("--input", news, "--rules", rules)
    assert first["alerts"] == second["alerts"] == third["alerts"]
    kept.unlink()
    report("--input", news, "--rules", rules, "--no-cache")
    assert not list(cache.glob("*"))


def test_two_rule_files_side_by_side(news: Path, rules: Path, tmp_path: Path) -> None:
    deaf = tmp_path / "deaf.yaml"
    deaf.write_text(RULES.replace("min_stories: 3", "min_stories: 300"))
    found = report("--input", news, "--rules", rules, "--compare", deaf)
    other = found["comparison"]
    assert (other["rules_file"], other["totals"]["alerts"], other["only_here"]) == (str(deaf), 0, [])
    assert [alert["labels"]["key"] for alert in other["only_there"]] == ["Northwind Bank"]
    assert report("--input", news, "--rules", rules, "--compare", rules)["comparison"]["only_there"] == []


def test_a_period_of_the_file(news: Path, rules: Path) -> None:
    assert report("--input", news, "--rules", rules, "--to", "2024-01-25")["alerts"] == []
    found = report("--input", news, "--rules", rules, "--from", "2024-01-25", "--to", "2024-01-26")
    assert len(found["alerts"]) == 1, "what lies before is the past"
    assert found["totals"]["items"] == 12


def test_a_suggestion_for_a_budget(news: Path, rules: Path) -> None:
    (suggestion,) = report("--input", news, "--rules", rules, "--suggest", "0.01")["suggestions"]
    assert suggestion == {"rule": "spike", "p_below": None, "alerts_per_week": None}


def test_tables_for_a_person(news: Path, rules: Path, tmp_path: Path) -> None:
    events = tmp_path / "events.yaml"
    events.write_text(
        "events:\n- {name: run, keys: [Northwind Bank], from: 2024-01-25, to: 2024-01-25}\n"
        "- {name: quiet, keys: [Contoso], from: 2024-01-10, to: 2024-01-12}\n"
    )
    done = tidings("backtest", "--input", str(news), "--rules", str(rules), "--events", str(events))
    assert done.returncode == 0, done.stderr
    for words in ("Northwind", "missed", "1 rows are invalid"):
        assert words in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--input FILE, or --from and --to"),
        (("--step", "20s"), "--step must be whole minutes"),
        (("--step", "soon"), "--step must be a duration"),
        (("--from", "soon"), "--from must be a date"),
        (("--input", "NEWS", "--from", "2030-01-01"), "no item lies in the period"),
        (("--input", "NEWS", "--plot", "x.png"), "--plot writes .svg or .html"),
        (("--input", "nowhere.csv"), "nowhere.csv"),
    ],
)
def test_wrong_usage_says_what_to_do(news: Path, arguments: tuple[str, ...], words: str) -> None:
    done = CliRunner().invoke(
        cli.app, ["backtest", *(str(news) if part == "NEWS" else part for part in arguments)]
    )
    assert isinstance(done.exception, ConfigError)
    assert words in str(done.exception)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("e.csv", "name,keys,from\n", "no column to"),
        ("e.csv", "name,keys,from,to\nx,,2024-01-01,2024-01-02\n", "line 2: keys is missing"),
        ("e.csv", "name,keys,from,to\nx, ; ,2024-01-01,2024-01-02\n", "keys names nothing"),
        ("e.csv", "name,keys,from,to\nx,a,soon,2024-01-02\n", "line 2: from must be a date"),
        ("e.csv", "name,keys,from,to\nx,a,2024-01-03,2024-01-02\n", "to must be after from"),
        ("e.yaml", "events: 1\n", "a list under 'events:'"),
        ("e.yaml", "events: [a]\n", "event 1: must be a mapping"),
        ("e.yaml", "{", "not valid YAML"),
        ("e.yaml", "events: [{name: x, keys: a, from: 2024-01-01}]", "event 1: to is missing"),
    ],
)
def test_a_wrong_events_file(tmp_path: Path, name: str, content: str, words: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(ConfigError, match=words) as error:
        read_events(path)
    assert str(path) in str(error.value)


def test_dates_are_whole_days_and_moments_are_not(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text(
        "name,keys,from,to\nx,a;b,2024-01-01,2024-01-02\ny,c,2024-01-01T10:00:00Z,2024-01-01T12:00\n"
    )
    one, two = read_events(path)
    assert (one.keys, one.end - one.start) == (("a", "b"), timedelta(days=2))
    assert two.end - two.start == timedelta(hours=2)


def test_no_events_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_events(tmp_path / "none.yaml")
