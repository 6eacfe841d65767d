"""Two ways to one ClickHouse: chDB in this process, or a server. The only file that knows either driver."""

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from store.render import render
from store.statement import require_read_only
from tidings.errors import ConfigError, TidingsError, Unavailable
from tidings.settings import StoreSettings, read_secret

Row = tuple[Any, ...]
Params = Mapping[str, Any]


class Client(Protocol):
    """SQL in, rows out. Parameters are written {name:Type} in the SQL. Safe to use from several threads."""

    def query(self, sql: str, params: Params | None = None) -> list[Row]: ...

    def execute(self, sql: str, params: Params | None = None) -> None: ...

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Acknowledged when it returns."""
        ...

    def text(self, sql: str, output_format: str) -> str:
        """The answer of one read-only statement as text."""
        ...

    def close(self) -> None: ...


def connect(settings: StoreSettings) -> Client:
    """The client of the settings, its database created; raises Unavailable or ConfigError."""
    if not settings.database.isidentifier():
        raise ConfigError(f"store.database must be a plain name; it is {settings.database!r}")
    return EmbeddedClient(settings) if settings.backend == "embedded" else ServerClient(settings)


class EmbeddedClient:
    """chDB over a folder; one process at a time may hold the folder."""

    def __init__(self, settings: StoreSettings) -> None:
        try:
            from chdb.session import Session
        except ImportError:
            raise ConfigError("the embedded store needs chDB: pip install 'tidings[embedded]'") from None
        # chDB's calls are safe from several threads, their parameters are not: one call at a time.
        self._lock = threading.Lock()
        try:
            settings.folder.mkdir(parents=True, exist_ok=True)
            self._session = Session(str(settings.folder.resolve()))
            self.execute(f"CREATE DATABASE IF NOT EXISTS {settings.database}")
            self.execute(f"USE {settings.database}")
        except (RuntimeError, OSError) as error:
            raise Unavailable(
                f"{settings.folder}: the store cannot be opened; is another `tidings` process using it? Stop that one,"
                f" or set store.folder ({_first_line(error)})"
            ) from None

    def query(self, sql: str, params: Params | None = None) -> list[Row]:
        lines = self._run(sql, "JSONCompactEachRowWithNamesAndTypes", params).splitlines()
        if len(lines) < 2:
            return []
        readers = [_reader(kind) for kind in json.loads(lines[1])]
        return [
            tuple(read(value) for read, value in zip(readers, json.loads(line), strict=True))
            for line in lines[2:]
        ]

    def execute(self, sql: str, params: Params | None = None) -> None:
        self._run(sql, "Null", params)

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        body = "\n".join(
            json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False, default=_json_time)
            for row in rows
        )
        if body:
            _require_unicode(body)
            self._run(f"INSERT INTO {table} ({', '.join(columns)}) FORMAT JSONEachRow {body}", "Null", None)

    def text(self, sql: str, output_format: str) -> str:
        require_read_only(sql)
        return self._run(sql, output_format, None)

    def close(self) -> None:
        self._session.close()

    def _run(self, sql: str, output_format: str, params: Params | None) -> str:
        given = {name: _parameter(value) for name, value in (params or {}).items()}
        try:
            with self._lock:
                answer = self._session.query(sql, output_format, params=given)
                return bytes(answer.bytes()).decode("utf-8", "replace")
        except UnicodeEncodeError:
            raise TidingsError(
                "the text holds a lone surrogate, which no store can keep: replace it"
            ) from None
        except UnicodeDecodeError as error:  # chDB's message itself was not valid UTF-8
            raise TidingsError(
                f"the store refused: {error.object[:300].decode('utf-8', 'replace')}"
            ) from None
        except RuntimeError as error:
            raise TidingsError(f"the store refused: {_first_line(error)}") from None


class ServerClient:
    """A ClickHouse server over its native protocol; one connection, one query at a time."""

    def __init__(self, settings: StoreSettings) -> None:
        from clickhouse_driver import Client as Driver

        self._where = f"{settings.host}:{settings.port}"
        self._lock = threading.Lock()

        def driver(database: str) -> Any:
            return Driver(
                settings.host,
                port=settings.port,
                database=database,
                user=settings.user,
                password=read_secret(settings.password, settings.password_file),
                secure=settings.secure,
                connect_timeout=5,
                client_name="tidings",
                settings={"server_side_params": True},
            )

        self._driver = driver("default")
        self.execute(f"CREATE DATABASE IF NOT EXISTS {settings.database}")
        self._driver.disconnect()
        self._driver = driver(settings.database)

    def query(self, sql: str, params: Params | None = None) -> list[Row]:
        rows: list[Row] = self._run(lambda: self._driver.execute(sql, _driver_params(params)))
        return [tuple(_utc(value) for value in row) for row in rows]

    def execute(self, sql: str, params: Params | None = None) -> None:
        self._run(lambda: self._driver.execute(sql, _driver_params(params)))

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        data = list(rows)
        if data:
            sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES"
            self._run(lambda: self._driver.execute(sql, data))

    def text(self, sql: str, output_format: str) -> str:
        require_read_only(sql)
        rows, columns = self._run(
            lambda: self._driver.execute(sql, with_column_types=True, settings={"readonly": 1})
        )
        return render([name for name, _ in columns], [tuple(map(_utc, row)) for row in rows], output_format)

    def close(self) -> None:
        self._driver.disconnect()

    def _run(self, action: Callable[[], Any]) -> Any:
        from clickhouse_driver import errors

        try:
            with self._lock:
                return action()
        except errors.ServerException as error:
            if error.code in _ACCESS_CODES:
                raise ConfigError(
                    f"ClickHouse at {self._where} refuses the login: check store.user, store.password_file"
                ) from None
            raise TidingsError(f"the store refused: {_first_line(error)}") from None
        except (errors.Error, OSError, EOFError) as error:
            self._driver.disconnect()
            raise Unavailable(
                f"ClickHouse cannot be reached at {self._where} ({type(error).__name__}):"
                " start it, or set store.host and store.port"
            ) from None
        except UnicodeEncodeError:
            raise TidingsError(
                "the text holds a lone surrogate, which no store can keep: replace it"
            ) from None


_ACCESS_CODES = {
    192,
    193,
    194,
    497,
    516,
}  # unknown user, wrong password, required password, access, authentication


_SURROGATE = "a text holds a lone surrogate, which no store can keep: replace it"


def _require_unicode(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise TidingsError(_SURROGATE) from None


def _first_line(error: Exception) -> str:
    text = getattr(error, "message", None) or str(error)
    return str(text).strip().split("\n")[0].split(" Stack trace")[0][:400]


def _driver_params(params: Params | None) -> dict[str, Any]:
    """The driver escapes texts and lists itself, but would cut times to seconds."""
    return {
        name: _time(value) if isinstance(value, datetime) else value for name, value in (params or {}).items()
    }


def _parameter(value: Any) -> str:
    """A value in the text form that ClickHouse reads parameters in (escaped as in TSV)."""
    if isinstance(value, list | tuple):
        return "[" + ",".join(_element(part) for part in value) + "]"
    return _escape(_time(value) if isinstance(value, datetime) else str(value))


def _element(value: Any) -> str:
    return str(value) if isinstance(value, int) else "'" + _escape(str(value)).replace("'", "\\'") + "'"


def _escape(text: str) -> str:
    for plain, escaped in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"), ("\0", "\\0")):
        text = text.replace(plain, escaped)
    return text


def _time(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _json_time(value: object) -> str:
    if isinstance(value, datetime):
        return _time(value)
    raise TypeError(f"cannot store {type(value).__name__}")


def _reader(kind: str) -> Callable[[Any], Any]:
    if "DateTime" in kind:
        return lambda value: None if value is None else datetime.fromisoformat(value).replace(tzinfo=UTC)
    return lambda value: value


def _utc(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return value
