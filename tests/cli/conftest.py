"""A real daemon over the fake runtime, and the command line in this process."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from argoexec_cli.cli.main import run

ARGOEXEC = (sys.executable, "-m", "argoexec_cli")
POD = """\
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {{name: main, image: busybox, command: [sh, -c, "{script}"]}}
"""


class Outcome(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class Cli:
    """Runs commands in this process, with surroundings of their own."""

    def __init__(self, home: Path, server: str) -> None:
        """Everything that the commands write goes below *home*."""
        self.home = home
        self.server = server
        self.environment = {
            "HOME": str(home),
            "ARGOEXEC_CONFIG": str(home / "config.yaml"),
            "ARGOEXEC_SERVER": server,
            "COLUMNS": "100",
        }

    def __call__(self, *arguments: str, stdin: str | None = None, **environment: str) -> Outcome:
        """Run `argoexec *arguments`."""
        runner = CliRunner()
        with runner.isolation(input=stdin, env=self.environment | environment) as streams:
            with _handlers_kept():
                code = run(arguments)
            sys.stdout.flush()
            sys.stderr.flush()
            out, err = streams[0].getvalue().decode(), streams[1].getvalue().decode()
        return Outcome(code, out, err)

    def pod(self, name: str, script: str, *flags: str) -> Outcome:
        """Submit a pod that runs *script* (the fake runtime's language)."""
        return self("submit", "-", *flags, stdin=POD.format(name=name, script=script))

    def start(self, *arguments: str, **streams: Any) -> subprocess.Popen[bytes]:
        """Run a command as a child process, for signals and pipes."""
        environment = {"PATH": "/usr/bin:/bin", **self.environment}
        return subprocess.Popen([*ARGOEXEC, *arguments], env=environment, **streams)


@contextmanager
def _handlers_kept() -> Iterator[None]:
    """Take a command's log handlers off again: their stream is closed after it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """Give a directory with a path short enough for a socket."""
    path = Path(tempfile.mkdtemp(prefix="ax-cli-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def daemon(home: Path) -> Iterator[str]:
    """Run one daemon for the tests of this process; give its address."""
    socket = home / "s.sock"
    where = ["--data-dir", str(home / "data"), "--socket", str(socket)]
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "ARGOEXEC_CONFIG": str(home / "config.yaml"),
    }
    start = [*ARGOEXEC, "serve", "--detach", "--runtime", "fake", *where]
    subprocess.run(start, env=environment, check=True, capture_output=True, timeout=60)
    yield f"unix://{socket}"
    stop = [*ARGOEXEC, "serve", "--stop", *where]
    subprocess.run(stop, env=environment, check=True, capture_output=True, timeout=60)


@pytest.fixture
def cli(home: Path, daemon: str) -> Cli:
    """Give the command line, talking to the daemon."""
    return Cli(home, daemon)


@pytest.fixture
def alone(tmp_path: Path) -> Cli:
    """Give the command line where no daemon is."""
    return Cli(tmp_path, f"unix://{tmp_path}/none.sock")
