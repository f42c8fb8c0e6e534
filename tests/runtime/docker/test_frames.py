"""The `local` log driver's format: every frame read as written, whatever the cut or the damage."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argoexec_cli.errors import DataLossError
from argoexec_cli.models.logs import STDERR, STDOUT, LogRun
from argoexec_cli.runtime.docker.frames import parse_frames, skip_frames

TIME_NS = 1_795_460_024_795_611_336


def varint(value: int) -> bytes:
    """Encode a number as protobuf does."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def frame(message: bytes) -> bytes:
    """Put a message between its lengths."""
    return (size := struct.pack(">I", len(message))) + message + size


def entry(
    line: bytes, *, source: bytes = b"stdout", time_ns: int = TIME_NS, last: bool | None = None
) -> bytes:
    """Write one entry as the engine does; *last* is None for a whole line."""
    message = b"\n\x06" + source + b"\x10" + varint(time_ns)
    if line:
        message += b"\x1a" + varint(len(line)) + line
    if last is not None:
        about = (b"\x08\x01" if last else b"") + b"\x12\x04some\x18\x01"
        message += b"\x20\x01\x2a" + varint(len(about)) + about
    return frame(message)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 40_000])
@pytest.mark.parametrize(("source", "stream"), [(b"stdout", STDOUT), (b"stderr", STDERR)])
def test_lines_of_every_length(size: int, source: bytes, stream: int) -> None:
    data = entry(b"x" * size, source=source)
    assert parse_frames(data) == ([LogRun(TIME_NS, stream, b"x" * size + b"\n")], len(data))


@given(st.integers(min_value=2**56, max_value=2**63 - 1), st.binary(max_size=300))
def test_times_and_bytes(time_ns: int, line: bytes) -> None:
    runs, _ = parse_frames(entry(line, time_ns=time_ns))
    assert runs == [LogRun(time_ns, STDOUT, line + b"\n")]


@pytest.mark.parametrize(("last", "end"), [(False, b""), (True, b"\n")])
def test_only_the_last_piece_of_a_line_ends_it(last: bool, end: bytes) -> None:
    runs, _ = parse_frames(entry(b"piece", last=last))
    assert [run.data for run in runs] == [b"piece" + end]


def test_a_message_as_real_engines_write_it() -> None:
    written = bytes.fromhex("00000016 0a067374646f7574 10c5e08ebf89acb0f518 1a026869 00000016")
    assert parse_frames(written) == ([LogRun(1795460022069866565, STDOUT, b"hi\n")], 30)


@given(st.integers(min_value=0, max_value=200))
def test_a_frame_that_is_not_whole_yet_is_left_for_later(cut: int) -> None:
    entries = [entry(b"one"), entry(b"two" * 20), entry(b"three", last=False)]
    data = b"".join(entries)
    runs, used = parse_frames(data[:cut])
    rest, more = parse_frames(data[used:])
    assert [run.data for run in runs + rest] == [b"one\n", b"two" * 20 + b"\n", b"three"]
    assert used + more == len(data)


@pytest.mark.parametrize("cut", [5, 12, 30, 50])
def test_a_frame_that_a_crash_cut_short_is_skipped(cut: int) -> None:
    torn = entry(b"torn" * 10)[:cut]
    data = entry(b"before") + torn + entry(b"after" * 20) + entry(b"last")
    runs, used = parse_frames(data, final=True)
    assert [run.data for run in runs] == [b"before\n", b"after" * 20 + b"\n", b"last\n"]
    assert used == len(data)


def test_a_torn_end_is_no_entry() -> None:
    data = entry(b"before")
    runs, used = parse_frames(data + entry(b"torn")[:9], final=True)
    assert ([run.data for run in runs], used) == ([b"before\n"], len(data))


def test_a_file_of_something_else_is_an_error() -> None:
    with pytest.raises(DataLossError, match="damaged"):
        parse_frames(b"\xff" * 100_000)


@pytest.mark.parametrize(
    ("message", "match"),
    [(b"\x0d\x00\x00\x00\x00" * 5, "type 5"), (b"\x10" + b"\xff" * 30, "early")],
)
def test_a_message_that_is_none_is_an_error(message: bytes, match: str) -> None:
    with pytest.raises(DataLossError, match=match):
        parse_frames(frame(message))


def test_skipping_counts_whole_frames() -> None:
    data = entry(b"one") + entry(b"") + entry(b"three")
    first = len(entry(b"one"))
    assert skip_frames(data, 1) == (1, first)
    assert skip_frames(data, 3) == (3, len(data))
    assert skip_frames(data[: first + 3], 2) == (1, first)
