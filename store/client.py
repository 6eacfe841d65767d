"""Two ways to one ClickHouse: chDB in this process, or a server."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from tidings.errors import ConfigError
from tidings.settings import StoreSettings

Row = tuple[Any, ...]
Params = Mapping[str, Any]


class Client(Protocol):
    """SQL in, rows out. Parameters are written {name:Type} in the SQL. Safe to use from several threads.

    Raises Unavailable where trying again may help, Refused for rows that the store will never take, ConfigError for
    settings and rights, and TidingsError for the rest.
    """

    def query(self, sql: str, params: Params | None = None) -> list[Row]: ...

    def execute(self, sql: str, params: Params | None = None) -> None: ...

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Acknowledged when it returns."""
        ...

    def answer(self, sql: str, output_format: str) -> bytes:
        """The answer of one read-only statement in a ClickHouse output format."""
        ...

    def close(self) -> None: ...


def connect(settings: StoreSettings, create: bool = True) -> Client:
    """The client of the settings, its database created; raises Unavailable or ConfigError.

    Without `create` no database is created, and none is chosen.
    """
    if not settings.database.isidentifier():
        raise ConfigError(f"store.database must be a plain name; it is {settings.database!r}")
    if settings.backend == "embedded":
        from store.client_embedded import EmbeddedClient

        return EmbeddedClient(settings, create)
    from store.client_server import ServerClient

    return ServerClient(settings, create)
