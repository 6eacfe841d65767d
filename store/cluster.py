"""The schema's statements as a cluster wants them: replicated local tables under distributed ones. Pure.

The schema files know nothing of clusters. Of a table X they become X_local on every server (replicated by Keeper)
and X, which spreads rows over the shards and reads from all of them; views and queries stay as they are.
"""

import re

from tidings.errors import ConfigError

# What rows of one version chain agree in, so that they meet on one shard.
SHARDING = {
    "item_rows": "cityHash64(item_id)",
    "item_versions": "cityHash64(item_id)",
    "item_minutes": "cityHash64(item_id)",
    "story_items": "cityHash64(story_id)",
    "source_watermarks": "cityHash64(source)",
    "erased_items": "cityHash64(id_hash)",
    "item_retention": "cityHash64(kind)",
    "window_rows": "cityHash64(key)",
    "key_windows": "cityHash64(key)",  # as window_rows: each server copies its own rows
    "dirty_minutes": "cityHash64(minute)",
    "alert_rows": "cityHash64(alert_id)",
    "notification_rows": "cityHash64(notification_id)",
    "notification_log": "cityHash64(notification_id)",
    "silence_rows": "cityHash64(silence_id)",
    "acknowledgement_rows": "cityHash64(alert_id)",
    "consumed_rows": "cityHash64(kafka_topic, kafka_partition, kafka_offset)",
    "schema_migrations": "number",
    "schema_progress": "number",
}
# What each statement needs there for "acknowledged" to mean stored, and for answers to be as on one server.
CLUSTER_SETTINGS = {
    "insert_distributed_sync": "1",  # an insert is acknowledged when the shards have it
    "insert_quorum": "auto",  # … and most replicas of each shard
    "load_balancing": "in_order",  # everybody reads and writes the same replica while it is up,
    "prefer_localhost_replica": "0",  # whichever server was asked: what was inserted is seen
    "distributed_product_mode": "global",  # IN (SELECT …) means the rows of all shards
    "parallel_distributed_insert_select": "0",  # INSERT … SELECT groups over all shards, not on each
    "mutations_sync": "2",  # a deletion is done when all replicas have done it
}

_NAME = r"(?P<name>\w+)"
_LEADING_COMMENTS = re.compile(r"\A(?:\s*--[^\n]*\n)*\s*")
_CREATE_TABLE = re.compile(
    rf"CREATE TABLE (?P<if>IF NOT EXISTS )?{_NAME}(?P<columns>\s.*?)\n?ENGINE\s*=\s*"
    r"(?P<engine>\w*MergeTree)(?:\((?P<arguments>[^)]*)\))?(?P<rest>.*)\Z",
    re.DOTALL,
)
_COMMENT = re.compile(r"COMMENT '(?:[^'\\]|\\.|'')*'\s*\Z")
_CREATE_VIEW = re.compile(
    rf"(?P<head>CREATE (?:OR REPLACE )?VIEW (?:IF NOT EXISTS )?{_NAME})(?P<rest>\s.*)\Z", re.DOTALL
)
_CREATE_FEED = re.compile(
    r"(?P<head>CREATE MATERIALIZED VIEW (?:IF NOT EXISTS )?\w+) TO (?P<target>\w+)(?P<select>\s.*?)"
    r"\bFROM (?P<source>\w+)(?P<rest>.*)\Z",
    re.DOTALL,
)
_CREATE_DATABASE = re.compile(rf"(?P<head>CREATE DATABASE (?:IF NOT EXISTS )?{_NAME})\Z")
_ALTER = re.compile(rf"ALTER TABLE {_NAME}(?P<rest>\s.*)\Z", re.DOTALL)
_ALTERS_COLUMNS = re.compile(r"\s*(ADD|DROP|MODIFY|RENAME|COMMENT) COLUMN\b|\s*MODIFY COMMENT\b")
_RIGHTS_OF_VIEW = re.compile(r"\s*MODIFY DEFINER\b")
_DROP = re.compile(rf"DROP (?P<kind>TABLE|VIEW) (?P<if>IF EXISTS )?{_NAME}(?: SYNC)?\Z")
_LOCAL = re.compile(
    rf"(?P<head>(?:TRUNCATE|OPTIMIZE) TABLE (?:IF EXISTS )?|DELETE FROM ){_NAME}(?P<rest>.*)\Z", re.DOTALL
)
_AS_IT_IS = re.compile(
    r"(INSERT INTO|SELECT|WITH|SET|USE|GRANT|(CREATE|ALTER) (USER|QUOTA|SETTINGS PROFILE))\b"
)


def cluster_statements(sql: str, cluster: str, database: str) -> list[str]:
    """What `sql`, a statement of the schema or of the store's own code, is on the cluster; it may be nothing.

    Reading and inserting stay as they are, through the distributed tables; statements about users name the
    cluster themselves. Raises ConfigError for a statement that has no known form there.
    """
    statement = _LEADING_COMMENTS.sub("", sql).strip()
    on = f"ON CLUSTER '{cluster}'"
    if _AS_IT_IS.match(statement):
        return [statement]
    if found := _CREATE_TABLE.match(statement):
        return _tables(found, on, cluster, database)
    if found := _CREATE_VIEW.match(statement):
        return [f"{found['head']} {on}{found['rest']}"]
    if found := _CREATE_FEED.match(statement):  # works on what each server is given, into its own part
        source, target = local(found["source"]), local(found["target"])
        return [f"{found['head']} {on} TO {target}{found['select']}FROM {source}{found['rest']}"]
    if found := _CREATE_DATABASE.match(statement):
        return [f"{found['head']} {on}"]
    if found := _ALTER.match(statement):
        if _RIGHTS_OF_VIEW.match(found["rest"]):
            return []  # a shard asks for the rights of whoever asks, not of a view's definer
        both = _ALTERS_COLUMNS.match(found["rest"])
        names = [local(found["name"])] + ([found["name"]] if both else [])
        return [f"ALTER TABLE {name} {on}{found['rest']}" for name in names]
    if found := _DROP.match(statement):
        head = f"DROP {found['kind']} {found['if'] or ''}"
        names = [found["name"]] + ([local(found["name"])] if found["kind"] == "TABLE" else [])
        return [f"{head}{name} {on} SYNC" for name in names]
    if found := _LOCAL.match(statement):
        return [f"{found['head']}{local(found['name'])} {on}{found['rest']}"]
    raise ConfigError(f"no form for a cluster is known of: {statement[:80]}; unset store.cluster")


def local(table: str) -> str:
    """The name of the table that holds a server's own part."""
    return f"{table}_local"


def _tables(found: re.Match[str], on: str, cluster: str, database: str) -> list[str]:
    name, when = found["name"], found["if"] or ""
    if name not in SHARDING:
        raise ConfigError(f"the table {name} has no sharding key yet: name one in store/cluster.py")
    arguments = [f"'/clickhouse/tables/{{shard}}/{{database}}/{local(name)}'", "'{replica}'"]
    arguments += [found["arguments"]] if found["arguments"] else []
    comment = _COMMENT.search(found["rest"])
    own = (
        f"CREATE TABLE {when}{local(name)} {on}{found['columns'].rstrip()}\n"
        f"ENGINE = Replicated{found['engine']}({', '.join(arguments)}){found['rest'].rstrip()}"
    )
    whole = (
        f"CREATE TABLE {when}{name} {on} AS {local(name)}\n"
        f"ENGINE = Distributed('{cluster}', '{database}', {local(name)}, {SHARDING[name]})"
    )
    return [own, f"{whole}\n{comment[0].rstrip()}" if comment else whole]
