"""A ClickHouse server or cluster over the native protocol. The only file that knows clickhouse-driver."""

import gzip
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from struct import error as StructError
from typing import Any, Literal

from store.client import Params, Row
from store.cluster import CLUSTER_SETTINGS, cluster_statements
from store.export import write_answer
from store.failures import ROWS, failure, first_line
from store.render import render
from store.statement import require_read_only
from tidings.errors import ConfigError, Refused, TidingsError, Unavailable
from tidings.settings import StoreSettings, read_secret

# A value that its column cannot hold, as the driver's writers say it.
_VALUE_ERRORS = (ValueError, TypeError, AttributeError, KeyError, OverflowError, StructError)
_READONLY = {"readonly": 1}
_ASKING = {"server_side_params": True}  # of the driver, not of the server
_BLOCK_ROWS = 50_000
_CERTIFICATE = ("CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER")


class ServerClient:
    """One connection, one query at a time. A lost one is made anew by the next call, to whichever host answers."""

    def __init__(self, settings: StoreSettings, create: bool = True, asking: bool = False) -> None:
        hosts = (f"{settings.host}:{settings.port}", *settings.alternative_hosts)
        self._where = ", ".join(hosts)
        self._cluster, self._database = settings.cluster, settings.database
        self._lock = threading.Lock()
        if settings.cluster and not settings.cluster.replace("-", "_").isidentifier():
            raise ConfigError(f"store.cluster must be a plain name; it is {settings.cluster!r}")
        options = driver_options(settings)
        if asking:  # a user with readonly = 1 may send no setting
            options |= {"settings": _ASKING}
        self._driver = _driver(options | {"database": settings.database if asking else "default"})
        if create:
            self.execute(f"CREATE DATABASE IF NOT EXISTS {settings.database}")
            self._driver.disconnect()
            self._driver = _driver(options | {"database": settings.database})

    def query(self, sql: str, params: Params | None = None) -> list[Row]:
        rows: list[Row] = self._run(lambda: self._driver.execute(sql, _driver_params(params)))
        return [tuple(_utc(value) for value in row) for row in rows]

    def execute(self, sql: str, params: Params | None = None) -> None:
        for statement in cluster_statements(sql, self._cluster, self._database) if self._cluster else [sql]:
            self.query(statement, params)

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        data = list(rows)
        if data:
            sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES"
            self._run(lambda: self._driver.execute(sql, data), "insert")

    def answer(self, sql: str, output_format: str) -> bytes:
        require_read_only(sql)
        if output_format == "PrettyCompact":
            rows, columns = self._run(
                lambda: self._driver.execute(sql, with_column_types=True, settings=_READONLY)
            )
            return render([name for name, _ in columns], [tuple(map(_utc, row)) for row in rows]).encode()
        with BytesIO() as file:
            for _ in write_answer(self._blocks, sql, output_format, file):
                pass
            return file.getvalue()

    def export(
        self, sql: str, output_format: str, file: Path, gzipped: bool, told: Callable[[int], None]
    ) -> int:
        require_read_only(sql)
        rows = 0
        with gzip.open(file, "wb", 6) if gzipped else file.open("wb") as out:
            for rows in write_answer(self._blocks, sql, output_format, out):
                told(rows)
        return rows

    def close(self) -> None:
        self._driver.disconnect()

    def _blocks(self, sql: str) -> Iterator[list[Row]]:
        """Its rows, some thousands at a time, while the server still works on it."""
        with self._asking("statement"):
            try:
                yield from self._driver.execute_iter(sql, settings=_READONLY, chunk_size=_BLOCK_ROWS)
            except BaseException:  # so that the server stops, and no rest is taken for another query's answer
                self._driver.disconnect()
                raise

    def _run(self, action: Callable[[], Any], doing: Literal["insert", "statement"] = "statement") -> Any:
        with self._asking(doing):
            return action()

    @contextmanager
    def _asking(self, doing: Literal["insert", "statement"]) -> Iterator[None]:
        """One at a time; what the driver raises becomes an error of ours."""
        from clickhouse_driver import errors

        try:
            with self._lock:
                yield
        except errors.ServerException as error:
            raise failure(error.code, str(error.message), doing) from None
        except UnicodeEncodeError:
            raise Refused("a text holds a lone surrogate, which no store can keep: replace it") from None
        except (errors.Error, OSError, EOFError) as error:
            raise self._lost(error, doing) from None
        except _VALUE_ERRORS as error:
            if doing == "insert":
                raise Refused(f"the store refused: a value does not fit its column ({error})") from None
            raise

    def _lost(self, error: Exception, doing: Literal["insert", "statement"]) -> TidingsError:
        """The driver has closed the connection; whether what was under way was stored is not known."""
        code, said = getattr(error, "code", None), first_line(str(error))
        if any(word in said.upper() for word in _CERTIFICATE):
            return ConfigError(
                f"{self._where}: TLS fails ({said}): check store.ca_file, store.secure and store.port"
            )
        if doing == "insert" and code in ROWS:
            return failure(code, f"a value does not fit its column ({said})", doing)
        return Unavailable(
            f"ClickHouse cannot be reached at {self._where} ({type(error).__name__}: {said}):"
            " start it, or set store.host and store.port"
        )


def driver_options(settings: StoreSettings) -> dict[str, Any]:
    """The driver's arguments for these settings; raises ConfigError for a setting that cannot be."""
    for name in ("ca_file", "cert_file", "key_file"):
        file = getattr(settings, name)
        if file is not None and not file.is_file():
            raise ConfigError(f"store.{name}: there is no file {file}")
    options: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "user": settings.user,
        "password": read_secret(settings.password, settings.password_file),
        "secure": settings.secure,
        "verify": settings.verify,
        "compression": False if settings.compression == "none" else settings.compression,
        "connect_timeout": settings.connect_timeout_seconds or None,
        "send_receive_timeout": settings.answer_timeout_seconds or None,
        "client_name": "tidings",
        "settings": _server_settings(settings) | _ASKING,
    }
    files = {
        "ca_certs": settings.ca_file, "certfile": settings.cert_file, "keyfile": settings.key_file,
        "alt_hosts": ",".join(settings.alternative_hosts),
    }  # fmt: skip
    return options | {name: str(value) for name, value in files.items() if value}


def _server_settings(settings: StoreSettings) -> dict[str, Any]:
    # A replayed batch may span many months.
    found: dict[str, Any] = {"max_partitions_per_insert_block": "0"} | (
        CLUSTER_SETTINGS if settings.cluster else {}
    )
    for part in settings.server_settings:
        name, equals, value = part.partition("=")
        if not equals or not name.strip().isidentifier():
            raise ConfigError(f"store.server_settings: write NAME=VALUE, not {part!r}")
        found[name.strip()] = value.strip()
    return found


def _driver(options: dict[str, Any]) -> Any:
    from clickhouse_driver import Client as Driver
    from clickhouse_driver.errors import UnknownCompressionMethod

    try:
        return Driver(**options)
    except (RuntimeError, UnknownCompressionMethod) as error:  # its package is not installed
        raise ConfigError(
            f"store.compression = {options['compression']!r} needs: pip install 'tidings[compression]' ({error})"
        ) from None


def _driver_params(params: Params | None) -> dict[str, Any]:
    """The driver escapes texts and lists itself, but would cut times to seconds."""
    return {
        name: _time(value) if isinstance(value, datetime) else value for name, value in (params or {}).items()
    }


def _time(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _utc(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return value
