"""The store on a cluster, as far as it goes without one: every statement parses, and the whole store works over real
Distributed tables of one shard (tests/native_server.py leaves out ON CLUSTER and Keeper)."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from store.analyst import analyst_statements
from store.client import Client, connect
from store.cluster import cluster_statements
from store.migrate import BOOK, migrate, pending, preview, read_migrations
from store.retention import apply_retention, wishes
from store.store import Store, open_store
from tests.items import T0, scored
from tests.native_server import native_server
from tidings.settings import StoreSettings
from tidings.types import Consumed

HOUR = timedelta(hours=1)
SCHEMA = [*BOOK, *(statement for migration in read_migrations() for statement in migration.statements)]


@pytest.fixture(scope="module")
def cluster_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreSettings]:
    with native_server(tmp_path_factory.mktemp("cluster") / "data", "--cluster", "two_by_two") as (
        host,
        port,
    ):
        yield StoreSettings(
            backend="server", host=host, port=port, cluster="two_by_two", database="news",
            server_settings=("prefer_localhost_replica = 1",),  # its shard listens nowhere: it is the process itself
        )  # fmt: skip


@pytest.fixture(scope="module")
def cluster(cluster_settings: StoreSettings) -> Iterator[Store]:
    assert len(pending(cluster_settings)) == len(read_migrations())
    opened = open_store(cluster_settings)
    yield opened
    opened.close()


def statements() -> list[str]:
    settings = StoreSettings(backend="server", cluster="c")
    found = [one for sql in SCHEMA for one in cluster_statements(sql, "c", "tidings")]
    for kept in wishes(
        StoreSettings(keep_items_days=9, keep_consumed_days=9, cold_volume="cold", cold_after_days=3)
    ):
        for action in (
            f"MODIFY TTL {kept.ttl or 'a'}",
            "REMOVE TTL",
            "MODIFY SETTING ttl_only_drop_parts = 1",
        ):
            found += cluster_statements(f"ALTER TABLE {kept.table} {action}", "c", "tidings")
    for sql in (
        "ALTER TABLE x DELETE WHERE a IN {ids:Array(String)} SETTINGS mutations_sync = 2", "DELETE FROM x WHERE a = 1",
        "OPTIMIZE TABLE x FINAL", "TRUNCATE TABLE IF EXISTS x", "DROP VIEW IF EXISTS x", "CREATE DATABASE x",
    ):  # fmt: skip
        found += cluster_statements(sql, "c", "tidings")
    return (
        found + analyst_statements(settings, "p", "00ff") + analyst_statements(StoreSettings(), "p", "00ff")
    )


def test_every_statement_is_one_that_clickhouse_parses(server_settings: StoreSettings) -> None:
    client = connect(server_settings)
    for statement in statements():
        parsed = "\n".join(line for (line,) in client.query(f"EXPLAIN AST {statement}", {"ids": ["a"]}))
        assert parsed, statement
    client.close()


def test_tables_are_distributed_over_their_own_parts(cluster: Store) -> None:
    rows = cluster._client.query(
        "SELECT name, engine FROM system.tables WHERE database = currentDatabase() AND engine NOT LIKE '%View'"
    )
    engines = dict(rows)
    whole = {name for name in engines if not name.endswith("_local")}
    assert {engines[name] for name in whole} == {"Distributed"}
    assert {f"{name}_local" for name in whole} == engines.keys() - whole
    assert {"item_versions", "window_rows", "key_windows", "consumed_rows"} <= whole
    assert "item_rows" not in whole, "what 004 drops is dropped on both"


def test_it_counts_as_one_server_does(cluster: Store) -> None:
    items = [scored(str(i), i % 7, story=f"s{i % 5}", entities=["Acme"]) for i in range(40)]
    for _ in range(2):
        cluster.insert(items)
        cluster.roll()
    found = cluster.totals("entity", T0, T0 + HOUR, 0)
    assert [(w.key, w.items, w.stories) for w in found] == [("Acme", 40, 5)]
    cluster.insert([scored("7", 30, story="s2", entities=["Borealis"])])
    cluster.roll()
    assert {w.key: w.items for w in cluster.totals("entity", T0, T0 + HOUR, 0)} == {"Acme": 39, "Borealis": 1}
    assert cluster.reconcile(T0, T0 + HOUR).differences == ()
    cluster.record([Consumed("news.raw", 0, n, item_id=str(n)) for n in range(5)])
    assert [one.consumed for one in cluster.audit()] == [5]
    assert cluster.erase("source = 'wire' AND item_id IN ('1', '2')") == 2
    assert cluster.status().items == 38
    assert len(cluster.evidence("entity", "Acme", T0, T0 + HOUR, 9)) == 5
    for view in (
        "items",
        "stories",
        "sources",
        "sentiment_1m",
        "sentiment_1d",
        "top_negative",
        "consumed",
        "audit",
    ):
        assert cluster.sql(f"SELECT count() > 0 FROM {view}", "TSV").strip() in ("1", "True"), view


def test_retention_reaches_the_tables_that_hold_rows(cluster: Store, cluster_settings: StoreSettings) -> None:
    client: Client = cluster._client
    days = StoreSettings(cluster=cluster_settings.cluster, keep_windows_days=3000)
    assert apply_retention(client, days) == ["window_rows", "key_windows", "dirty_minutes"]
    assert apply_retention(client, days) == []
    assert len(apply_retention(client, StoreSettings(cluster=cluster_settings.cluster))) == 3


def test_nothing_is_pending_and_the_preview_is_what_a_cluster_gets(
    cluster: Store, cluster_settings: StoreSettings
) -> None:
    assert migrate(cluster._client) == []
    assert pending(cluster_settings) == []
    text = preview(read_migrations(), "c", "news")
    assert text.count("ON CLUSTER 'c'") > text.count("CREATE")  # also what is altered and dropped
