"""One daemon for one data directory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from argoexec_cli.daemon.lock import PID_FILE, claimed, running_pid
from argoexec_cli.errors import PreconditionError

HOLD = """
import sys, pathlib
from argoexec_cli.daemon.lock import claimed
with claimed(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_directory_and_the_pid_file_are_private(tmp_path: Path) -> None:
    with claimed(tmp_path / "a" / "b") as pid_file:
        assert pid_file == tmp_path / "a" / "b" / PID_FILE
        assert pid_file.read_text() == f"{os.getpid()}\n"
        assert pid_file.stat().st_mode & 0o777 == 0o600
        assert pid_file.parent.stat().st_mode & 0o777 == 0o700


def test_a_second_daemon_is_refused_and_told_the_pid(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(
                PreconditionError, match=f"by the daemon with pid {holder.pid}$"
            ) as caught,
            claimed(tmp_path),
        ):
            pass
        assert caught.value.hint.startswith("argoexec serve --stop --data-dir ")
        assert running_pid(tmp_path) == holder.pid
        holder.send_signal(signal.SIGKILL)
    assert running_pid(tmp_path) is None
    with claimed(tmp_path) as pid_file:
        assert pid_file.read_text() == f"{os.getpid()}\n"


def test_it_is_free_again_afterwards_also_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError), claimed(tmp_path):
        raise KeyError
    with claimed(tmp_path):
        assert running_pid(tmp_path) == os.getpid()
    assert running_pid(tmp_path) is None


def test_nobody_runs_where_nothing_is(tmp_path: Path) -> None:
    assert running_pid(tmp_path / "none") is None


def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(PreconditionError, match=r"cannot use the data directory .*/file/data"),
        claimed(tmp_path / "file" / "data"),
    ):
        pass
