"""The schema on a cluster: what each statement becomes. That they parse and work: tests/contract."""

import pytest

from store.cluster import CLUSTER_SETTINGS, SHARDING, cluster_statements
from store.migrate import BOOK, read_migrations
from tidings.errors import ConfigError

STATEMENTS = [*BOOK, *(statement for migration in read_migrations() for statement in migration.statements)]


def forms(sql: str) -> list[str]:
    return cluster_statements(sql, "c", "news")


def test_a_table_becomes_a_replicated_part_and_a_distributed_whole() -> None:
    assert forms(
        "-- why\nCREATE TABLE IF NOT EXISTS item_versions\n(\n    item_id String,\n    n Decimal(9, 2)\n)\n"
        "ENGINE = ReplacingMergeTree(version, is_deleted)\nPARTITION BY toYYYYMM(minute)\n"
        "ORDER BY (minute, item_id)\nSETTINGS index_granularity = 256\nCOMMENT 'it''s; (all)'"
    ) == [
        "CREATE TABLE IF NOT EXISTS item_versions_local ON CLUSTER 'c'\n(\n    item_id String,\n"
        "    n Decimal(9, 2)\n)\nENGINE = ReplicatedReplacingMergeTree("
        "'/clickhouse/tables/{shard}/{database}/item_versions_local', '{replica}', version, is_deleted)\n"
        "PARTITION BY toYYYYMM(minute)\nORDER BY (minute, item_id)\nSETTINGS index_granularity = 256\n"
        "COMMENT 'it''s; (all)'",
        "CREATE TABLE IF NOT EXISTS item_versions ON CLUSTER 'c' AS item_versions_local\n"
        "ENGINE = Distributed('c', 'news', item_versions_local, cityHash64(item_id))\nCOMMENT 'it''s; (all)'",
    ]


def test_an_engine_without_arguments_gets_only_its_place_in_keeper() -> None:
    own, whole = forms(
        "CREATE TABLE dirty_minutes (minute DateTime) ENGINE = AggregatingMergeTree ORDER BY minute"
    )
    assert own == (
        "CREATE TABLE dirty_minutes_local ON CLUSTER 'c' (minute DateTime)\nENGINE = ReplicatedAggregatingMergeTree("
        "'/clickhouse/tables/{shard}/{database}/dirty_minutes_local', '{replica}') ORDER BY minute"
    )
    assert whole.endswith("Distributed('c', 'news', dirty_minutes_local, cityHash64(minute))")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CREATE DATABASE IF NOT EXISTS news", ["CREATE DATABASE IF NOT EXISTS news ON CLUSTER 'c'"]),
        ("CREATE OR REPLACE VIEW v AS\nSELECT 1", ["CREATE OR REPLACE VIEW v ON CLUSTER 'c' AS\nSELECT 1"]),
        (
            "CREATE MATERIALIZED VIEW v TO b AS\nSELECT n\nFROM a\nCOMMENT 'from a'",
            ["CREATE MATERIALIZED VIEW v ON CLUSTER 'c' TO b_local AS\nSELECT n\nFROM a_local\nCOMMENT 'from a'"],
        ),
        (
            "ALTER TABLE x ADD COLUMN IF NOT EXISTS a UInt8",
            [f"ALTER TABLE {name} ON CLUSTER 'c' ADD COLUMN IF NOT EXISTS a UInt8" for name in ("x_local", "x")],
        ),
        ("ALTER TABLE x MODIFY TTL a", ["ALTER TABLE x_local ON CLUSTER 'c' MODIFY TTL a"]),
        ("ALTER TABLE x DELETE WHERE a = {a:UInt8}", ["ALTER TABLE x_local ON CLUSTER 'c' DELETE WHERE a = {a:UInt8}"]),
        ("DELETE FROM x WHERE a = 1", ["DELETE FROM x_local ON CLUSTER 'c' WHERE a = 1"]),
        ("OPTIMIZE TABLE x FINAL", ["OPTIMIZE TABLE x_local ON CLUSTER 'c' FINAL"]),
        ("TRUNCATE TABLE x", ["TRUNCATE TABLE x_local ON CLUSTER 'c'"]),
        (
            "DROP TABLE IF EXISTS x",
            ["DROP TABLE IF EXISTS x ON CLUSTER 'c' SYNC", "DROP TABLE IF EXISTS x_local ON CLUSTER 'c' SYNC"],
        ),
        ("DROP VIEW x", ["DROP VIEW x ON CLUSTER 'c' SYNC"]),
        ("-- why\nALTER TABLE v MODIFY DEFINER = CURRENT_USER SQL SECURITY DEFINER", []),
        ("-- why\nINSERT INTO x SELECT 1", ["INSERT INTO x SELECT 1"]),
        ("WITH 1 AS a SELECT a", ["WITH 1 AS a SELECT a"]),
    ],
)  # fmt: skip
def test_other_statements(sql: str, expected: list[str]) -> None:
    assert forms(sql) == expected


@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_statement_of_the_schema_has_a_form(statement: str) -> None:
    assert forms(statement) or "SQL SECURITY DEFINER" in statement


def test_what_has_no_known_form_is_refused() -> None:
    with pytest.raises(ConfigError, match="no form for a cluster is known of: RENAME TABLE a TO b"):
        forms("RENAME TABLE a TO b")
    with pytest.raises(ConfigError, match="the table new_rows has no sharding key yet"):
        forms("CREATE TABLE new_rows (a UInt8) ENGINE = MergeTree ORDER BY a")


def test_versions_of_one_row_meet_on_one_shard() -> None:
    """The sharding key is made of columns that rows of one version chain share: those of ORDER BY."""
    for statement in STATEMENTS:
        if statement.startswith("CREATE TABLE"):
            name = statement.split("(")[0].split()[-1]
            order = statement.split("ORDER BY")[1].split("COMMENT")[0]
            key = SHARDING[name].removeprefix("cityHash64(").removesuffix(")")
            assert all(column in order for column in key.split(", ")), name


def test_an_acknowledged_insert_is_stored_and_seen() -> None:
    assert CLUSTER_SETTINGS["insert_distributed_sync"] == "1"
    assert CLUSTER_SETTINGS["distributed_product_mode"] == "global"
    assert CLUSTER_SETTINGS["parallel_distributed_insert_select"] == "0"
