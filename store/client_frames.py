"""ClickHouse's own compressed frames, which its HTTP interface writes for compress=1 and reads for decompress=1.

A frame is the CityHash128 of what follows, then method, sizes and an LZ4 block. The parts are clickhouse-driver's and
its packages' (the extra `compression`).
"""

import struct
from collections.abc import Iterator
from typing import Any

from store.reading import BAD_ARGUMENTS, query_error

_FRAME_BYTES = 1_048_576  # ClickHouse's max_compress_block_size
_HEADER = struct.Struct("<BII")  # method, size of header and block, size of the data
_CHECKSUM_BYTES = 16
_LZ4 = 0x82


def compressed(data: bytes) -> bytes:
    """The data as frames; raises QueryError where the packages are not installed."""
    hash_of, block = _packages()
    frames = []
    for at in range(0, len(data), _FRAME_BYTES):
        part = data[at : at + _FRAME_BYTES]
        packed = block.compress(part, store_size=False)
        frame = _HEADER.pack(_LZ4, _HEADER.size + len(packed), len(part)) + packed
        frames += [_checksum(hash_of(frame)), frame]
    return b"".join(frames)


def decompressed(data: bytes, most: int) -> bytes:
    """The data of the frames; raises QueryError for what is none, is damaged, or holds more than `most` bytes."""
    return b"".join(_parts(data, most))


def _parts(data: bytes, most: int) -> Iterator[bytes]:
    hash_of, block = _packages()
    at = 0
    while at < len(data):
        begin = at + _CHECKSUM_BYTES
        if begin + _HEADER.size > len(data):
            raise _damaged("it ends within a frame")
        method, size, length = _HEADER.unpack_from(data, begin)
        frame = data[begin : begin + size]
        if size < _HEADER.size or len(frame) != size or _checksum(hash_of(frame)) != data[at:begin]:
            raise _damaged("a checksum does not match")
        if method != _LZ4:
            raise _damaged("only LZ4 is read")
        most -= length
        if most < 0:
            raise _damaged("it is too large")
        try:
            yield block.decompress(frame[_HEADER.size :], uncompressed_size=length)
        except block.LZ4BlockError:
            raise _damaged("a block is no LZ4") from None
        at = begin + size


def _checksum(number: int) -> bytes:
    """CityHash's first half, then its second, each little endian."""
    return struct.pack("<QQ", number >> 64, number & 0xFFFF_FFFF_FFFF_FFFF)


def _damaged(what: str) -> Exception:
    return query_error(
        BAD_ARGUMENTS, f"decompress=1: the body is not ClickHouse's frames: {what}", "BAD_ARGUMENTS"
    )


def _packages() -> tuple[Any, Any]:
    try:
        from clickhouse_cityhash.cityhash import CityHash128
        from lz4 import block
    except ImportError:
        said = "compress=1 and decompress=1 need on the server: pip install 'tidings[compression]' (Python < 3.13);"
        raise query_error(48, f"{said} gzip works without: Accept-Encoding", "NOT_IMPLEMENTED") from None
    return CityHash128, block
