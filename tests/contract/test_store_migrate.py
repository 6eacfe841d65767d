"""Migrations that are interrupted, changed or ahead, over both backends."""

from pathlib import Path

import pytest

from store.client import connect
from store.migrate import SCHEMA, migrate, pending
from store.store import open_store
from tidings.errors import ConfigError, TidingsError
from tidings.settings import StoreSettings


def test_an_interrupted_migration_goes_on_where_it_was(store_settings: StoreSettings, tmp_path: Path) -> None:
    (tmp_path / "001_all.sql").write_text(
        "CREATE TABLE IF NOT EXISTS done (n UInt8) ENGINE = MergeTree ORDER BY n;\n"
        "INSERT INTO done SELECT 1;\n"
        "INSERT INTO done SELECT n FROM missing;\n"
        "INSERT INTO done SELECT 3"
    )
    client = connect(store_settings)
    for _ in range(2):
        with pytest.raises(TidingsError, match="missing"):
            migrate(client, tmp_path)
    assert client.query("SELECT n FROM done") == [(1,)], "the second statement ran once"
    client.execute("CREATE TABLE missing ENGINE = Memory AS SELECT toUInt8(2) AS n")
    assert migrate(client, tmp_path) == ["001_all"]
    assert client.query("SELECT n FROM done ORDER BY n") == [(1,), (2,), (3,)]
    assert migrate(client, tmp_path) == []
    client.close()


def test_a_file_changed_after_it_was_applied_is_told_and_nothing_runs(
    store_settings: StoreSettings, tmp_path: Path
) -> None:
    file = tmp_path / "001_all.sql"
    file.write_text("CREATE TABLE IF NOT EXISTS a (n UInt8) ENGINE = MergeTree ORDER BY n")
    client = connect(store_settings)
    assert migrate(client, tmp_path) == ["001_all"]
    file.write_text(file.read_text() + ";\nCREATE TABLE b (n UInt8) ENGINE = MergeTree ORDER BY n")
    with pytest.raises(ConfigError, match=r"001_all\.sql is not the file .* put the released file back"):
        migrate(client, tmp_path)
    assert (
        client.query("SELECT name FROM system.tables WHERE database = currentDatabase() AND name = 'b'") == []
    )
    client.close()


def test_what_is_pending_is_told_and_the_store_left_alone(store_settings: StoreSettings) -> None:
    assert [m.name for m in pending(store_settings)] == sorted(path.stem for path in SCHEMA.glob("*.sql"))
    probe = connect(store_settings, create=False)
    database = {"name": store_settings.database}
    assert probe.query("SELECT name FROM system.databases WHERE name = {name:String}", database) == []
    probe.close()
    open_store(store_settings).close()
    assert pending(store_settings) == []
