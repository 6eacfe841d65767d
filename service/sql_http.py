"""ClickHouse's HTTP interface, read-only, over the embedded store: for clickhouse-connect, curl, notebooks, DBeaver."""

import gzip
import hmac
import json
import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from service.http_server import LOOPBACK, serving
from service.sql_request import BODY_BYTES, SqlRequest, login_of, parse_request, too_large, wants_gzip
from store.client_frames import compressed
from store.client_reader import EmbeddedReader
from store.reading import Answer, Limits, QueryError, query_error
from tidings.errors import ConfigError
from tidings.settings import SqlSettings, StoreSettings, read_secret

log = logging.getLogger(__name__)
_WAIT_SECONDS = 10
# Error codes to statuses as ClickHouse's exceptionCodeToHTTPStatus has them; the rest is 500.
_STATUS = {
    194: 401, 192: 403, 193: 403, 497: 403, 516: 403, 229: 413, 48: 501, 76: 503, 159: 408, 202: 503, 209: 503,
    **dict.fromkeys((6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 427), 400),
    **dict.fromkeys((46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511), 404),
}  # fmt: skip
# What an analyst may do about a limit.
_HINTS = {
    396: "ask for less at once or for sums, or have sql.rows and sql.bytes raised",
    159: "ask for a shorter period, or have sql.seconds raised",
    241: "ask for a shorter period, or have sql.memory_bytes raised",
}
_TYPES = {
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
}
_BINARY = (
    "Native",
    "RowBinary",
    "Parquet",
    "Arrow",
    "ORC",
    "Avro",
    "MsgPack",
    "Protobuf",
    "BSON",
    "CapnProto",
    "RawBLOB",
)


@contextmanager
def serving_sql(settings: SqlSettings, store: StoreSettings) -> Iterator[int]:
    """Serves the store that this process has open, and yields the port; raises ConfigError for unsafe settings."""
    if store.backend != "embedded":
        raise ConfigError(
            "sql.port: a ClickHouse server has an HTTP interface of its own (8123): set sql.port = 0"
        )
    with serving(sql_app(settings, store), settings.host, settings.port, "sql") as port:
        log.info("SQL over HTTP at %s:%s, user %s, read-only", settings.host, port, settings.user)
        yield port


def sql_app(settings: SqlSettings, store: StoreSettings) -> Starlette:
    """The application; it opens nothing before the first query."""
    password = read_secret(settings.password, settings.password_file)
    if settings.host not in LOOPBACK and not password:
        raise ConfigError(
            f"sql.host: {settings.host} is reached from elsewhere: set sql.password_file as well"
        )
    limits = Limits(settings.seconds, settings.rows, settings.bytes, settings.memory_bytes)
    endpoint = _Endpoint(EmbeddedReader(store.folder, store.database, limits), settings, password)
    return Starlette(
        routes=[
            Route("/ping", _ping),
            Route("/", endpoint.handle, methods=["GET", "POST"]),
            Route("/query", endpoint.handle, methods=["GET", "POST"]),
        ],
        exception_handlers={404: _nothing_here},
    )


async def _ping(request: Request) -> Response:
    return PlainTextResponse("Ok.\n")


async def _nothing_here(request: Request, error: Exception) -> Response:
    return PlainTextResponse("There is no such handle here. Use / or /ping: docs/sql.md.\n", 404)


class _Endpoint:
    def __init__(self, reader: EmbeddedReader, settings: SqlSettings, password: str) -> None:
        self._reader = reader
        self._settings = settings
        self._password = password
        self._slots = anyio.Semaphore(settings.queries)

    async def handle(self, request: Request) -> Response:
        query_id = request.query_params.get("query_id") or str(uuid.uuid4())
        try:
            self._require_login(request)
            body = await _body(request)
            if not body and "query" not in request.query_params:
                return PlainTextResponse("Ok.\n")
            asked = parse_request(request.query_params.multi_items(), request.headers, body)
            return await self._answer(asked, query_id, wants_gzip(request.headers))
        except QueryError as error:
            return _refusal(error, query_id)

    async def _answer(self, asked: SqlRequest, query_id: str, zipped: bool) -> Response:
        with anyio.move_on_after(_WAIT_SECONDS) as waiting:
            await self._slots.acquire()
        if waiting.cancelled_caught:
            raise query_error(202, "Too many simultaneous queries", "TOO_MANY_SIMULTANEOUS_QUERIES")
        try:
            return await anyio.to_thread.run_sync(self._run, asked, query_id, zipped)
        finally:
            self._slots.release()

    def _run(self, asked: SqlRequest, query_id: str, zipped: bool) -> Response:
        answer = self._reader.ask(
            asked.sql,
            asked.output_format,
            database=asked.database,
            parameters=asked.parameters,
            settings=asked.settings,
            protocol_revision=asked.protocol_revision,
        )
        headers = _headers(query_id) | {
            "X-ClickHouse-Format": answer.output_format,
            "X-ClickHouse-Timezone": asked.settings.get("session_timezone", "UTC"),
            "X-ClickHouse-Summary": _summary(answer),
        }
        if asked.frames:  # compressed already: never gzip as well
            return Response(compressed(answer.data), 200, headers, "application/octet-stream")
        if not zipped:
            return Response(answer.data, 200, headers, _content_type(answer.output_format))
        headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return Response(gzip.compress(answer.data, 1), 200, headers, _content_type(answer.output_format))

    def _require_login(self, request: Request) -> None:
        if not self._password and request.url.hostname not in LOOPBACK:
            # A page of another site that resolves its own name to this machine.
            raise _denied(f"Without sql.password only {', '.join(LOOPBACK)} may be asked for")
        given = login_of(request.query_params, request.headers)
        if given is None and self._password:
            raise query_error(194, "default: a password is required", "REQUIRED_PASSWORD")
        user, password = given or (self._settings.user, "")
        known_user = hmac.compare_digest(user.encode(), self._settings.user.encode())
        if not hmac.compare_digest(password.encode(), self._password.encode()) or not known_user:
            raise _denied(
                f"{user}: Authentication failed: password is incorrect, or there is no user with such name"
            )


def _denied(text: str) -> QueryError:
    return query_error(516, text, "AUTHENTICATION_FAILED")


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES:
            raise too_large()
    return body


def _refusal(error: QueryError, query_id: str) -> Response:
    headers = _headers(query_id) | {"X-ClickHouse-Exception-Code": str(error.code)}
    status = _STATUS.get(error.code, 500)
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
    text = str(error).strip()
    if error.code in _HINTS:  # before the error's name, which stays the last
        said, _, name = text.rpartition(" (")
        text = f"{said.removesuffix('.')}: {_HINTS[error.code]} (docs/sql.md). ({name}"
    return PlainTextResponse(f"{text}\n", status, headers)


def _headers(query_id: str) -> dict[str, str]:
    return {
        "X-ClickHouse-Server-Display-Name": "tidings",
        "X-ClickHouse-Query-Id": "".join(c for c in query_id if c.isascii() and c.isprintable())[:200],
    }


def _summary(answer: Answer) -> str:
    values = {
        "read_rows": answer.read_rows, "read_bytes": answer.read_bytes, "written_rows": 0, "written_bytes": 0,
        "total_rows_to_read": answer.read_rows, "result_rows": answer.result_rows, "result_bytes": len(answer.data),
        "elapsed_ns": int(answer.elapsed_seconds * 1e9),
    }  # fmt: skip
    return json.dumps({name: str(value) for name, value in values.items()}, separators=(",", ":"))


def _content_type(output_format: str) -> str:
    if output_format.startswith("JSON") and "EachRow" not in output_format:
        return "application/json; charset=UTF-8"
    if output_format.endswith("EachRow"):
        return "application/x-ndjson; charset=UTF-8"
    if output_format.startswith(_BINARY):
        return "application/octet-stream"
    return _TYPES.get(output_format, "text/plain; charset=UTF-8")
