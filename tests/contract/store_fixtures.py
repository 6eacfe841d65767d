"""A store for the contract tests, over both backends: chDB here, and clickhouse-driver to a server."""

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.store import Store, open_store
from tests.native_server import native_server
from tidings.settings import StoreSettings


@pytest.fixture(scope="session")
def server_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreSettings]:
    with native_server(tmp_path_factory.mktemp("server")) as (host, port):
        yield StoreSettings(backend="server", host=host, port=port)


@pytest.fixture(params=["embedded", "server"])
def store_settings(request: pytest.FixtureRequest, tmp_path: Path) -> StoreSettings:
    """Settings of an empty store of this test's own."""
    if request.param == "embedded":
        return StoreSettings(folder=tmp_path / "store")
    server: StoreSettings = request.getfixturevalue("server_settings")
    return StoreSettings(
        backend="server", host=server.host, port=server.port, database=f"test_{uuid.uuid4().hex[:8]}"
    )


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an empty store, to copy: quicker than to migrate one for each test."""
    folder = tmp_path_factory.mktemp("migrated") / "store"
    open_store(StoreSettings(folder=folder)).close()
    return folder


@pytest.fixture
def store(store_settings: StoreSettings, migrated: Path) -> Iterator[Store]:
    if store_settings.backend == "embedded":
        shutil.copytree(migrated, store_settings.folder, symlinks=True)
    opened = open_store(store_settings)
    yield opened
    opened.close()


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
