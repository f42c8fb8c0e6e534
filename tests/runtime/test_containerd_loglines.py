"""Log files of the Container Runtime Interface: every form that a line can have, and the pace."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from argoexec_cli.errors import InvalidError
from argoexec_cli.models.logs import STDERR, STDOUT, LogRun
from argoexec_cli.runtime.containerd.loglines import parse_lines
from argoexec_cli.runtime.containerd.logs import FileLog

_STAMP = b"2026-11-23T19:03:12"
_SECOND = 1_795_460_592 * 10**9


@pytest.mark.parametrize(
    ("stamp", "time_ns"),
    [
        (b".123456789Z", _SECOND + 123_456_789),
        (b".1Z", _SECOND + 100_000_000),
        (b".000000010Z", _SECOND + 10),
        (b"Z", _SECOND),
        (b".5+02:00", _SECOND + 500_000_000 - 7200 * 10**9),
        (b".5-03:30", _SECOND + 500_000_000 + 12_600 * 10**9),
    ],
)
def test_times_in_every_form(stamp: bytes, time_ns: int) -> None:
    assert parse_lines(_STAMP + stamp + b" stdout F x\n") == [LogRun(time_ns, STDOUT, b"x\n")]


def test_streams_pieces_tags_and_empty_lines() -> None:
    lines = [b"stdout F a", b"stderr F ", b"stdout P pie", b"stdout F:x ce", b"stdout F  b "]
    buffer = b"".join(_STAMP + b".1Z " + line + b"\n" for line in lines)
    assert [(run.stream, run.data) for run in parse_lines(buffer)] == [
        (STDOUT, b"a\n"),
        (STDERR, b"\n"),
        (STDOUT, b"pie"),
        (STDOUT, b"ce\n"),
        (STDOUT, b" b \n"),
    ]


def test_whole_lines_at_once_are_what_they_are_one_by_one() -> None:
    lines = [
        _STAMP + b".%dZ std%s F l%d\n" % (n + 1, b"out" if n % 3 else b"err", n) for n in range(99)
    ]
    together = parse_lines(b"".join(lines))
    assert together == [run for line in lines for run in parse_lines(line)]
    slowly = parse_lines(b"".join([*lines, _STAMP + b".1Z stdout P end\n"]))
    assert slowly[:-1] == together


def test_text_that_looks_like_an_entry_stays_text() -> None:
    inner = _STAMP + b".2Z stdout F inner"
    buffer = _STAMP + b".1Z stdout P " + inner + b"\n" + _STAMP + b".1Z stdout F x\n"
    assert [run.data for run in parse_lines(buffer)] == [inner, b"x\n"]


def test_a_line_cut_short_by_a_crash_is_text_of_the_line_before() -> None:
    buffer = _STAMP + b".1Z stderr F x\n" + b"2026-11-2" + _STAMP + b".2Z stdout F y\n"
    first, torn = parse_lines(buffer)
    assert torn == first._replace(data=b"2026-11-2" + _STAMP + b".2Z stdout F y\n")


def test_reading_stops_before_a_line_that_is_not_whole(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = FileLog(path, "")
    assert log.read() is None
    path.write_bytes(_STAMP + b".1Z stdout F a\n" + _STAMP)
    batch = log.read()
    assert batch is not None
    assert [run.data for run in batch.runs] == [b"a\n"]
    assert log.read() is None
    assert log.has_grown()
    with path.open("ab") as file:
        file.write(b".2Z stdout F b\n")
    resumed = FileLog(path, batch.position).read()
    assert resumed is not None
    assert [run.data for run in resumed.runs] == [b"b\n"]


def test_a_single_line_may_be_longer_than_what_is_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(_STAMP + b".1Z stdout F " + b"x" * 3_000_000 + b"\n")
    batch = FileLog(path, "").read()
    assert batch is not None
    assert len(batch.runs[0].data) == 3_000_001


@pytest.mark.parametrize("position", ["-1", "a:3", "1.5", "x"])
def test_a_position_that_is_none(tmp_path: Path, position: str) -> None:
    with pytest.raises(InvalidError, match="is no position in a log"):
        FileLog(tmp_path / "log", position)


def test_a_file_is_known_to_be_written_while_somebody_has_it_open(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = FileLog(path, "")
    assert not log.is_written()
    with path.open("ab"):
        assert log.is_written()
        assert log.is_written()
    assert not log.is_written()


def test_a_hundred_thousand_lines_take_little_time() -> None:
    line = b" stdout F " + b"x" * 99 + b"\n"
    buffer = b"".join(_STAMP + b".%09dZ" % number + line for number in range(100_000))
    began = time.process_time()
    runs = parse_lines(buffer)
    assert len(runs) == 100_000
    # 0.1 s of processor time is 95 MiB/s of text; a wide margin for slow and busy machines.
    assert time.process_time() - began < 1.0
