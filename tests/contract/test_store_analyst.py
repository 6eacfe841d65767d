"""What the analysts' user may read, held by ClickHouse's own access control.

chDB knows one user, `default`. Here that user has the analysts' rights, and the views a definer with all rights, as
they have on a server where Tidings' own user made them.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from store.analyst import readable
from store.client_reader import EmbeddedReader
from store.public import hidden_tables, public_views
from store.reading import Limits, QueryError
from store.store import Store, open_store
from tests.contract.test_store_audit import at, deliver
from tests.items import T0, scored
from tests.unit.outbox_memory import alert_of
from tidings.settings import StoreSettings
from tidings.types import Notification

_DENIED = 497
_USERS = """<clickhouse><profiles><default/></profiles><quotas><default/></quotas><users>
<default><password/><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>
<grants><query>{grant}</query></grants></default>
<tidings><password/><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>
<grants><query>GRANT ALL ON *.* WITH GRANT OPTION</query></grants></tidings>
</users></clickhouse>"""
_RUN = """
import json, re, sys
from chdb.session import Session

def run(session, sql):
    try:
        return session.query(sql, "TSV").bytes().decode()
    except RuntimeError as error:
        return int(re.search(r"Code: (\\d+)", str(error))[1])

session = Session(sys.argv[1])
print(json.dumps([run(session, sql) for sql in json.load(sys.stdin)]))
"""


def asked(folder: Path, grant: str, statements: list[str]) -> list[object]:
    """What a user with these rights is answered: a text, or ClickHouse's error code."""
    users = folder.parent / "users.xml"
    users.write_text(_USERS.format(grant=grant))
    config = folder.parent / "config.xml"
    config.write_text(f"<clickhouse><users_config>{users}</users_config></clickhouse>")
    command = [sys.executable, "-c", _RUN, f"{folder}?config-file={config}"]
    done = subprocess.run(
        command, input=json.dumps(statements), capture_output=True, text=True, check=True, timeout=60
    )
    answers: list[object] = json.loads(done.stdout)
    return answers


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("analyst") / "store"
    store = open_store(StoreSettings(folder=path))
    deliver(store, at(0, scored("a", entities=["Acme", "Borealis"])), at(1, scored("b", 1)))
    store.roll()
    alert = alert_of("Acme", T0)
    store.save_alerts([alert])
    store.outbox.save_notifications([Notification("n", "desk", "g", "firing", (alert,), T0)])
    store.close()
    return path


def test_the_views_can_be_read_and_nothing_beneath(folder: Path) -> None:
    views = public_views()
    definer = [f"ALTER TABLE tidings.{view} MODIFY DEFINER = tidings SQL SECURITY DEFINER" for view in views]
    assert asked(folder, "GRANT ALL ON *.* WITH GRANT OPTION", definer) == [""] * len(views)
    tables = sorted(hidden_tables() - {"item_rows", "notification_rows"})  # these were dropped
    grant = f"GRANT {readable(StoreSettings())}"
    statements = [f"SELECT * FROM tidings.{name} FORMAT Null" for name in [*views, *tables]]
    statements += [
        "SELECT count() FROM tidings.items",
        "INSERT INTO tidings.item_minutes VALUES ('a', 0, 's')",
    ]
    assert asked(folder, grant, statements) == [
        *[""] * len(views), *[_DENIED] * len(tables), "2\n", _DENIED,
    ]  # fmt: skip


def test_without_a_definer_the_views_alone_would_not_do(folder: Path) -> None:
    invoker = ["ALTER TABLE tidings.items MODIFY SQL SECURITY INVOKER"]
    assert asked(folder, "GRANT ALL ON *.* WITH GRANT OPTION", invoker) == [""]
    statements = ["SELECT count() FROM tidings.items"]
    assert asked(folder, f"GRANT {readable(StoreSettings())}", statements) == [_DENIED]


def test_every_view_is_read_by_the_rights_of_who_made_it(store: Store) -> None:
    """A later migration that replaces a view must say so again."""
    rows = store._client.query(
        "SELECT name, position(create_table_query, 'SQL SECURITY DEFINER') > 0 FROM system.tables"
        " WHERE database = currentDatabase() AND engine = 'View' ORDER BY name"
    )
    assert [(name, bool(by_definer)) for name, by_definer in rows] == [
        (name, True) for name in public_views()
    ]


def test_every_table_is_hidden_or_a_view(store: Store) -> None:
    rows = store._client.query("SELECT name FROM system.tables WHERE database = currentDatabase()")
    assert {name for (name,) in rows} == {*public_views(), *hidden_tables()} - {
        "item_rows",
        "notification_rows",
    }


def test_the_readers_of_an_embedded_store_read_its_views_only(migrated: Path, tmp_path: Path) -> None:
    """It has no users: who asks over HTTP is refused by the names in the statement."""
    shutil.copytree(migrated, tmp_path / "store", symlinks=True)
    reader = EmbeddedReader(tmp_path / "store", "tidings", Limits(9, 9999, 10**6, 10**9))
    for view in public_views():
        assert reader.ask(f"SELECT count() FROM {view}").data in (b"0\n", b"1\n"), view
    for sql in (
        "SELECT * FROM item_versions", "SELECT 1 WHERE 1 IN (SELECT count() FROM tidings.`erased_items`)",
        "DESCRIBE alert_rows", "SELECT * FROM merge('tidings', '^item_')", "SELECT * FROM key_windows_feed",
        "SELECT * FROM mergeTreeIndex('tidings', 'item_versions')", "WITH (SELECT 1 FROM window_rows) AS x SELECT x",
    ):  # fmt: skip
        with pytest.raises(QueryError, match="ACCESS_DENIED") as error:
            reader.ask(sql)
        assert error.value.code == _DENIED, sql
    assert reader.ask("SELECT 'item_versions' AS cluster, 1 AS merge").data == b"item_versions\t1\n"


def test_on_a_cluster_a_shard_asks_for_the_rights_of_whoever_asks() -> None:
    assert readable(StoreSettings(cluster="c")) == "SELECT ON tidings.*"
