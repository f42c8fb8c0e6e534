"""Log lines on their way to stdout."""

from __future__ import annotations

import io

import pytest

from argoexec_cli.cli.log_printer import Decoration, LogPrinter, rfc3339_nano
from argoexec_cli.errors import InvalidError
from argoexec_cli.models.logs import STDERR, STDOUT, LogChunk, LogRun, make_chunk

SECOND = 1_000_000_000
TIMES = Decoration(timestamps=True)
PREFIX = Decoration(prefix=True)


def chunk(*runs: tuple[bytes, int] | bytes) -> LogChunk:
    """Make a chunk of runs, one a second; a run is its bytes, or its bytes and stream."""
    pairs = [(run, STDOUT) if isinstance(run, bytes) else run for run in runs]
    return make_chunk(
        [LogRun(number * SECOND, stream, data) for number, (data, stream) in enumerate(pairs)]
    )


def printed(decoration: Decoration, *chunks: LogChunk, source: str = "pod/a/main") -> bytes:
    out = io.BytesIO()
    printer = LogPrinter(out, decoration)
    for each in chunks:
        printer.write(each, source)
    printer.finish()
    return out.getvalue()


def test_without_decoration_bytes_pass_untouched() -> None:
    data = bytes(range(256)) * 3
    assert printed(Decoration(), chunk(data, b"\r\n", b"no end")) == data + b"\r\nno end"


def test_every_line_gets_its_time() -> None:
    assert printed(TIMES, chunk(b"a\nb\n", b"c\n")) == (
        b"1970-01-01T00:00:00.000000000Z a\n"
        b"1970-01-01T00:00:00.000000000Z b\n"
        b"1970-01-01T00:00:01.000000000Z c\n"
    )


def test_the_prefix_comes_before_the_time() -> None:
    text = printed(Decoration(timestamps=True, prefix=True), chunk(b"a\n"))
    assert text == b"[pod/a/main] 1970-01-01T00:00:00.000000000Z a\n"


def test_a_line_in_pieces_is_one_line_with_its_first_time() -> None:
    text = printed(TIMES, chunk(b"one ", b"two "), chunk(b"three\nnext\n"))
    assert text.splitlines() == [
        b"1970-01-01T00:00:00.000000000Z one two three",
        b"1970-01-01T00:00:00.000000000Z next",
    ]


def test_pieces_of_the_two_streams_do_not_mix() -> None:
    text = printed(PREFIX, chunk((b"out ", STDOUT), (b"err\n", STDERR), (b"put\n", STDOUT)))
    assert text == b"[pod/a/main] err\n[pod/a/main] out put\n"


def test_a_line_without_an_end_comes_at_the_end() -> None:
    assert printed(PREFIX, chunk(b"a\n", b"b")) == b"[pod/a/main] a\n[pod/a/main] b"


def test_an_endless_line_is_not_kept_back_for_ever() -> None:
    piece = b"x" * 600_000
    out = io.BytesIO()
    printer = LogPrinter(out, PREFIX)
    printer.write(chunk(piece, piece), "s")
    assert out.getvalue() == b"[s] " + piece * 2
    printer.write(chunk(b"end\nnew\n"), "s")
    assert out.getvalue().endswith(b"xend\n[s] new\n")


def test_empty_lines_stay() -> None:
    assert printed(PREFIX, chunk(b"\n\na\n")).count(b"[pod/a/main] ") == 3


def test_grep_keeps_the_lines_that_match() -> None:
    text = printed(Decoration(grep="b+$"), chunk(b"abb\nabba\nno\n", b"xb"))
    assert text == b"abb\nxb"


def test_grep_takes_carriage_returns_as_part_of_a_line() -> None:
    assert printed(Decoration(grep="3"), chunk(b"1\r2\r3\nx\n")) == b"1\r2\r3\n"


def test_a_bad_regex_is_refused() -> None:
    with pytest.raises(InvalidError, match=r"--grep: '\[' is not a regular expression") as caught:
        LogPrinter(io.BytesIO(), Decoration(grep="["))
    assert caught.value.hint


def test_nanoseconds_have_nine_digits() -> None:
    assert rfc3339_nano(1_000_000_001) == "1970-01-01T00:00:01.000000001Z"


def test_it_knows_whether_a_line_has_ended() -> None:
    for decoration in (Decoration(), PREFIX):
        printer = LogPrinter(io.BytesIO(), decoration)
        seen = []
        for text in (b"a\n", b"b"):
            printer.write(chunk(text), "pod/a/main")
            printer.finish()
            seen.append(printer.mid_line)
        assert seen == [False, True]
