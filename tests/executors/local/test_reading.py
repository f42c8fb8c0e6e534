"""Reading log files: where to start, what comes next, and cutting to what was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argoexec_cli.errors import DataLossError, InvalidError
from argoexec_cli.executors.local import reading
from argoexec_cli.executors.local.blocks import encode_block
from argoexec_cli.models.logs import STDERR, STDOUT, LogQuery, LogRun, make_chunk

FAST = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
LINES = st.lists(st.binary(max_size=6).map(lambda text: text.replace(b"\n", b"") + b"\n"))


def write(path: Path, *blocks: list[LogRun]) -> None:
    """Write a log with one block for each list of runs."""
    path.write_bytes(b"".join(encode_block(runs, str(n)) for n, runs in enumerate(blocks)))


def out(data: bytes, time_ns: int = 0, stream: int = STDOUT) -> LogRun:
    """Return a run."""
    return LogRun(time_ns, stream, data)


def read(path: Path, query: LogQuery) -> bytes:
    """Return everything from where *query* begins."""
    offset, skip = reading.start(path, query)
    data = b""
    while True:
        chunk, offset = reading.next_chunk(path, offset, skip, 0)
        if chunk is None:
            return data
        data, skip = data + chunk.data, reading.Skip()


@FAST
@given(lines=LINES, size=st.integers(1, 4), wanted=st.integers(0, 8))
def test_tail_is_the_last_lines(tmp_path: Path, lines: list[bytes], size: int, wanted: int) -> None:
    path = tmp_path / "log"
    write(path, *([out(x) for x in lines[at : at + size]] for at in range(0, len(lines), size)))
    expected = lines[-wanted:] if wanted else []
    assert read(path, LogQuery(tail_lines=wanted)) == b"".join(expected)


@FAST
@given(lines=LINES, sizes=st.tuples(st.integers(1, 4), st.integers(1, 3)), wanted=st.integers(1, 8))
def test_tail_counts_lines_that_came_together(
    tmp_path: Path, lines: list[bytes], sizes: tuple[int, int], wanted: int
) -> None:
    path, (run, block) = tmp_path / "log", sizes
    runs = [out(b"".join(lines[at : at + run])) for at in range(0, len(lines), run)]
    write(path, *(runs[at : at + block] for at in range(0, len(runs), block)))
    assert read(path, LogQuery(tail_lines=wanted)) == b"".join(lines[-wanted:])


def test_a_line_in_pieces_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write(
        path, [out(b"a\n"), out(b"lo")], [out(b"ng\n")], [out(b"z\n"), out(b"un")], [out(b"ended")]
    )
    assert read(path, LogQuery(tail_lines=1)) == b"unended"
    assert read(path, LogQuery(tail_lines=2)) == b"z\nunended"
    assert read(path, LogQuery(tail_lines=3)) == b"long\nz\nunended"
    assert read(path, LogQuery(tail_lines=9)) == b"a\nlong\nz\nunended"


def test_since_begins_at_the_first_block_that_may_matter(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write(path, [out(b"1\n", 10)], [out(b"2\n", 20), out(b"3\n", 30)], [out(b"4\n", 40)])
    assert read(path, LogQuery(since_ns=20)) == b"2\n3\n4\n"
    assert read(path, LogQuery(since_ns=41)) == b""
    chunk = make_chunk([out(b"2\n", 20), out(b"3\n", 30)], "c")
    assert reading.since(chunk, 25) == make_chunk([out(b"3\n", 30)], "c")
    assert reading.since(chunk, 20) is chunk


def test_limit_cuts_within_a_run() -> None:
    chunk = make_chunk([out(b"abc"), out(b"def", stream=STDERR)], "c")
    cut, left = reading.limit(chunk, 4)
    assert (cut.data, list(cut.lengths), list(cut.streams), left) == (b"abcd", [3, 1], [1, 2], 0)
    assert cut.cursor == "", "nothing can resume inside of a run"
    assert reading.limit(chunk, 6) == (chunk, 0)
    assert reading.limit(chunk, 10) == (chunk, 4)


def test_skip_leaves_out_runs() -> None:
    chunk = make_chunk([out(b"abc"), out(b"def", 5)], "c")
    assert reading.skip(chunk, reading.Skip(1)) == make_chunk([out(b"def", 5)], "c")
    assert reading.skip(chunk, reading.Skip(1, 2)) == make_chunk([out(b"f", 5)], "c")
    assert reading.skip(chunk, reading.Skip()) is chunk


def test_small_blocks_come_together_and_large_ones_alone(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write(path, *([out(b"%d\n" % n)] for n in range(100)))
    chunk, end = reading.next_chunk(path, 0, reading.Skip(), 3)
    assert chunk is not None
    assert (len(chunk.lengths), end, chunk.cursor) == (100, path.stat().st_size, f"3.{end}.0")
    large = [out(b"x" * (2 << 20) + b"\n")]
    write(path, large, large)
    chunk, end = reading.next_chunk(path, 0, reading.Skip(), 0)
    assert chunk is not None
    assert (len(chunk.data), end) == ((2 << 20) + 1, path.stat().st_size // 2)


def test_a_block_that_is_being_written_is_not_seen(tmp_path: Path) -> None:
    path = tmp_path / "log"
    whole, half = encode_block([out(b"1\n")], ""), encode_block([out(b"2\n")], "")
    for cut in range(1, len(half)):
        path.write_bytes(whole + half[:cut])
        assert read(path, LogQuery()) == b"1\n"
        assert read(path, LogQuery(tail_lines=5)) == b"1\n"
        with pytest.raises(DataLossError, match=f"{cut} bytes from byte {len(whole)}"):
            reading.check_end(path, len(whole))


def test_the_end_of_one_stream_is_read_backwards(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write(path, [out(b"a\n"), out(b"e\n", stream=STDERR)], [out(b"b\n")], [out(b"c\n")])
    assert reading.tail_of_stream(path, STDOUT, 100) == b"a\nb\nc\n"
    assert reading.tail_of_stream(path, STDOUT, 3) == b"\nc\n"
    assert reading.tail_of_stream(path, STDERR, 100) == b"e\n"
    assert reading.tail_of_stream(path, STDOUT, 0) == b""


def test_what_is_not_there_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "none"
    assert reading.start(path, LogQuery(tail_lines=3)) == (0, reading.Skip())
    assert reading.next_chunk(path, 0, reading.Skip(), 0) == (None, 0)
    assert reading.tail_of_stream(path, STDOUT, 10) == b""
    reading.check_end(path, 0)


def test_cursors(tmp_path: Path) -> None:
    assert reading.cursor_attempt("") is None
    assert reading.cursor_attempt("2.10.0") == 2
    assert reading.start(tmp_path, LogQuery(cursor="2.10.3")) == (10, reading.Skip(3))
    for bad in ("1.2", "a.b.c", "1.-2.3", "1.2.3.4", f"1.{'9' * 30}.0"):
        with pytest.raises(InvalidError, match="is not a log cursor"):
            reading.cursor_attempt(bad)
