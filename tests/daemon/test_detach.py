"""Into the background and back: each test is a small program of its own, for a fork needs one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.processes import ends

START = """
import os, pathlib, signal, sys, time
from argoexec_cli.daemon.detach import in_background
from argoexec_cli.errors import ArgoexecError, CapacityError

def serve(ready):
    {body}

try:
    word = in_background(serve, log_file=pathlib.Path({log!r}), limit_s={limit_s})
except ArgoexecError as exc:
    sys.exit(f"{{type(exc).__name__}}|{{exc.message}}|{{exc.hint}}")
print("ready:", word)
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Give the place of a log whose directory is not there yet."""
    return tmp_path / "data" / "daemon.log"


def start(log: Path, body: str, limit_s: float = 40) -> subprocess.CompletedProcess[str]:
    """Run a program whose daemon does *body*; return when its parent has ended."""
    program = START.format(body="\n    ".join(body.splitlines()), log=str(log), limit_s=limit_s)
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False
    )


def written(path: Path) -> str:
    """Return what a slow program writes into a file."""
    for _ in range(600):
        if path.exists() and (text := path.read_text()):
            return text
        time.sleep(0.05)
    raise AssertionError(f"{path} is not written")


def test_the_parent_returns_when_the_daemon_is_ready_and_the_daemon_lives_on(log: Path) -> None:
    body = "print('hello log', flush=True)\nready(str(os.getpid()))\nsignal.pause()"
    done = start(log, body)
    assert (done.returncode, done.stderr) == (0, "")
    pid = int(done.stdout.removeprefix("ready: "))
    try:
        assert os.getsid(pid) not in (pid, os.getsid(0))
        assert log.read_text() == "hello log\n"
        assert log.stat().st_mode & 0o777 == 0o600
    finally:
        os.kill(pid, 15)
    assert ends(pid)


def test_an_error_of_the_daemon_is_the_parents_own(log: Path) -> None:
    done = start(log, "raise CapacityError('disk full', hint='df -h')")
    assert done.stderr == "CapacityError|disk full|df -h\n"
    assert done.stdout == ""
    assert log.read_text() == "error: disk full\n"


def test_a_daemon_that_dies_without_a_word_points_to_its_log(log: Path) -> None:
    done = start(log, "raise KeyError('bug')")
    assert done.stderr == (f"PreconditionError|the daemon ended before it was ready|tail {log}\n")
    assert "KeyError: 'bug'" in log.read_text()


def test_a_daemon_that_is_slow_is_left_to_start(log: Path) -> None:
    body = f"pathlib.Path({str(log)!r} + '.pid').write_text(str(os.getpid()))\nsignal.pause()"
    done = start(log, body, limit_s=0.3)
    pid = int(written(Path(f"{log}.pid")))
    os.kill(pid, 15)
    assert done.stderr.startswith("TimedOutError|the daemon was not ready within 0.3 s")
    assert ends(pid)


def test_an_error_after_it_was_ready_goes_to_the_log_only(log: Path) -> None:
    done = start(log, "ready('now')\nraise CapacityError('later')")
    assert (done.returncode, done.stdout) == (0, "ready: now\n")


def test_a_log_that_cannot_be_written_is_said_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = start(tmp_path / "file" / "log", "ready('never')")
    assert done.stderr.startswith("PreconditionError|cannot write the daemon's log")


def test_too_late_once_grpc_is_imported(log: Path) -> None:
    program = START.format(body="pass", log=str(log), limit_s=1)
    done = subprocess.run(
        [sys.executable, "-c", "import grpc\n" + program],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "too late to fork: gRPC is imported" in done.stderr


def test_going_into_the_background_needs_nothing_of_grpc() -> None:
    program = (
        "import sys, argoexec_cli.daemon.detach, argoexec_cli.daemon.lock\n"
        "sys.exit('grpc' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
