"""A small server that speaks ClickHouse's native protocol and hands queries and blocks to chDB.

No ClickHouse server can be installed where these tests run. With this one the client (clickhouse-driver), the bytes
on the wire and the engine are real; only the server between them is ours. It runs as a process of its own, because
one process holds one chDB folder:  python -m tests.native_server FOLDER [--user U --password P]

It can speak TLS (--cert, --key), compress as it is spoken to, close idle connections (--idle-seconds), and stand for
a cluster of one server (--cluster NAME): its Distributed tables are real, but there is no Keeper, so ON CLUSTER is
left out and Replicated tables are made plain. It does one wrong thing at the next insert when told so in a file
(--fault FILE):  close|exit before|after (the block is stored), or an error code and text.

What it leaves out: progress, cancelling, external tables.
"""

import argparse
import os
import re
import socketserver
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from socket import IPPROTO_TCP, TCP_NODELAY
from tempfile import NamedTemporaryFile
from typing import Any

from clickhouse_driver import Client
from clickhouse_driver.block import ColumnOrientedBlock
from clickhouse_driver.bufferedreader import BufferedSocketReader
from clickhouse_driver.bufferedwriter import BufferedSocketWriter
from clickhouse_driver.connection import ServerInfo
from clickhouse_driver.reader import read_binary_str, read_binary_uint8, read_binary_uint64
from clickhouse_driver.streams.native import BlockInputStream, BlockOutputStream
from clickhouse_driver.varint import read_varint, write_varint
from clickhouse_driver.writer import write_binary_int32, write_binary_str, write_binary_uint8

REVISION = 54459  # the first with query parameters
_FORMAT = 0  # the revision of chDB's Native format: plain blocks
_BUFFER = 1 << 20
_HELLO, _QUERY, _DATA, _PING = 0, 1, 2, 4
_TO_HELLO, _TO_DATA, _TO_EXCEPTION, _TO_PONG, _TO_END, _TO_PROFILE_EVENTS = 0, 1, 2, 4, 5, 14
_INSERT = re.compile(r"INSERT INTO (?P<table>\S+) \((?P<columns>[^)]*)\) VALUES\s*$", re.DOTALL)
_READS = re.compile(r"\s*(SELECT|WITH|SHOW|DESC|DESCRIBE|EXPLAIN|EXISTS)\b", re.IGNORECASE)
_NOT_ALONE = re.compile(
    r" ON CLUSTER '\w+'|Replicated(?=\w*MergeTree)|'/clickhouse/tables/[^']*', '\{replica\}'(?:, )?"
)
_CLUSTER = """<clickhouse><tcp_port>9000</tcp_port><remote_servers><{name}><shard>
<internal_replication>true</internal_replication><replica><host>127.0.0.1</host><port>9000</port></replica>
</shard></{name}></remote_servers></clickhouse>"""
_UNQUOTE = {"b": "\b", "f": "\f", "r": "\r", "n": "\n", "t": "\t", "0": "\0", "a": "\a", "v": "\v"}


@contextmanager
def native_server(folder: Path, *arguments: str) -> Iterator[tuple[str, int]]:
    """Starts the server over `folder` and yields its host and port."""
    command = [sys.executable, "-m", "tests.native_server", str(folder), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        words = process.stdout.readline().split()
        try:
            assert words[:2] == ["listening", "on"], words
            yield words[2], int(words[3])
        finally:
            process.terminate()


class Engine:
    """chDB, one call at a time, each in the database and with the settings of its connection."""

    def __init__(self, folder: Path, cluster: str = "") -> None:
        from chdb.session import Session

        path = str(folder)
        if cluster:
            folder.mkdir(exist_ok=True)
            config = folder.parent / f"{folder.name}.xml"
            config.write_text(_CLUSTER.format(name=cluster))
            path += f"?config-file={config}"
        self._session = Session(path)
        self._cluster = cluster
        self._lock = threading.Lock()
        self._set: dict[str, str] = {}

    def run(
        self,
        database: str,
        sql: str,
        params: dict[str, str],
        settings: dict[str, str],
        output: str = "Native",
    ) -> bytes:
        if self._cluster:
            sql = _NOT_ALONE.sub("", sql)
        with self._lock:
            self._session.query(f"USE {database}")
            wanted = {name: f"'{value}'" for name, value in settings.items() if name != "readonly"}
            changed = dict.fromkeys(self._set.keys() - wanted.keys(), "DEFAULT")
            changed |= {name: value for name, value in wanted.items() if self._set.get(name) != value}
            if changed:
                self._session.query(
                    f"SET {', '.join(f'{name} = {value}' for name, value in changed.items())}"
                )
                self._set = wanted
            return bytes(self._session.query(sql, output, params=params).bytes())


class Bytes:
    """Bytes in memory as the socket that clickhouse-driver's buffers want."""

    def __init__(self, data: bytes = b"") -> None:
        self._in = BytesIO(data)
        self.size = len(data)
        self.out = bytearray()

    def recv_into(self, buffer: Any) -> int:
        return self._in.readinto(buffer)

    def sendall(self, data: Any) -> None:
        self.out += bytes(data)


def context_of(revision: int) -> Any:
    context = Client("nowhere").connection.context
    context.server_info = ServerInfo("chDB", 26, 9, 0, revision, "UTC", "chDB", revision)
    return context


def read_blocks(data: bytes) -> list[Any]:
    """The blocks of chDB's Native format."""
    stream = BlockInputStream(BufferedSocketReader(Bytes(data), _BUFFER), context_of(_FORMAT))
    blocks = []
    while True:
        try:
            blocks.append(stream.read())
        except EOFError:
            return blocks


def write_block(block: Any) -> bytes:
    """The block in the Native format that chDB reads."""
    memory = Bytes()
    # The writers change columns in place, the readers give tuples.
    block = ColumnOrientedBlock(block.columns_with_types, [list(column) for column in block.get_columns()])
    BlockOutputStream(BufferedSocketWriter(memory, _BUFFER), context_of(_FORMAT)).write(block)
    return bytes(memory.out)


class Handler(socketserver.BaseRequestHandler):
    """One connection."""

    server: "Server"

    def handle(self) -> None:
        try:
            self.request.settimeout(self.server.idle_seconds)
            # Answers are several small writes: without this each waits 40 ms for the client's delayed ACK.
            self.request.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
            socket = self.request
            if self.server.tls:
                socket = self.server.tls.wrap_socket(socket, server_side=True)
            self.talk(socket)
        except OSError:  # among them: idle for too long, or a client that does not like our certificate
            return

    def talk(self, socket: Any) -> None:
        self.fin = BufferedSocketReader(socket, _BUFFER)
        self.fout = BufferedSocketWriter(socket, _BUFFER)
        self.context = context_of(REVISION)
        self.plain_in = BlockInputStream(self.fin, self.context)
        self.plain_out = BlockOutputStream(self.fout, self.context)
        self.settings: dict[str, str] = {}
        self.database = "default"
        try:
            while True:
                packet = read_varint(self.fin)
                if packet == _HELLO:
                    if not self.hello():
                        return
                elif packet == _PING:
                    write_varint(_TO_PONG, self.fout)
                    self.fout.flush()
                elif packet == _QUERY:
                    self.query()
                else:
                    raise ConnectionError(f"packet {packet}")
        except (EOFError, ConnectionError):
            return

    def hello(self) -> bool:
        read_binary_str(self.fin)
        for _ in range(3):
            read_varint(self.fin)
        self.database = read_binary_str(self.fin) or "default"
        login = (read_binary_str(self.fin), read_binary_str(self.fin))
        if login != self.server.login:
            self.exception(516, f"{login[0]}: Authentication failed: password is incorrect, or no such user.")
            return False
        write_varint(_TO_HELLO, self.fout)
        write_binary_str("ClickHouse", self.fout)
        for number in (26, 9, REVISION):
            write_varint(number, self.fout)
        write_binary_str("UTC", self.fout)
        write_binary_str("chDB", self.fout)
        write_varint(0, self.fout)
        self.fout.flush()
        read_binary_str(self.fin)  # the addendum: a quota key
        return True

    def query(self) -> None:
        read_binary_str(self.fin)  # query id
        self.client_info()
        self.settings = self.pairs()
        read_binary_str(self.fin)  # interserver secret
        read_varint(self.fin)  # stage
        compressed = read_varint(self.fin)
        self.blocks_in, self.blocks_out = self.streams() if compressed else (self.plain_in, self.plain_out)
        sql = read_binary_str(self.fin)
        params = {name: unquote(value) for name, value in self.pairs().items()}
        self.data()  # no external tables
        try:
            if self.settings.get("readonly") == "1" and not _READS.match(sql):
                raise RuntimeError(
                    "Code: 164. DB::Exception: Cannot execute query in readonly mode. (READONLY)"
                )
            if insert := _INSERT.match(sql):
                self.insert(insert["table"], insert["columns"])
            else:
                self.answer(sql, params)
        except RuntimeError as error:
            code = re.search(r"Code: (\d+)", str(error))
            self.exception(int(code[1]) if code else 1002, str(error))
            return
        write_varint(_TO_END, self.fout)
        self.fout.flush()

    def answer(self, sql: str, params: dict[str, str]) -> None:
        blocks = read_blocks(self.run(sql, params))
        # As a real server does: first the names and types without rows, then the rows.
        if blocks or _READS.match(sql):
            header = blocks[0].columns_with_types if blocks else self.columns(f"({sql})", params)
            self.send(ColumnOrientedBlock(header))
        for block in blocks:
            self.send(block)

    def insert(self, table: str, names: str) -> None:
        self.send(ColumnOrientedBlock(self.columns(f"(SELECT {names} FROM {table})", {})))
        self.fout.flush()
        while True:
            block = self.data()
            if block.num_columns:
                fault = self.server.next_fault()
                what, _, rest = fault.partition(" ")
                if what.isdecimal():
                    raise RuntimeError(f"Code: {what}. DB::Exception: {rest}")
                if rest == "before":
                    self.lose(what)
                self.store(table, names, block)
                if rest == "after":
                    self.lose(what)
            # From revision 54456 on every block is answered by profile events; these are empty.
            self.send(ColumnOrientedBlock(), _TO_PROFILE_EVENTS, self.plain_out)
            if not block.num_columns:
                return

    def store(self, table: str, names: str, block: Any) -> None:
        with NamedTemporaryFile(suffix=".native") as file:
            file.write(write_block(block))
            file.flush()
            sql = f"INSERT INTO {table} ({names}) SELECT {names} FROM file('{file.name}', 'Native')"
            self.run(sql, {}, "Null")

    def streams(self) -> tuple[Any, Any]:
        """Compressed ones; the driver's need packages that only the extra `compression` brings."""
        from clickhouse_driver.compression import get_compressor_cls
        from clickhouse_driver.streams.compressed import (
            CompressedBlockInputStream,
            CompressedBlockOutputStream,
        )

        lz4 = get_compressor_cls("lz4")
        return (
            CompressedBlockInputStream(self.fin, self.context),
            CompressedBlockOutputStream(lz4, _BUFFER, self.fout, self.context),
        )

    def run(self, sql: str, params: dict[str, str], output: str = "Native") -> bytes:
        return self.server.engine.run(self.database, sql, params, self.settings, output)

    def lose(self, how: str) -> None:
        if how == "exit":
            os._exit(9)
        raise ConnectionError("told to")

    def columns(self, source: str, params: dict[str, str]) -> list[tuple[str, str]]:
        rows = read_blocks(self.run(f"DESCRIBE {source}", params))
        return [(name, kind) for block in rows for name, kind in zip(*block.get_columns()[:2], strict=True)]

    def send(self, block: Any, packet: int = _TO_DATA, out: Any = None) -> None:
        out = out or self.blocks_out
        write_varint(packet, self.fout)
        write_binary_str("", self.fout)
        if block.num_columns:
            columns = [list(column) for column in block.get_columns()]
            out.write(ColumnOrientedBlock(block.columns_with_types, columns))
            return
        # A header: names and types, no rows (the driver's own writer needs data).
        block.info.write(out.fout)
        write_varint(len(block.columns_with_types), out.fout)
        write_varint(0, out.fout)
        for name, kind in block.columns_with_types:
            write_binary_str(name, out.fout)
            write_binary_str(kind, out.fout)
            write_binary_uint8(0, out.fout)
        out.finalize()

    def data(self) -> Any:
        packet = read_varint(self.fin)
        if packet != _DATA:
            raise ConnectionError(f"packet {packet} where data belong")
        read_binary_str(self.fin)
        return self.blocks_in.read()

    def pairs(self) -> dict[str, str]:
        found = {}
        while name := read_binary_str(self.fin):
            read_binary_uint8(self.fin)
            found[name] = read_binary_str(self.fin)
        return found

    def client_info(self) -> None:
        read_binary_uint8(self.fin)  # kind
        for _ in range(3):
            read_binary_str(self.fin)
        read_binary_uint64(self.fin)
        read_binary_uint8(self.fin)
        for _ in range(3):
            read_binary_str(self.fin)
        for _ in range(3):
            read_varint(self.fin)
        read_binary_str(self.fin)  # quota key
        for _ in range(2):
            read_varint(self.fin)
        assert not read_binary_uint8(self.fin), "no tracing, please"
        for _ in range(3):
            read_varint(self.fin)

    def exception(self, code: int, text: str) -> None:
        write_varint(_TO_EXCEPTION, self.fout)
        write_binary_int32(code, self.fout)
        for part in ("DB::Exception", text, ""):
            write_binary_str(part, self.fout)
        write_binary_uint8(0, self.fout)
        self.fout.flush()


class Server(socketserver.ThreadingTCPServer):
    """Listens on a loopback port; one thread per connection."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, arguments: argparse.Namespace) -> None:
        super().__init__(("127.0.0.1", arguments.port), Handler)
        self.engine = Engine(arguments.folder, arguments.cluster)
        self.login = (arguments.user, arguments.password)
        self.idle_seconds: float | None = arguments.idle_seconds
        self.fault: Path | None = arguments.fault
        self.tls: ssl.SSLContext | None = None
        if arguments.cert:
            self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self.tls.load_cert_chain(arguments.cert, arguments.key)

    def next_fault(self) -> str:
        if self.fault is None or not self.fault.exists():
            return ""
        text = self.fault.read_text().strip()
        self.fault.unlink()
        return text


def unquote(value: str) -> str:
    """The text inside a quoted literal."""
    return re.sub(r"\\(.)", lambda m: _UNQUOTE.get(m[1], m[1]), value[1:-1], flags=re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--user", default="default")
    parser.add_argument("--password", default="")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--cluster", default="")
    parser.add_argument("--idle-seconds", type=float)
    parser.add_argument("--fault", type=Path)
    server = Server(parser.parse_args())
    print("listening on", *server.server_address, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
