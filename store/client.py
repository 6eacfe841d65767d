"""Two ways to one ClickHouse: chDB in this process, or a server."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
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

    def export(
        self, sql: str, output_format: str, file: Path, gzipped: bool, told: Callable[[int], None]
    ) -> int:
        """Writes the answer into a new file, in bounded memory; `told` gets the rows so far now and then.

        Returns how many rows. When it raises, the file may be there in part.
        """
        ...

    def close(self) -> None: ...


def connect(settings: StoreSettings, create: bool = True, asking: bool = False) -> Client:
    """The client of the settings, its database created; raises Unavailable or ConfigError.

    Without `create` no database is created, and none is chosen. With `asking` it is chosen, never created, and the
    user may be one who only reads.
    """
    if not settings.database.isidentifier():
        raise ConfigError(f"store.database must be a plain name; it is {settings.database!r}")
    if settings.backend == "embedded":
        from store.client_embedded import EmbeddedClient

        return EmbeddedClient(settings, create and not asking, asking)
    from store.client_server import ServerClient

    return ServerClient(settings, create and not asking, asking)
