"""The two files of a container's output: lines, pieces, times, and where reading goes on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argoexec_cli.errors import InvalidError
from argoexec_cli.models.logs import STDERR, STDOUT
from argoexec_cli.runtime.containerd.layout import Layout
from argoexec_cli.runtime.containerd.logfile import OutputFile
from argoexec_cli.runtime.containerd.logs import ContainerLog
from argoexec_cli.runtime.containerd.position import Position

FAST = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def log_of(tmp_path: Path, position: str = "") -> ContainerLog:
    """Return a log of a container that is called `c`."""
    (tmp_path / "containers" / "c").mkdir(parents=True, exist_ok=True)
    return ContainerLog(Layout("owner", tmp_path), "c", Position.parse(position))


def test_a_line_without_an_end_waits_for_it_or_for_the_end(tmp_path: Path) -> None:
    path = tmp_path / "f"
    file = OutputFile(path, STDOUT, 0)
    assert file.read(final=False) == []
    path.write_bytes(b"one\ntwo\nthr")
    assert [run.data for run in file.read(final=False)] == [b"one\ntwo\n"]
    assert file.read(final=False) == []
    assert not file.has_grown()
    with path.open("ab") as more:
        more.write(b"ee\nfour")
    assert file.has_grown()
    assert [run.data for run in file.read(final=False)] == [b"three\n"]
    assert [run.data for run in file.read(final=True)] == [b"four"]
    assert file.read(final=True) == []


@pytest.mark.parametrize("size", [16 * 1024, 200_000, 1_000_000])
def test_a_long_line_comes_in_pieces_and_its_end_alone(tmp_path: Path, size: int) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * size)
    file = OutputFile(path, STDOUT, 0)
    pieces = []
    while runs := file.read(final=False):
        pieces += runs
    assert sum(len(run.data) for run in pieces) == size
    assert all(len(run.data) <= 128 * 1024 for run in pieces)
    with path.open("ab") as more:
        more.write(b"end\nnext\nlast\n")
    again = OutputFile(path, STDOUT, file.offset)
    assert [run.data for run in again.read(final=False)] == [b"end\n", b"next\nlast\n"]


@FAST
@given(
    chunks=st.lists(st.binary(max_size=30).map(lambda raw: raw.replace(b"a", b"\n"))),
    resume=st.booleans(),
)
def test_no_byte_is_lost_or_repeated(tmp_path: Path, chunks: list[bytes], resume: bool) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"")
    file, seen = OutputFile(path, STDOUT, 0), b""
    for chunk in chunks:
        with path.open("ab") as more:
            more.write(chunk)
        seen += b"".join(run.data for run in file.read(final=False))
        if resume:
            file = OutputFile(path, STDOUT, file.offset)
    seen += b"".join(run.data for run in file.read(final=True))
    assert seen == b"".join(chunks)


def test_times_are_the_files_and_never_go_back(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    out, err = (file.path for file in log.files)
    out.write_bytes(b"late\n")
    err.write_bytes(b"early\n")
    os.utime(out, ns=(0, 2_000))
    os.utime(err, ns=(0, 1_000))
    batch = log.read(final=False)
    assert batch is not None
    assert [(run.time_ns, run.stream, run.data) for run in batch.runs] == [
        (1_000, STDERR, b"early\n"),
        (2_000, STDOUT, b"late\n"),
    ]
    with err.open("ab") as more:
        more.write(b"more\n")
    os.utime(err, ns=(0, 1_500))
    after = log.read(final=False)
    assert after is not None
    assert after.runs[0].time_ns == 2_000


def test_reading_goes_on_in_both_files(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    for file in log.files:
        file.path.write_bytes(b"1\n2\n")
    batch = log.read(final=False)
    assert batch is not None
    assert batch.position == "4:4"
    for file in log.files:
        with file.path.open("ab") as more:
            more.write(b"3\n")
    rest = log_of(tmp_path, batch.position).read(final=False)
    assert rest is not None
    assert [run.data for run in rest.runs] == [b"3\n", b"3\n"]


@pytest.mark.parametrize("position", ["-1:0", "1", "1:2:3", "a:b", "1.5:0", f"{'9' * 30}:0"])
def test_a_position_that_is_none(position: str) -> None:
    with pytest.raises(InvalidError, match="is no position in a log"):
        Position.parse(position)


def test_a_file_is_known_to_be_written_while_somebody_has_it_open(tmp_path: Path) -> None:
    path = tmp_path / "f"
    file = OutputFile(path, STDOUT, 0)
    assert not file.is_written()
    with path.open("ab"):
        assert file.is_written()
    assert not file.is_written()
