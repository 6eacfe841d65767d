"""`tidings store reroll`, `rescore` and `delete`, with the shipped model, on a store in a folder."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from service import cli
from store.store import open_store
from tests.contract.test_windows import recounted, windows_of
from tests.items import T0, scored
from tidings.settings import StoreSettings

DAY = ("--from", "2026-03-02", "--to", "2026-03-03")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of two items that an earlier model took for negative."""
    monkeypatch.setenv("TIDINGS_STORE_FOLDER", str(tmp_path / "store"))
    store = open_store(StoreSettings(folder=tmp_path / "store"))
    store.insert(
        [
            scored("good", 1, title="Profit soars to a record", entities=["Acme"]),
            scored("bad", 2, title="Bank collapses amid fraud probe"),
        ]
    )
    store.roll()
    store.close()
    return tmp_path / "store"


def tidings(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(cli.app, arguments, input=typed)


def test_rescore_gives_a_period_the_present_models_scores(folder: Path) -> None:
    store = open_store(StoreSettings(folder=folder))
    items = [item for _, items in store.scored_by_others("new", T0, T0.replace(hour=10)) for item in items]
    sent = scored("good", 1, title="Profit soars to a record", entities=["Acme"])
    found, _ = items
    assert found.item == sent.item
    assert replace(found, prediction=sent.prediction) == sent
    assert found.prediction.p_negative == pytest.approx(sent.prediction.p_negative)
    store.close()

    done = tidings("store", "rescore", *DAY)
    assert done.exit_code == 0, done.output
    assert "scored 2 items again" in done.output
    assert "scored 0 items again" in tidings("store", "rescore", *DAY).output, "it is done"
    store = open_store(StoreSettings(folder=folder))
    labels = store.sql("SELECT item_id, sentiment_label FROM items ORDER BY item_id", "TSV")
    assert labels == "bad\tnegative\ngood\tpositive\n"
    assert windows_of(store) == recounted(store)
    store.close()


def test_reroll_counts_a_period_again(folder: Path) -> None:
    done = tidings("store", "reroll", *DAY)
    assert (done.exit_code, "counted 2 minutes again" in done.output) == (0, True), done.output
    wrong = tidings("store", "reroll", "--from", "2026-03-03", "--to", "2026-03-02")
    assert wrong.exit_code != 0
    assert "--from must be before --to" in str(wrong.exception or wrong.output)


def test_delete_shows_and_asks_before_it_deletes(folder: Path) -> None:
    arguments = ("store", "delete", "--where", "title ILIKE '%bank%'")
    asked = tidings(*arguments, typed="n\n")
    assert asked.exit_code == 1
    assert "1 items" in asked.output
    assert "Bank collapses amid fraud probe" in asked.output
    assert _items(folder) == 2
    assert "deleted 1 items" in tidings(*arguments, "--yes").output
    assert _items(folder) == 1


def _items(folder: Path) -> int:
    store = open_store(StoreSettings(folder=folder))
    count = json.loads(store.sql("SELECT count() AS n FROM items", "JSONEachRow"))["n"]
    store.close()
    return int(count)
