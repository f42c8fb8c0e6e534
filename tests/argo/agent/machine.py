"""A daemon with the fake runtime, and agents and plugins beside it, as processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ARGOEXEC = (sys.executable, "-m", "argoexec_cli")


class Machine:
    """A daemon with the fake runtime, and commands beside it."""

    def __init__(self, home: Path) -> None:
        """Keep everything below *home*."""
        self.home = home
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "ARGOEXEC_CONFIG": str(home / "config.yaml"),
            "ARGOEXEC_SERVER": f"unix://{home}/s.sock",
        }
        self.children: list[subprocess.Popen[str]] = []
        self.said = ""

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [*ARGOEXEC, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def start(self, *arguments: str, program: tuple[str, ...] = ARGOEXEC) -> subprocess.Popen[str]:
        """Start a command, and wait until it says that it works."""
        child = subprocess.Popen(
            [*program, *arguments], env=self.environment, stderr=subprocess.PIPE, text=True
        )
        self.children.append(child)
        assert child.stderr is not None
        said = child.stderr.readline()
        while " INFO " in said:
            said = child.stderr.readline()
        assert "running the tasks of" in said or "answering" in said, said
        self.said = said
        return child

    def agent(self, kubeconfig: Path, *more: str) -> subprocess.Popen[str]:
        """Start an agent."""
        where = ("--kubeconfig", str(kubeconfig), "--data-dir", str(self.home / "agent"))
        return self.start("agent", *where, *more)

    def pods(self) -> list[Any]:
        """Return the pods that the daemon knows."""
        shown = self.run("list", "-o", "json", "-n", "argo")
        found = json.loads(shown.stdout)
        items: list[Any] = found["items"] if isinstance(found, dict) else found
        return items


@contextmanager
def running_machine() -> Iterator[Machine]:
    """Give a machine with a daemon."""
    home = Path(tempfile.mkdtemp(prefix="ax-agent-", dir="/tmp"))
    machine = Machine(home)
    where = ("--data-dir", str(home / "data"), "--socket", str(home / "s.sock"))
    done = machine.run("serve", "--detach", "--runtime", "fake", *where)
    assert done.returncode == 0, done.stderr
    yield machine
    for child in machine.children:
        child.kill()
        child.wait(10)
        if child.stderr is not None:
            child.stderr.close()
    machine.run("serve", "--stop", *where)
    shutil.rmtree(home, ignore_errors=True)
