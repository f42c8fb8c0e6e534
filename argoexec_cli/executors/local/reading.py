"""Reading log files: where to start, the next chunk, and cutting chunks to what was asked for.
Plain functions on files.

A cursor is `attempt.offset.run`: the run at which reading goes on, in the block at that offset of
that attempt's file.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from argoexec_cli.errors import DataLossError, InvalidError
from argoexec_cli.executors.local.blocks import (
    MIN_BLOCK,
    Block,
    block_size,
    decode_block,
    decode_blocks,
    last_block_size,
    last_time,
)
from argoexec_cli.models.logs import LogChunk, LogQuery

_GULP: Final = 512 << 10


def cursor_attempt(cursor: str) -> int | None:
    """Return which attempt a cursor belongs to; None without one. `InvalidError` for something that
    is no cursor.
    """
    return _parse_cursor(cursor)[0] if cursor else None


class Skip(NamedTuple):
    """What of a block comes before that which was asked for: whole runs, and bytes of the next."""

    runs: int = 0
    bytes: int = 0


def start(path: Path, query: LogQuery) -> tuple[int, Skip]:
    """Return the offset of the block at which the answer to *query* begins, and where in it."""
    if query.cursor:
        _, offset, run = _parse_cursor(query.cursor)
        return offset, Skip(run)
    try:
        with path.open("rb") as file:
            if query.tail_lines is not None:
                return _tail(file.fileno(), query.tail_lines)
            return _since(file.fileno(), query.since_ns), Skip()
    except FileNotFoundError:
        return 0, Skip()


def next_chunk(path: Path, offset: int, skipped: Skip, attempt: int) -> tuple[LogChunk | None, int]:
    """Return the chunk at *offset* and the offset after it; None when nothing (whole) is there yet.

    Small blocks are put together, so a log that grew line by line is read as fast as one that came
    in bulk.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None, offset
    try:
        buffer = os.pread(file, _GULP, offset)
        if (size := block_size(buffer)) > len(buffer):
            buffer = os.pread(file, size, offset)
    finally:
        os.close(file)
    blocks = list(decode_blocks(memoryview(buffer)))
    if not blocks:
        return None, offset
    end = offset + sum(block.size for block in blocks)
    return skip(_join(blocks, f"{attempt}.{end}.0"), skipped), end


def bytes_after(path: Path, offset: int) -> int:
    """Return how much is behind *offset*."""
    try:
        return max(0, path.stat().st_size - offset)
    except FileNotFoundError:
        return 0


def check_end(path: Path, offset: int) -> None:
    """Raise `DataLossError` when a log that is complete does not end at *offset*, as far as it can
    be read.
    """
    if left := bytes_after(path, offset):
        raise DataLossError(
            f"{path} is damaged: {left} bytes from byte {offset} on cannot be read",
            hint="what comes before them was shown",
        )


def skip(chunk: LogChunk, skipped: Skip) -> LogChunk:
    """Return the chunk without what comes before."""
    if skipped == Skip():
        return chunk
    runs = skipped.runs
    lengths = chunk.lengths[runs:]
    if skipped.bytes:
        lengths[0] -= skipped.bytes
    return LogChunk(
        chunk.data[sum(chunk.lengths[:runs]) + skipped.bytes :],
        lengths,
        chunk.times[runs:],
        chunk.streams[runs:],
        chunk.cursor,
    )


def since(chunk: LogChunk, since_ns: int) -> LogChunk:
    """Return the runs that are not older than *since_ns*."""
    if not since_ns or not chunk.times or min(chunk.times) >= since_ns:
        return chunk
    kept = [run for run in chunk.runs() if run.time_ns >= since_ns]
    return LogChunk(
        b"".join(run.data for run in kept),
        array("I", [len(run.data) for run in kept]),
        array("q", [run.time_ns for run in kept]),
        array("B", [run.stream for run in kept]),
        chunk.cursor,
    )


def limit(chunk: LogChunk, budget: int) -> tuple[LogChunk, int]:
    """Cut the chunk to *budget* bytes; returns it and what is left of the budget."""
    if len(chunk.data) <= budget:
        return chunk, budget - len(chunk.data)
    lengths, left = array("I"), budget
    for length in chunk.lengths:
        if left <= 0:
            break
        lengths.append(min(length, left))
        left -= length
    count = len(lengths)
    return LogChunk(chunk.data[:budget], lengths, chunk.times[:count], chunk.streams[:count], ""), 0


def tail_of_stream(path: Path, stream: int, limit_bytes: int) -> bytes:
    """Return the last *limit_bytes* bytes of one stream, reading the file from its end."""
    pieces: list[bytes] = []
    size = 0
    try:
        with path.open("rb") as file:
            for _, block in _backwards(file.fileno()):
                piece = _stream_bytes(block, stream)
                pieces.append(piece)
                size += len(piece)
                if size >= limit_bytes:
                    break
    except FileNotFoundError:
        return b""
    return b"".join(reversed(pieces))[-limit_bytes:] if limit_bytes else b""


def _join(blocks: list[Block], cursor: str) -> LogChunk:
    lengths, times, streams = blocks[0].lengths, blocks[0].times, blocks[0].streams
    for block in blocks[1:]:
        lengths.extend(block.lengths)
        times.extend(block.times)
        streams.extend(block.streams)
    return LogChunk(b"".join([block.data for block in blocks]), lengths, times, streams, cursor)


def _stream_bytes(block: Block, stream: int) -> bytes:
    if block.streams.count(stream) == len(block.streams):
        return bytes(block.data)
    pieces, at = [], 0
    for length, its in zip(block.lengths, block.streams, strict=True):
        if its == stream:
            pieces.append(block.data[at : at + length])
        at += length
    return b"".join(pieces)


def _backwards(file: int) -> Iterator[tuple[int, Block]]:
    """Yield (offset, block) from the last block to the first. A block that is being written is not
    seen.
    """
    end = _end_of_blocks(file)
    while end > 0:
        size = last_block_size(os.pread(file, 4, end - 4))
        block = decode_block(memoryview(os.pread(file, size, end - size)))
        if block is None:
            return
        end -= size
        yield end, block


def _end_of_blocks(file: int) -> int:
    """Return the end of the last whole block. The file's end is nearly always it; otherwise walk
    from the start.
    """
    size = os.fstat(file).st_size
    if size >= MIN_BLOCK:
        last = last_block_size(os.pread(file, 4, size - 4))
        if MIN_BLOCK <= last <= size and block_size(os.pread(file, MIN_BLOCK, size - last)) == last:
            return size
    end = 0
    while (step := block_size(os.pread(file, MIN_BLOCK, end))) and end + step <= size:
        end += step
    return end


def _tail(file: int, lines: int) -> tuple[int, Skip]:
    """Return where the last *lines* lines begin."""
    offset = _end_of_blocks(file)
    if lines <= 0:
        return offset, Skip()
    found, last = 0, True
    for offset, block in _backwards(file):
        begin, count = _begin_of_tail(bytes(block.data), lines - found, last=last)
        if begin is not None:
            return offset, _skip_to(begin, block.lengths)
        found, last = found + count, False
    return (0 if found else offset), Skip()


def _begin_of_tail(data: bytes, lines: int, *, last: bool) -> tuple[int | None, int]:
    """Return where in a block its last *lines* lines begin, and how many lines end in the block.

    None means that the block has no more lines than that. Only at the end of the log (*last*) is a
    line without a newline a line of its own; elsewhere it goes on in the next block.
    """
    count = int(last and not data.endswith(b"\n"))
    at = len(data)
    while (at := data.rfind(b"\n", 0, at)) >= 0:
        if count == lines:
            return at + 1, count
        count += 1
    return None, count


def _skip_to(position: int, lengths: array[int]) -> Skip:
    for run, length in enumerate(lengths):
        if position < length:
            return Skip(run, position)
        position -= length
    return Skip(len(lengths))


def _since(file: int, since_ns: int) -> int:
    """Return the offset of the first block that has a run as young as *since_ns*."""
    offset = 0
    while (
        since_ns and (header := os.pread(file, MIN_BLOCK, offset)) and (size := block_size(header))
    ):
        if last_time(header) >= since_ns:
            break
        offset += size
    return offset


def _parse_cursor(cursor: str) -> tuple[int, int, int]:
    parts = cursor.split(".")
    if len(parts) != 3 or not all(part.isdecimal() and len(part) < 19 for part in parts):
        raise InvalidError(
            f"{cursor!r} is not a log cursor", hint="use the cursor of an earlier chunk, unchanged"
        )
    return int(parts[0]), int(parts[1]), int(parts[2])
