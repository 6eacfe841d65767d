"""What a read-only query over HTTP may ask, and how it is answered. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from store.failures import code_of
from store.statement import QUOTED
from tidings.errors import TidingsError

READONLY, BAD_ARGUMENTS, SYNTAX_ERROR, ACCESS_DENIED = 164, 36, 62, 497
_READS = {"select", "with", "show", "describe", "desc", "explain", "exists"}
# What readonly = 1 does not forbid: files of this machine, and Python's own objects.
_FORBIDDEN = {"file", "outfile", "python"}
# Functions that find a table by a text, where its name is not seen.
_FINDS_TABLES = re.compile(r"\b(merge|mergetree\w*|cluster|clusterallreplicas|loop)\b[`\"]?\s*\(")
_OUTPUT = ("output_format_", "format_csv_", "format_tsv_", "format_custom_")
_HARMLESS = {"date_time_output_format", "join_use_nulls", "max_block_size", "result_overflow_mode", "session_timezone",
             "extremes", "use_client_time_zone", "limit"}  # fmt: skip
_FORMAT = re.compile(r"\bFORMAT (\w+)(?: SETTINGS\b.*)?$", re.DOTALL)


class QueryError(TidingsError):
    """What ClickHouse says of a query, with its error code."""

    def __init__(self, text: str, code: int | None = None) -> None:
        super().__init__(text)
        self.code = code or code_of(text) or 1002  # UNKNOWN_EXCEPTION


@dataclass(frozen=True)
class Limits:
    """Of one query: seconds it may run, rows and bytes of its answer, bytes of memory."""

    seconds: int
    rows: int
    result_bytes: int
    memory_bytes: int


@dataclass(frozen=True)
class Answer:
    """The bytes of the answer in `output_format`, and what it took."""

    data: bytes
    output_format: str
    result_rows: int
    read_rows: int
    read_bytes: int
    elapsed_seconds: float


def session_settings(asked: Mapping[str, str], limits: Limits) -> Iterator[tuple[str, str]]:
    """The settings of one query: how the answer is written as asked, limits as asked but within ours.

    Raises QueryError, as ClickHouse does in readonly mode, for any other setting.
    """
    most = {
        "max_execution_time": limits.seconds,
        "max_result_rows": limits.rows,
        "max_result_bytes": limits.result_bytes,
        "max_memory_usage": limits.memory_bytes,
    }
    for name, value in asked.items():
        if name in _HARMLESS or name.startswith(_OUTPUT):
            yield name, value
        elif name not in most and not (name == "readonly" and value in ("1", "2")):
            raise query_error(READONLY, f"Cannot modify '{name}' setting in readonly mode", "READONLY")
    for name, limit in most.items():
        yield name, str(_within(name, asked.get(name, ""), limit))
    if "session_timezone" not in asked:
        yield "session_timezone", "UTC"
    yield "readonly", "1"


def require_harmless(normal: str, tables: Collection[str] = ()) -> None:
    """Raises QueryError unless `normal`, a statement as ClickHouse's own formatter writes it, only reads the store.

    And unless it names none of `tables`, which are not for whoever asks.
    """
    bare = QUOTED.sub(_identifier, normal).lower()
    words = re.findall(r"\w+", bare)
    if words[0] not in _READS:
        raise query_error(READONLY, "Cannot execute query in readonly mode", "READONLY")
    if found := _FORBIDDEN.intersection(words):
        raise query_error(READONLY, f"Cannot use {', '.join(sorted(found))} in readonly mode", "READONLY")
    if named := tables and {*tables}.intersection(words) | {*_FINDS_TABLES.findall(bare)}:
        said = f"Not enough privileges: {', '.join(sorted(named))} cannot be read, views can (docs/sql.md)"
        raise query_error(ACCESS_DENIED, said, "ACCESS_DENIED")


def format_of(normal: str, default: str) -> str:
    """The format that the statement's own FORMAT clause names, or the default."""
    found = _FORMAT.search(QUOTED.sub(" ", normal))
    return found[1] if found else default


def quoted(text: str) -> str:
    """As a literal of SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _identifier(found: re.Match[str]) -> str:
    """Of what is quoted only names are kept: a function may be called by a quoted one."""
    return found[0] if found[0][0] in '"`' else " "


def _within(name: str, asked: str, limit: int) -> int:
    try:
        wanted = int(float(asked or 0))
    except (ValueError, OverflowError):
        raise query_error(BAD_ARGUMENTS, f"{name} must be a number", "BAD_ARGUMENTS") from None
    return min(wanted, limit) if wanted > 0 else limit  # 0 is no limit there


def query_error(code: int, text: str, name: str) -> QueryError:
    """An error of ours as ClickHouse writes its own."""
    return QueryError(f"Code: {code}. DB::Exception: {text}. ({name})", code)
