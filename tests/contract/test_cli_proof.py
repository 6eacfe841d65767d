"""`tidings store audit`, `reconcile` and `status` as people and scripts meet them."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from service import cli
from store.store import open_store
from tests.contract.test_store_audit import at, deliver
from tests.contract.test_store_reconcile import corrupt
from tests.items import T0, scored
from tidings.settings import StoreSettings
from tidings.types import Consumed


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TIDINGS_STORE_FOLDER", str(tmp_path / "store"))
    monkeypatch.setenv("TIDINGS_STORE_KEEP_CONSUMED_DAYS", "100000")
    monkeypatch.setenv("COLUMNS", "160")
    store = open_store(StoreSettings(folder=tmp_path / "store"))
    deliver(store, *(at(offset, scored(f"i{offset}", offset, entities=["Acme"])) for offset in range(4)))
    store.record([Consumed("social.raw", 1, 12_345, reason="no_text")])
    store.roll()
    store.close()
    return tmp_path / "store"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, ["store", *arguments])


def test_an_audit_without_a_loss_exits_0_and_with_one_1(folder: Path) -> None:
    shown = run("audit")
    assert shown.exit_code == 0
    assert [line.split() for line in shown.stdout.splitlines() if "12,345" in line] == [
        ["│", "social.raw", "│", "1", "│", "12,345", "│", "12,345", "│", "1", "│", "0", "│", "0", "│", "1", "│", "0",
         "│", "0", "│", "0", "│", "0", "│"]
    ]  # fmt: skip
    assert run("audit", "--to", "2001-01-01").stdout == "no offset was recorded in that time\n"
    assert run("audit", "--from", "yesterday").exit_code != 0
    assert run("audit", "--from", "2026-01-02", "--to", "2026-01-01").exit_code != 0
    store = open_store(StoreSettings(folder=folder))
    store.record([Consumed("news.raw", 0, 4, "lost")])
    store.close()
    found = run("audit", "--json")
    assert found.exit_code == 1
    assert [(row["kafka_topic"], row["unexplained"]) for row in json.loads(found.stdout)] == [
        ("news.raw", 1),
        ("social.raw", 0),
    ]


def test_a_difference_exits_1_until_it_is_repaired(folder: Path) -> None:
    assert "16 windows compared, 0 differ; 0 minutes wait" in run("reconcile").stdout
    store = open_store(StoreSettings(folder=folder))
    corrupt(store, "entity", "negative_stories", 1)
    store.close()
    period = ("--from", "2026-03-02T09:01:00Z", "--to", "2026-03-02T09:03")
    shown = run("reconcile", *period)
    assert shown.exit_code == 1
    assert [line.split() for line in shown.stdout.splitlines() if "09:01 │" in line] == [
        [
            "│",
            "entity",
            "│",
            "Acme",
            "│",
            "2026-03-02",
            "09:01",
            "│",
            "negative",
            "stories",
            "│",
            "2",
            "│",
            "1",
            "│",
        ]
    ]
    assert json.loads(run("reconcile", "--json").stdout)["differing"] == 4
    repaired = run("reconcile", "--repair", *period)
    assert repaired.exit_code == 0
    assert "2 minutes recomputed; 0 windows still differ" in repaired.stdout
    assert json.loads(run("reconcile", "--json", "--repair").stdout)["repaired_minutes"] == 2
    assert run("reconcile").exit_code == 0


def test_status_says_what_became_of_the_last_day_and_what_is_kept(folder: Path) -> None:
    values = json.loads(run("status", "--json").stdout)
    assert (values["items"], values["offsets_consumed"], values["offsets_unexplained"]) == (4, 5, 0)
    assert (values["dirty_minutes"], values["oldest_dirty"]) == (0, None)
    assert values["keep_consumed_days"] == 100_000
    assert values["last_published"] == str(T0 + timedelta(minutes=3))
    assert "offsets dead letters" in run("status").stdout
