"""The format of a log file: a sequence of blocks, each written by one `write`, each complete in
itself.

    header   magic, crc32 of all that follows the crc, total length, number of runs, of lines and
             of bytes of data, first and last time
    columns  length (u32), time (i64, ns since the epoch) and stream (u8) of every run
    position the runtime's position after this block: where reading goes on after a restart
    data     the runs' bytes back to back
    trailer  total length once more, so that a file can be read from its end

Because text and position are one write, a daemon that is killed between two blocks neither loses
nor repeats a byte; a block that was cut off by a crash is found by its length or checksum and
dropped, and its lines are read from the runtime again.
"""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from collections.abc import Iterator
from typing import Final, NamedTuple

from argoexec_cli.models.logs import LogRun

_MAGIC: Final = 0x314C5841
_HEADER: Final = struct.Struct("<IIIIIIqqI")
_TRAILER: Final = struct.Struct("<I")
_PER_RUN: Final = 4 + 8 + 1
MIN_BLOCK: Final = _HEADER.size + _TRAILER.size
MAX_BLOCK: Final = 64 << 20
"""Longer is damage: a batch is at most about 256 KiB."""


class Block(NamedTuple):
    """One block, decoded. `size` is its length in the file; `lines` counts line ends, plus one for
    an unfinished line.
    """

    size: int
    lines: int
    first_ns: int
    last_ns: int
    lengths: array[int]
    times: array[int]
    streams: array[int]
    data: memoryview
    position: str


def encode_block(runs: list[LogRun], position: str) -> bytes:
    """Return the bytes of a block that holds *runs* (at least one) and *position*."""
    data = b"".join([run.data for run in runs])
    lengths = array("I", [len(run.data) for run in runs])
    times = array("q", [run.time_ns for run in runs])
    first_ns, last_ns = min(times), max(times)
    streams = bytes([run.stream for run in runs])
    _swap_on_big_endian(lengths)
    _swap_on_big_endian(times)
    columns = b"".join((lengths.tobytes(), times.tobytes(), streams, position.encode()))
    total = _HEADER.size + len(columns) + len(data) + _TRAILER.size
    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    rest = struct.pack(
        "<IIIIqqI",
        total,
        len(runs),
        lines,
        len(data),
        first_ns,
        last_ns,
        len(position.encode()),
    )
    crc = zlib.crc32(data, zlib.crc32(columns, zlib.crc32(rest)))
    return b"".join((struct.pack("<II", _MAGIC, crc), rest, columns, data, _TRAILER.pack(total)))


def decode_block(buffer: memoryview, *, check: bool = False) -> Block | None:
    """Decode the block at the start of *buffer*; None when it is not all there or damaged.

    The checksum is only computed with *check*: a file is checked once, when it is opened after a
    crash.
    """
    if len(buffer) < MIN_BLOCK:
        return None
    magic, crc, total, runs, lines, size, first_ns, last_ns, position_size = _HEADER.unpack_from(
        buffer
    )
    columns_end = _HEADER.size + runs * _PER_RUN + position_size
    if (
        magic != _MAGIC
        or total != columns_end + size + _TRAILER.size
        or total > min(len(buffer), MAX_BLOCK)
    ):
        return None
    if check and zlib.crc32(buffer[8 : total - _TRAILER.size]) != crc:
        return None
    at = _HEADER.size
    lengths, times, streams = array("I"), array("q"), array("B")
    for column, width in ((lengths, 4), (times, 8), (streams, 1)):
        column.frombytes(buffer[at : at + runs * width])
        _swap_on_big_endian(column)
        at += runs * width
    position = bytes(buffer[at:columns_end]).decode(errors="replace")
    data = buffer[columns_end : columns_end + size]
    return Block(total, lines, first_ns, last_ns, lengths, times, streams, data, position)


def decode_blocks(buffer: memoryview, *, check: bool = False) -> Iterator[Block]:
    """Decode the blocks that *buffer* starts with, up to the first that is not whole."""
    while (block := decode_block(buffer, check=check)) is not None:
        yield block
        buffer = buffer[block.size :]


def block_size(header: bytes | memoryview) -> int:
    """Return the whole length of the block that starts with *header* (at least `MIN_BLOCK` bytes),
    0 if it is none.
    """
    if len(header) < MIN_BLOCK:
        return 0
    magic, _, total, *_ = _HEADER.unpack_from(header)
    return total if magic == _MAGIC and MIN_BLOCK <= total <= MAX_BLOCK else 0


def last_time(header: bytes | memoryview) -> int:
    """Return the youngest time in the block that starts with *header* (at least `MIN_BLOCK`
    bytes).
    """
    return int(_HEADER.unpack_from(header)[7])


def last_block_size(tail: bytes | memoryview) -> int:
    """Return the length of the block that ends at the end of *tail* (4 bytes or more)."""
    (total,) = _TRAILER.unpack_from(tail, len(tail) - _TRAILER.size)
    return int(total)


def _swap_on_big_endian(column: array[int]) -> None:
    if sys.byteorder == "big":
        column.byteswap()
