"""Grafana's ClickHouse data source: a server over the native protocol, or the embedded store over HTTP."""

from typing import Any, Literal

from dashboards.query import DATASOURCE_TYPE, DATASOURCE_UID
from tidings.errors import ConfigError
from tidings.sections import SqlSettings
from tidings.settings import StoreSettings, read_secret

Protocol = Literal["native", "http"]


def datasource(store: StoreSettings, sql: SqlSettings, host: str = "", port: int = 0) -> dict[str, Any]:
    """The data source as Grafana's HTTP API takes it, with the password that it must keep.

    `host` and `port` say how Grafana reaches ClickHouse, where that differs from the settings. ConfigError where the
    store is embedded and offers no SQL over HTTP.
    """
    if store.backend == "server":
        plain = _plain("native", host or store.host, port or store.port, store.user, store.database)
        return _source(plain | {"secure": store.secure}, read_secret(store.password, store.password_file))
    if not sql.port:
        raise ConfigError(
            "store.backend is embedded and sql.port is 0: set [sql] port, so that Grafana can read it over HTTP,"
            " or store.backend to server, or push with --keep-source"
        )
    plain = _plain("http", host or sql.host, port or sql.port, sql.user, store.database)
    return _source(plain, read_secret(sql.password, sql.password_file))


def provisioned(protocol: Protocol) -> dict[str, Any]:
    """The provisioning file of a Grafana that gets address and login from its environment."""
    port = 9000 if protocol == "native" else "${CLICKHOUSE_PORT}"
    plain = _plain(protocol, "${CLICKHOUSE_HOST}", port, "${CLICKHOUSE_USER}", "tidings")
    return {
        "apiVersion": 1,
        "datasources": [{**_source(plain, "${CLICKHOUSE_PASSWORD}"), "editable": False}],
    }


def _plain(protocol: Protocol, host: str, port: int | str, user: str, database: str) -> dict[str, Any]:
    return {
        "protocol": protocol,
        "host": host,
        "port": port,
        "username": user,
        "defaultDatabase": database,
    }


def _source(plain: dict[str, Any], password: str) -> dict[str, Any]:
    return {
        "name": "Tidings",
        "type": DATASOURCE_TYPE,
        "uid": DATASOURCE_UID,
        "access": "proxy",
        "jsonData": plain,
        "secureJsonData": {"password": password},
    }
