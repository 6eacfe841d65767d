"""A store for the contract tests, over both backends: chDB here, and clickhouse-driver to a server."""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from store.client import Row
from store.store import Store, open_store
from tests.native_server import native_server
from tidings.errors import TidingsError
from tidings.settings import StoreSettings


@pytest.fixture(scope="session")
def server_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreSettings]:
    with native_server(tmp_path_factory.mktemp("server")) as (host, port):
        yield StoreSettings(backend="server", host=host, port=port)


@pytest.fixture(scope="session")
def emptied() -> list[str]:
    """Databases of the server that former tests have left empty: quicker than to migrate one for each test."""
    return []


@pytest.fixture(params=["embedded", "server"])
def store_settings(request: pytest.FixtureRequest, tmp_path: Path, emptied: list[str]) -> StoreSettings:
    """Settings of an empty store of this test's own; it has no schema yet, unless the test asks for `store`."""
    if request.param == "embedded":
        return StoreSettings(folder=tmp_path / "store")
    server: StoreSettings = request.getfixturevalue("server_settings")
    database = f"test_{uuid.uuid4().hex[:8]}"
    if emptied and "store" in request.fixturenames:
        database = emptied.pop()
    return StoreSettings(backend="server", host=server.host, port=server.port, database=database)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an empty store, to copy: quicker than to migrate one for each test."""
    folder = tmp_path_factory.mktemp("migrated") / "store"
    open_store(StoreSettings(folder=folder)).close()
    return folder


@pytest.fixture
def store(store_settings: StoreSettings, migrated: Path, emptied: list[str]) -> Iterator[Store]:
    if store_settings.backend == "embedded":
        shutil.copytree(migrated, store_settings.folder, symlinks=True)
    opened = open_store(store_settings)
    before = _schema(opened)
    yield opened
    if store_settings.backend == "server":
        with suppress(TidingsError):  # a test may have closed it, or broken it for good
            _empty_all(opened)
            if _schema(opened) == before:
                emptied.append(store_settings.database)
    opened.close()


def _schema(store: Store) -> list[Row]:
    return store._client.query(
        "SELECT name, create_table_query FROM system.tables WHERE database = currentDatabase() ORDER BY name"
    )


def _empty_all(store: Store) -> None:
    filled = store._client.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND total_rows > 0"
        " AND name NOT LIKE 'schema%'"
    )
    for (name,) in filled:
        store._client.execute(f"TRUNCATE TABLE {name}")


def empty(store: Store) -> None:
    """Takes every item and window out of it, so that one store serves many examples."""
    for table in (
        "item_versions",
        "story_items",
        "item_minutes",
        "window_rows",
        "key_windows",
        "dirty_minutes",
    ):
        store._client.execute(f"TRUNCATE TABLE {table}")
