"""What a request to ClickHouse's HTTP interface asks. Pure; the interface is described at
https://clickhouse.com/docs/interfaces/http"""

import base64
import binascii
import gzip
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from store.client_frames import decompressed
from store.reading import BAD_ARGUMENTS, READONLY, QueryError, query_error

# Parameters that are no settings of the query. What has no meaning here (sessions, progress headers) is let pass.
_NOT_SETTINGS = {
    "query", "database", "default_format", "user", "password", "quota_key", "role", "query_id", "session_id",
    "session_timeout", "session_check", "wait_end_of_query", "buffer_size", "compress", "decompress", "stacktrace",
    "client_protocol_version", "enable_http_compression", "http_zlib_compression_level", "add_http_cors_header",
    "send_progress_in_http_headers", "http_headers_progress_interval_ms", "http_write_exception_in_output_format",
    "cancel_http_readonly_queries_on_client_close", "log_comment",
}  # fmt: skip
_TRUE = ("1", "true")
NOT_IMPLEMENTED, TOO_LARGE = 48, 229
BODY_BYTES = 4_194_304


@dataclass(frozen=True)
class SqlRequest:
    """One query; empty where nothing was given."""

    sql: str
    database: str
    output_format: str
    parameters: dict[str, str]
    settings: dict[str, str]
    protocol_revision: int
    frames: bool = False  # the answer in ClickHouse's own compressed frames


def parse_request(
    arguments: Sequence[tuple[str, str]], headers: Mapping[str, str], body: bytes
) -> SqlRequest:
    """Reads the URL's arguments, the headers and the body; raises QueryError for what is not understood.

    The query is the argument `query` followed by the body, as ClickHouse joins them.
    """
    given = dict(arguments)
    if (given.get("query") or body[:50].decode("utf-8", "replace")).lstrip()[:6].upper() == "INSERT":
        raise query_error(READONLY, "Cannot execute query in readonly mode", "READONLY")
    if headers.get("content-type", "").startswith("multipart/"):
        raise query_error(
            NOT_IMPLEMENTED, "External tables and multipart forms are not taken", "NOT_IMPLEMENTED"
        )
    if given.get("decompress", "0") in _TRUE:
        body = decompressed(body, BODY_BYTES)
    text = _decoded(body, headers.get("content-encoding", ""))
    return SqlRequest(
        sql="\n".join(part for part in (given.get("query", ""), text) if part.strip()),
        database=given.get("database") or headers.get("x-clickhouse-database", ""),
        output_format=given.get("default_format") or headers.get("x-clickhouse-format") or "TabSeparated",
        parameters={n.removeprefix("param_"): v for n, v in given.items() if n.startswith("param_")},
        settings={n: v for n, v in given.items() if n not in _NOT_SETTINGS and not n.startswith("param_")},
        protocol_revision=_whole(given.get("client_protocol_version", "")),
        frames=given.get("compress", "0") in _TRUE,
    )


def login_of(arguments: Mapping[str, str], headers: Mapping[str, str]) -> tuple[str, str] | None:
    """User and password: of X-ClickHouse-User and -Key, of Basic authorization, or of the URL; None without any."""
    if "x-clickhouse-user" in headers or "x-clickhouse-key" in headers:
        return headers.get("x-clickhouse-user", "default"), headers.get("x-clickhouse-key", "")
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise query_error(
                BAD_ARGUMENTS, "The Basic authorization is not base64", "BAD_ARGUMENTS"
            ) from None
        return user, password
    if "user" in arguments or "password" in arguments:
        return arguments.get("user", "default"), arguments.get("password", "")
    return None


def wants_gzip(headers: Mapping[str, str]) -> bool:
    """Whether Accept-Encoding names gzip and does not forbid it."""
    parts = [part.replace(" ", "").lower() for part in headers.get("accept-encoding", "").split(",")]
    return any(part.split(";")[0] == "gzip" and not part.endswith((";q=0", ";q=0.0")) for part in parts)


def _decoded(body: bytes, encoding: str) -> str:
    try:
        if encoding == "gzip":
            body = _unzipped(body)
        elif encoding not in ("", "identity"):
            raise query_error(
                NOT_IMPLEMENTED,
                f"Content-Encoding {encoding} is not taken here, where nothing is inserted; gzip is",
                "NOT_IMPLEMENTED",
            )
        return body.decode()
    except (gzip.BadGzipFile, zlib.error, EOFError):
        raise query_error(BAD_ARGUMENTS, "The body is not gzip", "BAD_ARGUMENTS") from None
    except UnicodeDecodeError:
        raise query_error(BAD_ARGUMENTS, "The body is not UTF-8", "BAD_ARGUMENTS") from None


def _unzipped(body: bytes) -> bytes:
    unzip = zlib.decompressobj(wbits=31)
    text = unzip.decompress(body, BODY_BYTES + 1)
    if len(text) > BODY_BYTES:
        raise too_large()
    return text


def too_large() -> QueryError:
    """The body is longer than any query."""
    return query_error(TOO_LARGE, f"The body is larger than {BODY_BYTES} bytes", "QUERY_IS_TOO_LARGE")


def _whole(text: str) -> int:
    return int(text[:9]) if text.isascii() and text.isdecimal() else 0
