"""A run whose pod is on another host's executor: it is read and entered through its own daemon."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.terminals import eventually

WORKFLOW = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: NAME}
spec:
  entrypoint: a
  templates:
  - {name: a, container: {image: busybox, command: [sh, -c, "SCRIPT"]}}
"""


class Daemon(Cli):
    """The command line of a daemon of its own, on the fake runtime."""

    def __init__(self, home: Path) -> None:
        super().__init__(home, f"unix://{home}/s.sock")
        self._where = ["--data-dir", f"{home}/data", "--socket", f"{home}/s.sock"]

    def serve(self) -> None:
        words = ["serve", "--detach", "--runtime", "fake", *self._where]
        assert self.start(*words).wait(60) == 0

    def stop(self) -> None:
        assert self.start("serve", "--stop", *self._where).wait(60) == 0

    def run(self, name: str, script: str, *flags: str) -> None:
        manifest = WORKFLOW.replace("NAME", name).replace("SCRIPT", script)
        outcome = self("submit", "-", "--executor", "far", *flags, stdin=manifest)
        assert outcome.code == 0, outcome


@contextmanager
def serving() -> Iterator[Daemon]:
    home = Path(tempfile.mkdtemp(prefix="ax-", dir="/tmp"))
    daemon = Daemon(home)
    daemon.serve()
    try:
        yield daemon
    finally:
        daemon.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def far() -> Iterator[Daemon]:
    """Give the daemon that runs the pods."""
    with serving() as daemon:
        yield daemon


@pytest.fixture(scope="module")
def near(far: Daemon) -> Iterator[Daemon]:
    """Give the daemon that the workflows are submitted to."""
    with serving() as daemon:
        assert daemon("register", "far", "--endpoint", far.server).code == 0
        yield daemon


def test_logs_are_read_while_it_runs_and_afterwards(near: Daemon, far: Daemon) -> None:
    manifest = WORKFLOW.replace("NAME", "read").replace("SCRIPT", "echo one; sleep 1; echo two")
    outcome = near("submit", "-", "--executor", "far", "--log", stdin=manifest)
    assert (outcome.code, outcome.out) == (0, "one\ntwo\n"), outcome
    for words in (["read"], ["run/read"], ["pod/read"], ["read", "-f"]):
        assert near("logs", *words).out == "one\ntwo\n", words
    assert near("list", "-o", "name").out == "workflowrun/read\n"
    assert far("list", "-o", "name").out == "pod/read\n"


def test_commands_run_there(near: Daemon) -> None:
    near.run("enter", "sleep 600")
    assert near("wait", "enter", "--for", "running").code == 0
    script = "echo out; echo err >&2; exit 7"
    assert near("exec", "enter", "--", "sh", "-c", script) == (7, "out\n", "err\n")
    assert near("exec", "pod/enter", "--", "nope").code == 127
    assert near("stop", "pod/enter").code == 0
    assert near("wait", "enter", "--timeout", "40s").code == 1
    assert near("delete", "enter").code == 0


def test_an_executor_that_is_away_is_named(near: Daemon, far: Daemon) -> None:
    near.run("away", "echo hello")
    assert near("wait", "away", "--timeout", "40s").code == 0
    far.stop()
    try:
        for words in (["logs", "away"], ["exec", "away", "--", "true"]):
            outcome = near(*words)
            assert outcome.code == 5, outcome
            assert "the pod is on executor far: no daemon answers at " in outcome.err
            assert "ARGOEXEC_SERVER" not in outcome.err, "it was another address"
    finally:
        far.serve()
    eventually(lambda: near("logs", "away").code == 0, "it is back")


def test_a_name_that_nobody_knows(near: Daemon) -> None:
    outcome = near("logs", "pod/nobody")
    assert outcome.code == 3
    assert "there is no pod nobody in default" in outcome.err
