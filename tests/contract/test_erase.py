"""Deletion on request, over both backends."""

from datetime import timedelta

import pytest

from store import erase as erase_module
from store.store import Store
from tests.contract.test_windows import recounted, windows_of
from tests.items import T0, scored
from tidings.errors import ConfigError, TidingsError
from tidings.types import Alert

HOUR = timedelta(hours=1)
SECRET = "Jane Doe's secret"


def fill(store: Store) -> None:
    store.insert(
        [
            scored("a", 1, story="s", entities=["Acme"], title=SECRET),
            scored("b", 5, story="s", entities=["Acme"], title="a copy"),
            scored("c", 3, entities=["Acme"], title=SECRET),
            scored("d", 3, entities=["Acme"]),
        ]
    )
    store.insert([scored("a", 2, story="s", entities=["Acme"], title=SECRET)])  # it has been at two places
    store.roll()


def rows_with(store: Store, item_id: str) -> int:
    tables = ("item_versions", "story_items", "item_minutes")
    return sum(
        int(store.sql(f"SELECT count() FROM {table} WHERE item_id = '{item_id}'", "TSV")) for table in tables
    )


def test_what_is_deleted_is_gone_from_rows_counts_and_alerts_and_stays_gone(store: Store) -> None:
    fill(store)
    evidence = store.evidence("entity", "Acme", T0, T0 + HOUR, 9)
    alert = Alert(
        alert_id="id-1", fingerprint="f", rule="r", scope="entity", key="Acme", severity="critical", state="firing",
        value=9.5, expected=0.25, p_value=1e-9, window_seconds=600, started_at=T0, evidence=evidence,
    )  # fmt: skip
    store.save_alerts([alert])
    store.save_alerts([alert])

    found = store.preview_erase(f"title LIKE '{SECRET.replace(chr(39), chr(92) + chr(39))}%' -- a comment")
    assert (found.items, found.first_published, found.last_published) == (
        2,
        T0 + timedelta(minutes=2),
        T0 + timedelta(minutes=3),
    )
    assert found.headlines == (SECRET, SECRET)
    told: list[int] = []
    assert store.erase("position(title, 'Jane') > 0", told.append) == 2
    assert told == [2]

    assert rows_with(store, "a") == rows_with(store, "c") == 0
    assert rows_with(store, "b") == rows_with(store, "d") == 3
    assert store.status().dirty_minutes == 0
    assert windows_of(store) == recounted(store)
    by_minute = "SELECT right(toString(start), 8), items, stories FROM sentiment_1m WHERE scope = 'all' ORDER BY start"
    assert store.sql(by_minute, "TSV") == "09:03:00\t1\t1\n09:05:00\t1\t1\n", (
        "the copy is now the story's earliest"
    )
    (shown,) = store.alerts(9)
    assert sorted(part.title for part in shown.evidence) == ["(deleted)", "(deleted)", "headline of d"]
    assert store.sql("SELECT count() FROM alert_rows WHERE position(evidence, 'Jane') > 0", "TSV") == "0\n"

    fill(store)  # a replay
    assert rows_with(store, "a") == rows_with(store, "c") == 0
    assert windows_of(store) == recounted(store)
    assert store.erase("position(title, 'Jane') > 0") == 0


def test_an_interrupted_deletion_is_finished_by_the_next(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store)

    def crash(client: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(erase_module, "_remove", crash)
        with pytest.raises(KeyboardInterrupt):
            store.erase("item_id = 'a'")
    store.roll()
    assert windows_of(store) == recounted(store), "dead before it is removed"
    assert store.preview_erase("item_id = 'a'").items == 0
    assert rows_with(store, "a") > 0
    assert store.erase("item_id = 'a'") == 0
    assert rows_with(store, "a") == 0


def test_more_than_one_statement_takes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erase_module, "_CHUNK", 3)
    store.insert([scored(f"i{number}", number) for number in range(8)])
    store.roll()
    assert store.erase("1") == 8
    assert store.status().items == 0
    assert store.totals("all", T0, T0 + HOUR, 0)[0].items == 0


@pytest.mark.parametrize("where", ["1; DROP TABLE items", "1) INTO OUTFILE 'x' --", "1 = 1 INTO OUTFILE 'x'"])
def test_only_a_condition_is_taken(store: Store, where: str) -> None:
    store.insert([scored("a")])
    for action in (store.preview_erase, store.erase):
        with pytest.raises(ConfigError):
            action(where)
    with pytest.raises(TidingsError, match="the store refused"):
        store.erase("no_such_column = 1")
    assert store.status().items == 1
