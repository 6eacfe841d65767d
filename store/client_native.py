"""ClickHouse's Native format, for clients that name a revision of its protocol (client_protocol_version).

chDB writes revision 0: nothing but blocks. From revision 54454 on a block begins with what it is, and each column says
whether its serialization is a special one (here never). The columns' own bytes are the same; clickhouse-driver reads
them to find where they end.
"""

from collections.abc import Iterator
from typing import Any

from store.reading import query_error

FIRST_REVISION = 54454
# Block info: field 1, is_overflows = 0; field 2, bucket_num = -1; the end.
_BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"


def with_revision(native: bytes) -> bytes:
    """The blocks as revision 54454 and later write them; raises QueryError for a type that clickhouse-driver lacks."""
    from clickhouse_driver.errors import Error

    try:
        return b"".join(_parts(native))
    except Error as error:
        said = f"client_protocol_version: {error}: leave it out, or cast the column"
        raise query_error(48, said, "NOT_IMPLEMENTED") from None


def _parts(native: bytes) -> Iterator[bytes]:
    from clickhouse_driver.bufferedreader import BufferedSocketReader
    from clickhouse_driver.columns.service import read_column
    from clickhouse_driver.reader import read_binary_str
    from clickhouse_driver.varint import read_varint

    context = _context()
    # One buffer holds everything, so that its position is the place in `native`.
    reader = BufferedSocketReader(_Whole(native), len(native) or 1)
    while reader.position < len(native):
        start = reader.position
        columns, rows = read_varint(reader), read_varint(reader)
        yield _BLOCK_INFO + native[start : reader.position]
        for _ in range(columns):
            start = reader.position
            read_binary_str(reader)
            kind = read_binary_str(reader)
            yield native[start : reader.position] + b"\0"
            if rows:
                start = reader.position
                read_column(context, kind, rows, reader)
                yield native[start : reader.position]


def _context() -> Any:
    from clickhouse_driver import Client
    from clickhouse_driver.connection import ServerInfo

    context = Client("nowhere").connection.context  # connects to nothing
    context.server_info = ServerInfo("chDB", 0, 0, 0, 0, "UTC", "chDB", 0)
    context.client_settings["strings_as_bytes"] = True
    return context


class _Whole:
    """A socket that gives all its bytes at once."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def recv_into(self, buffer: bytearray) -> int:
        count = len(self._data)
        buffer[:count] = self._data
        self._data = b""
        return count
