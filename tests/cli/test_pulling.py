"""How far a pull is, for those who wait for it."""

from __future__ import annotations

import os
import pty
import select
import time
from collections.abc import Sequence

import pytest

from tests.cli.conftest import Cli

POD = """\
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  {role}:
  - {{name: first, image: "registry.example.com/a/rather/long/path/slow-{name}:1",
     command: [sh, -c, "echo done"]}}
{more}"""
MAIN = "  containers: [{name: main, image: busybox, command: [sh, -c, 'echo main']}]\n"
RUN = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: slow-run}
spec:
  entrypoint: a
  templates:
  - {name: a, container: {image: "slow-run:1", command: [sh, -c, "echo done"]}}
"""


def submit(cli: Cli, name: str, *flags: str, init: bool = False) -> tuple[int, str, str]:
    role, more = ("initContainers", MAIN) if init else ("containers", "")
    manifest = POD.format(name=name, role=role, more=more)
    return cli("submit", "-", *flags, stdin=manifest)


def on_a_terminal(cli: Cli, words: Sequence[str]) -> tuple[int, str]:
    """Run a command with stdout and stderr on one terminal; return exit code and what it drew."""
    ours, theirs = pty.openpty()
    child = cli.start(*words, stdout=theirs, stderr=theirs)
    os.close(theirs)
    drawn, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([ours], [], [], 0.5)[0]:
            try:
                drawn += os.read(ours, 65_536)
            except OSError:  # the other end is closed
                break
    os.close(ours)
    return child.wait(timeout=60), drawn.decode()


@pytest.mark.parametrize("init", [False, True], ids=["main", "init"])
def test_waiting_tells_of_it_in_a_line_now_and_then(cli: Cli, init: bool) -> None:
    name = f"pull-{init}".lower()
    code, _, err = submit(cli, name, "--wait", init=init)
    lines = [line for line in err.splitlines() if "Pulling image" in line]
    assert (code, len(lines)) == (0, 1)
    assert lines[0].startswith(f"pod/{name}: Pulling image registry.example.com/")


def test_quiet_is_quiet(cli: Cli) -> None:
    assert submit(cli, "pull-quiet", "--wait", "-q")[2] == ""


def test_a_run_tells_of_it_too(cli: Cli) -> None:
    code, _, err = cli("submit", "-", "--executor", "local", "--wait", stdin=RUN)
    assert code == 0
    assert "workflowrun/slow-run: Pulling image slow-run:1" in err


def test_watching_without_a_terminal_does_not_flood(cli: Cli) -> None:
    code, out, _ = submit(cli, "pull-watched", "--watch")
    lines = [line for line in out.splitlines() if "Pulling image" in line]
    assert (code, len(lines)) == (0, 1)


@pytest.mark.parametrize("flag", ["--log", "--wait"])
def test_a_terminal_has_one_line_that_is_redrawn(cli: Cli, flag: str) -> None:
    path = cli.home / f"{flag}.yaml"
    path.write_text(POD.format(name=f"drawn{flag}", role="containers", more=""))
    code, drawn = on_a_terminal(cli, ["submit", str(path), flag])
    assert code == 0
    assert f"Pulling image …/slow-drawn{flag}:1: " in drawn
    assert "5 layers" in drawn
    shown = [line.rsplit("\x1b[K", 1)[-1] for line in drawn.split("\r\n")]
    assert not any("Pulling" in line for line in shown), shown
    if flag == "--log":
        assert "done" in shown


def test_the_board_shows_it_in_its_row(cli: Cli) -> None:
    path = cli.home / "board.yaml"
    path.write_text(POD.format(name="board", role="containers", more=""))
    code, drawn = on_a_terminal(cli, ["submit", str(path), "--watch"])
    assert code == 0
    assert "Pulling image …/slow-board:1: " in drawn
