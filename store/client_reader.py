"""Read-only queries over the embedded store that this process has open, in ClickHouse's own output formats."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from store.client_embedded import open_session
from store.client_native import FIRST_REVISION, with_revision
from store.public import hidden_tables
from store.reading import (
    BAD_ARGUMENTS,
    SYNTAX_ERROR,
    Answer,
    Limits,
    QueryError,
    format_of,
    query_error,
    quoted,
    require_harmless,
    session_settings,
)


class EmbeddedReader:
    """A chDB session for each query, with its own settings: readonly, within the limits. Safe to use from several
    threads, beside the store's own session."""

    def __init__(
        self, folder: Path, database: str, limits: Limits, hidden: Collection[str] | None = None
    ) -> None:
        """`hidden` tables cannot be read but through views; without it all of the schema's own."""
        self._folder = folder
        self._database = database
        self._limits = limits
        self._hidden = hidden_tables() if hidden is None else hidden

    def ask(
        self,
        sql: str,
        output_format: str = "TabSeparated",
        *,
        database: str = "",
        parameters: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
        protocol_revision: int = 0,
    ) -> Answer:
        """The answer of one statement that reads. Parameters ({name:Type} in the SQL) are texts, escaped as in TSV.
        `protocol_revision` is of ClickHouse's native protocol, for the format Native.

        Raises QueryError with ClickHouse's code and text.
        """
        session = open_session(self._folder)
        try:
            statement = _normal(session, sql)
            require_harmless(statement, self._hidden)
            _run(session, f"USE {_name(database or self._database)}")
            for name, value in (parameters or {}).items():
                _run(session, f"SET param_{_plain(name)} = {quoted(value)}")
            for name, value in session_settings(settings or {}, self._limits):
                _run(session, f"SET {_plain(name)} = {quoted(value)}")
            answer = _run(session, sql, output_format)
            data, written = bytes(answer.bytes()), format_of(statement, output_format)
            if written == "Native" and protocol_revision >= FIRST_REVISION:
                data = with_revision(data)
            return Answer(
                data=data,
                output_format=written,
                result_rows=answer.rows_read(),
                read_rows=answer.storage_rows_read(),
                read_bytes=answer.storage_bytes_read(),
                elapsed_seconds=answer.elapsed(),
            )
        finally:
            session.close()


def _normal(session: Any, sql: str) -> str:
    """The statement as ClickHouse's formatter writes it: without comments, its literals in one way only."""
    try:
        answer = _run(session, f"SELECT formatQuerySingleLine({quoted(sql)})", "RawBLOB")
    except QueryError as error:
        said = re.sub(
            r": In scope SELECT formatQuerySingleLine\(.*(?=\. \()", "", str(error), flags=re.DOTALL
        )
        raise QueryError(said, error.code) from None
    return bytes(answer.bytes()).decode("utf-8", "replace")


def _run(session: Any, sql: str, output_format: str = "Null") -> Any:
    try:
        sql.encode()
        return session.query(sql, output_format)
    except UnicodeEncodeError:
        raise query_error(SYNTAX_ERROR, "Syntax error: not UTF-8", "SYNTAX_ERROR") from None
    except UnicodeDecodeError as error:  # chDB's message itself was not valid UTF-8
        raise QueryError(error.object.decode("utf-8", "replace")) from None
    except RuntimeError as error:
        raise QueryError(str(error)) from None


def _name(database: str) -> str:
    return "`" + database.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _plain(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise query_error(BAD_ARGUMENTS, f"{name!r} is no plain name", "BAD_ARGUMENTS")
    return name
