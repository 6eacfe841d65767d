"""chDB: ClickHouse in this process, its data in a folder. The only file that imports chDB."""

import json
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from store.client import Params, Row
from store.failures import code_of, failure, first_line
from store.reading import quoted
from store.statement import require_read_only
from tidings.errors import ConfigError, Refused, Unavailable
from tidings.settings import StoreSettings

ROWS_FORMAT = "JSONCompactEachRowWithNamesAndTypes"
_LOOK_SECONDS = 0.2
# Row groups are held in memory, several at once: ClickHouse's own are of a million rows.
_ROW_GROUPS = (
    "output_format_parquet_row_group_size = 65536, output_format_parquet_row_group_size_bytes = 33554432,"
    " output_format_parquet_parallel_encoding = 0"
)
_SURROGATE = "a text holds a lone surrogate, which no store can keep: replace it"


def open_session(folder: Path) -> Any:
    """A chDB session over the folder; ConfigError where chDB is not installed."""
    try:
        from chdb.session import Session
    except ImportError:
        raise ConfigError("the embedded store needs chDB: pip install 'tidings[embedded]'") from None
    return Session(str(folder.resolve()))


class EmbeddedClient:
    """chDB over a folder; one process at a time may hold the folder."""

    def __init__(self, settings: StoreSettings, create: bool = True, asking: bool = False) -> None:
        # chDB's calls are safe from several threads, their parameters are not: one call at a time.
        self._lock = threading.Lock()
        try:
            self._folder = settings.folder
            self._folder.mkdir(parents=True, exist_ok=True)
            self._session = open_session(self._folder)
            if create:
                self.execute(f"CREATE DATABASE IF NOT EXISTS {settings.database}")
            if create or asking:
                self.execute(f"USE {settings.database}")
            self.execute("SET max_partitions_per_insert_block = 0")  # a replayed batch may span many months
        except (RuntimeError, OSError) as error:
            raise Unavailable(
                f"{settings.folder}: the store cannot be opened; is another `tidings` process using it? Ask it over"
                f" HTTP (sql.port, docs/sql.md), stop it, or set store.folder ({first_line(str(error))})"
            ) from None

    def query(self, sql: str, params: Params | None = None) -> list[Row]:
        return rows_of(bytes(self._run(sql, ROWS_FORMAT, params).bytes()))

    def execute(self, sql: str, params: Params | None = None) -> None:
        self._run(sql, "Null", params)

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        body = "\n".join(
            json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False, default=_json_time)
            for row in rows
        )
        if body:
            sql = f"INSERT INTO {table} ({', '.join(columns)}) FORMAT JSONEachRow {body}"
            self._run(sql, "Null", None, "insert")

    def answer(self, sql: str, output_format: str) -> bytes:
        require_read_only(sql)
        return bytes(self._run(sql, output_format, None).bytes())

    def export(
        self, sql: str, output_format: str, file: Path, gzipped: bool, told: Callable[[int], None]
    ) -> int:
        require_read_only(sql)
        if not output_format.isalnum():
            raise ConfigError(f"--format {output_format}: there is no such format")
        self.execute(f"SET {_ROW_GROUPS}")
        where = f"INTO OUTFILE {quoted(str(file))} COMPRESSION '{'gzip' if gzipped else 'none'}'"
        with ThreadPoolExecutor(1) as thread, open_session(self._folder) as beside:
            work = thread.submit(self._run, f"{sql}\n{where} FORMAT {output_format}", "Null", None)
            this = f"position(query, {quoted(file.name)}) > 0 AND query NOT LIKE '%system.processes%'"
            try:
                while not wait([work], _LOOK_SECONDS).done:
                    read = beside.query(f"SELECT read_rows FROM system.processes WHERE {this}", "TSV")
                    if seen := bytes(read.bytes()):
                        told(int(seen))
            except BaseException:  # Ctrl-C: nothing else ends it
                beside.query(f"KILL QUERY WHERE {this} SYNC")
                raise
            return int(work.result().rows_read())

    def close(self) -> None:
        self._session.close()

    def _run(
        self,
        sql: str,
        output_format: str,
        params: Params | None,
        doing: Literal["insert", "statement"] = "statement",
    ) -> Any:
        given = {name: parameter(value) for name, value in (params or {}).items()}
        try:
            # chDB would say so too, but with a text that it cannot encode itself.
            for text in (sql, *given.values()):
                text.encode()
            with self._lock:
                return self._session.query(sql, output_format, params=given)
        except UnicodeEncodeError:
            raise Refused(_SURROGATE) from None
        except UnicodeDecodeError as error:  # chDB's message itself was not valid UTF-8
            said = error.object.decode("utf-8", "replace")
            raise failure(code_of(said), said, doing) from None
        except RuntimeError as error:
            raise failure(code_of(str(error)), str(error), doing) from None


def rows_of(answer: bytes) -> list[Row]:
    """The rows of an answer in ROWS_FORMAT, times in UTC."""
    # Not splitlines: a text may hold what Python takes for a line break (U+0085, U+2028), JSON does not escape it.
    lines = answer.decode("utf-8", "replace").split("\n")[:-1]
    if len(lines) < 2:
        return []
    readers = [_reader(kind) for kind in json.loads(lines[1])]
    return [
        tuple(read(value) for read, value in zip(readers, json.loads(line), strict=True))
        for line in lines[2:]
    ]


def parameter(value: Any) -> str:
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
