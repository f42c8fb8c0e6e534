"""Every failure is one message, one hint and one exit code."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from argoexec_cli import errors
from argoexec_cli.cli.boundary import guarded
from argoexec_cli.errors import ArgoexecError, ExitCode, InternalError, InvalidError, NotFoundError
from tests.cli.conftest import ARGOEXEC, Cli

TREE = [
    found
    for found in vars(errors).values()
    if isinstance(found, type) and issubclass(found, ArgoexecError)
]


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a function that does work inside the boundary; it returns exit code and stderr."""

    def inside(work: Callable[[], int], *words: str) -> tuple[int, str]:
        code = guarded(work, words or ("command",))
        return int(code), capsys.readouterr().err

    return inside


def fail(error: BaseException) -> Callable[[], int]:
    def body() -> int:
        raise error

    return body


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_every_expected_error_has_message_hint_and_its_code(
    kind: type[ArgoexecError], run: Run
) -> None:
    code, err = run(fail(kind("it broke", hint="argoexec fix")))
    assert code == kind.exit_code
    assert err == "error: it broke\nhint: argoexec fix\n"


def test_a_message_of_several_lines_becomes_one(run: Run) -> None:
    assert run(fail(NotFoundError("a\n  b\tc", hint="d"))) == (3, "error: a b c\nhint: d\n")


def test_an_error_without_a_hint_gets_the_next_best_step(run: Run) -> None:
    assert run(fail(InvalidError("x"))) == (2, "error: x\nhint: argoexec command --help\n")
    assert run(fail(InternalError("x"))) == (1, "error: x\nhint: argoexec doctor\n")


def test_a_bug_has_no_traceback_but_says_what_it_is(run: Run) -> None:
    code, err = run(fail(ZeroDivisionError("division by zero")))
    assert code == ExitCode.FAILED
    assert err == (
        "error: ZeroDivisionError: division by zero\n"
        "hint: this is a bug in argoexec; --debug shows the traceback\n"
    )


def test_debug_shows_the_traceback_of_a_bug(run: Run) -> None:
    code, err = run(fail(ZeroDivisionError("x")), "--debug")
    assert code == ExitCode.FAILED
    assert "Traceback (most recent call last)" in err


def test_ctrl_c_ends_with_130_in_silence(run: Run) -> None:
    assert run(fail(KeyboardInterrupt())) == (130, "")


def test_exit_codes_of_commands_pass(run: Run) -> None:
    assert run(lambda: 8) == (8, "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["submit"], "Missing argument"),
        (["list", "--nope"], "No such option: --nope"),
        (["list", "-o", "xml"], "xml"),
        (["logs", "x", "--tail", "many"], "Invalid value for '--tail'"),
        (["logs", "a", "b"], "unexpected extra argument"),
        (["serve", "--max-pods", "0"], "Invalid value for '--max-pods'"),
    ],
)
def test_usage_errors_end_with_2_and_point_to_help(
    arguments: list[str], message: str, alone: Cli
) -> None:
    outcome = alone(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    first, second = outcome.err.splitlines()
    assert first.startswith("error: ")
    assert message in first
    assert second == f"hint: argoexec {arguments[0]} --help"


def test_a_reader_that_goes_away_is_no_error() -> None:
    child = subprocess.Popen([*ARGOEXEC, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.close()
    _, err = child.communicate(timeout=60)
    assert err == b""


def test_a_full_disk_is_no_bug() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*ARGOEXEC, "--help"], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == ExitCode.NO_CAPACITY
    assert done.stderr == (
        b"error: cannot write: No space left on device\nhint: make room: df -h\n"
    )


@pytest.mark.parametrize(("line", "code"), [("version", 0), ("get nothing --server none:1", 5)])
def test_a_full_disk_below_stderr_hides_no_outcome(line: str, code: int) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*ARGOEXEC, *line.split()], stdout=subprocess.DEVNULL, stderr=full)
    assert done.returncode == code


@pytest.mark.parametrize(
    ("error", "code", "shown"),
    [
        (OSError(errno.ENOSPC, "Full", "/x"), 7, "error: /x: Full\nhint: make room: df -h\n"),
        (OSError(errno.EACCES, "No", "/x"), 6, "error: /x: No\nhint: ls -ld /x\n"),
        (OSError(errno.EMFILE, "Many"), 2, "error: Many\nhint: raise the limit: ulimit -n\n"),
    ],
)
def test_what_the_machine_lacks_is_no_bug(error: OSError, code: int, shown: str, run: Run) -> None:
    assert run(fail(error)) == (code, shown)


@pytest.mark.parametrize(
    ("closed", "out"),
    [("0<&-", "argoexec "), ("1>&-", ""), ("2>&-", "argoexec "), ("1>&- 2>&-", "")],
)
def test_streams_that_are_closed_lead_nowhere(closed: str, out: str) -> None:
    """As of programs that cron or a supervisor starts; no file may get a stream's number."""
    script = f'"$@" version {closed}'
    done = subprocess.run(["sh", "-c", script, "sh", *ARGOEXEC], capture_output=True, text=True)
    assert done.returncode == 0, done
    assert done.stdout.startswith(out)
    assert "error" not in done.stderr


def test_what_the_encoding_has_not_ends_no_command() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([*ARGOEXEC, "doctor"], capture_output=True, env=environment)
    assert b"\\u27" in done.stdout  # a check mark or a cross
    assert b"Unicode" not in done.stderr


def test_the_program_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "argoexec_cli", "version", "-q"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.fullmatch(r"argoexec \d+\.\d+\.\d+\n", done.stdout)
    assert done.stderr == ""


def test_a_directory_that_was_deleted_is_no_bug(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    code, errors = run(lambda: len(os.getcwd()))
    assert code == ExitCode.USAGE
    assert errors == (
        "error: the directory that this shell is in was deleted\nhint: go to another one: cd\n"
    )
