"""Reads for those who look on: beside the store's own client, so that no reader waits in ingest's way."""

from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Protocol

from store.client import Client, Params, Row, connect
from store.client_embedded import ROWS_FORMAT, parameter, rows_of
from store.client_reader import EmbeddedReader
from store.failures import failure
from store.reading import Limits, QueryError
from tidings.errors import Unavailable
from tidings.settings import StoreSettings

_MEMORY_BYTES = 1_000_000_000
_ROWS, _BYTES = 100_000, 100_000_000  # of one answer


class Reader(Protocol):
    """SQL that reads in, rows out; parameters are written {name:Type}. Safe to use from several threads at once.

    Raises Unavailable where trying again may help (the store is away, the query took too long), else TidingsError.
    """

    def query(self, sql: str, params: Params | None = None) -> list[Row]: ...

    def close(self) -> None: ...


def open_reader(settings: StoreSettings, seconds: int = 10) -> Reader:
    """A reader of the settings' store, each query within `seconds`. It opens nothing before the first query.

    The embedded store must be open in this process.
    """
    if settings.backend == "embedded":
        return _Embedded(settings, Limits(seconds, _ROWS, _BYTES, _MEMORY_BYTES))
    return _Server(settings, seconds)


class _Embedded:
    """A session for each query: it neither takes nor waits for the lock of the store's client."""

    def __init__(self, settings: StoreSettings, limits: Limits) -> None:
        self._reader = EmbeddedReader(settings.folder, settings.database, limits, hidden=())

    def query(self, sql: str, params: Params | None = None) -> list[Row]:
        given = {name: parameter(value) for name, value in (params or {}).items()}
        try:
            return rows_of(self._reader.ask(sql, ROWS_FORMAT, parameters=given).data)
        except QueryError as error:
            raise failure(error.code, str(error), "statement") from None

    def close(self) -> None:
        """Nothing is kept open."""


class _Server:
    """Connections of its own, as many as there are queries at once; kept for the next ones."""

    def __init__(self, settings: StoreSettings, seconds: int) -> None:
        self._settings = settings
        self._seconds = seconds
        self._idle: SimpleQueue[Client] = SimpleQueue()

    def query(self, sql: str, params: Params | None = None) -> list[Row]:
        with self._connection() as client:
            return client.query(f"{sql} SETTINGS max_execution_time = {self._seconds}, readonly = 1", params)

    def close(self) -> None:
        while True:
            try:
                self._idle.get_nowait().close()
            except Empty:
                return

    @contextmanager
    def _connection(self) -> Iterator[Client]:
        try:
            client = self._idle.get_nowait()
        except Empty:
            client = connect(self._settings)
        try:
            yield client
        except Unavailable:
            client.close()
            raise
        except BaseException:
            self._idle.put(client)
            raise
        self._idle.put(client)
