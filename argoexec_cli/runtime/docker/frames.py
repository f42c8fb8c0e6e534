"""The format of Docker's `local` log driver: a file of length-prefixed protobuf messages.

A frame is the message's length (4 bytes, big-endian), the message, and its length again. The
message has 1: source, 2: time in nanoseconds, 3: line without its newline, 4: is it a piece of a
line, 5: about the piece (1: is it the last). The engine writes a last line that has no newline as a
piece that is not the last. (moby/moby, api/types/plugins/logdriver/entry.proto and
daemon/logger/local.)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from argoexec_cli.errors import DataLossError
from argoexec_cli.models.logs import STDERR, STDOUT, LogRun

MAX_FRAME: Final = 64 * 1024
"""More than any frame has: the engine cuts lines into pieces of 16 KiB."""

_SIZE: Final = struct.Struct(">I")
# Length, source (with its tag), tag of the time, its lower four and upper five bytes, tag of the
# line, its length (1 or 2 bytes).
_HEAD: Final = struct.Struct(">I8sBI5sBBB")
_STREAMS: Final = {b"\n\x06stdout": STDOUT, b"\n\x06stderr": STDERR}
_TIME: Final = 0x10
_LINE: Final = 0x1A


def parse_frames(buffer: bytes, *, final: bool = False) -> tuple[list[LogRun], int]:
    """Return what the whole frames of *buffer* say, and how many bytes they take up.

    A frame that a crash cut short is skipped once it is certain that it was: its length does not
    fit what follows, or with *final*, because nothing more will come. DataLossError when 64 KiB
    hold no frame at all. Written out in one loop because it runs once per line.
    """
    runs: list[LogRun] = []
    append = runs.append
    head, highs, streams = _HEAD.unpack_from, _HighBits(), _STREAMS
    position, end = 0, len(buffer)
    while position + _HEAD.size <= end:
        size, source, tag, low, high, line_tag, n0, n1 = head(buffer, position)
        stop = position + 4 + size
        if buffer[stop : stop + 4] != buffer[position : position + 4]:
            following = _skip_damage(buffer, position, wait=stop + 4 > end and not final)
            if following is None:
                break
            position = following
            continue
        start = position + 24 if n0 < 128 else position + 25
        length = n0 if n0 < 128 else n0 & 127 | n1 << 7
        if tag == _TIME and line_tag == _LINE and start + length == stop and source in streams:
            low_bits = low >> 24 & 127 | (low >> 16 & 127) << 7 | (low >> 8 & 127) << 14
            time_ns = highs[high] | low_bits | (low & 127) << 21
            append(LogRun(time_ns, streams[source], buffer[start:stop] + b"\n"))
        else:
            append(_decode(buffer[position + 4 : stop]))
        position = stop + 4
    return runs, position


def skip_frames(buffer: bytes, count: int) -> tuple[int, int]:
    """Return how many of *count* frames are whole in *buffer*, and how many bytes they take up."""
    runs, used = parse_frames(buffer)
    if len(runs) <= count:
        return len(runs), used
    position = 0
    for _ in range(count):
        position += _SIZE.unpack_from(buffer, position)[0] + 8
    return count, position


class _HighBits(dict[bytes, int]):
    """The upper bits of times, which are the same for a quarter of a second, by their bytes."""

    def __missing__(self, high: bytes) -> int:
        bits = sum((byte & 127) << 28 + 7 * index for index, byte in enumerate(high))
        self[high] = bits
        return bits


def _skip_damage(buffer: bytes, position: int, *, wait: bool) -> int | None:
    """Find the whole frame that follows the damaged one at *position*; None to read more first.

    With *wait* it may be a frame of which the rest is still to come, unless its length is absurd.
    """
    if wait and _SIZE.unpack_from(buffer, position)[0] <= MAX_FRAME:
        return None
    start = position
    while (mark := buffer.find(b"\n\x06std", start + 5)) >= 0:
        start = mark - 4
        stop = mark + _SIZE.unpack_from(buffer, start)[0]
        if stop + 4 <= len(buffer) and buffer[stop : stop + 4] == buffer[start:mark]:
            return start
    if len(buffer) - position > MAX_FRAME:
        raise DataLossError(
            "the engine's log file is damaged: no entry in 64 KiB", hint="docker logs CONTAINER"
        )
    return None


def _decode(message: bytes) -> LogRun:
    """Decode any message, field by field: empty lines, pieces, and what engines may add."""
    stream, time_ns, line, is_piece, is_last = STDOUT, 0, b"", False, False
    for number, value in _fields(message):
        if number == 1 and value == b"stderr":
            stream = STDERR
        elif number == 2 and isinstance(value, int):
            time_ns = value
        elif number == 3 and isinstance(value, bytes):
            line = value
        elif number == 4:
            is_piece = bool(value)
        elif number == 5 and isinstance(value, bytes):
            is_last = any(field == (1, 1) for field in _fields(value))
    return LogRun(time_ns, stream, line if is_piece and not is_last else line + b"\n")


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Take a protobuf message apart; DataLossError when it is none."""
    position = 0
    try:
        while position < len(message):
            tag, position = _varint(message, position)
            value, position = _varint(message, position)
            if tag & 7 == 0:
                yield tag >> 3, value
            elif tag & 7 == 2:
                yield tag >> 3, message[position : position + value]
                position += value
            else:
                raise DataLossError(
                    f"a log entry has a field of type {tag & 7}", hint="docker logs CONTAINER"
                )
    except IndexError as exc:
        raise DataLossError("a log entry ends early", hint="docker logs CONTAINER") from exc


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
        shift += 7
