"""argoexec as its user runs it, with a home of its own, against machines of the lab."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from argoexec_cli.runtime.standin import PAUSE_IMAGE

_LIMIT_S = 500.0
# What a host has that reaches no registry: what the daemon makes, or what the probe had to bring.
IMAGES = {"docker": PAUSE_IMAGE, "containerd": "busybox:1.36"}
ECHO = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: echo-}
spec:
  entrypoint: say
  templates:
    - name: say
      container:
        image: IMAGE
        imagePullPolicy: IfNotPresent
        command: [sh, -c, "for n in 1 2 3; do echo line $n; sleep 0.2; done"]
"""


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    def good(self) -> Ended:
        """Return itself; AssertionError, with what was said, unless the exit code is 0."""
        assert self.code == 0, f"exit code {self.code}\n{self.out}\n{self.err}"
        return self


class Program:
    """Runs commands as child processes."""

    def __init__(
        self, home: Path, more: Mapping[str, str] | None = None, *, limit_s: float = _LIMIT_S
    ) -> None:
        """Everything that the commands write goes below *home*; *more* is environment.

        A command that has not ended after *limit_s* is killed.
        """
        self.home = home
        self._limit_s = limit_s
        self.config = home / "config.yaml"
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        own = {"HOME": str(home), "PATH": path, "ARGOEXEC_CONFIG": str(self.config), "LANG": "C"}
        self.environment = {**own, **(more or {})}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `argoexec *arguments`."""
        return subprocess.Popen(
            [sys.executable, "-m", "argoexec_cli", *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __call__(self, *arguments: str) -> Ended:
        """Run `argoexec *arguments` to its end."""
        return finish(self.start(*arguments), self._limit_s)

    def record(self, fleet: str) -> dict[str, Any]:
        """Return what is written down about a fleet."""
        found: dict[str, Any] = json.loads((self.home / f"fleets/{fleet}/fleet.json").read_text())
        return found

    def run_echo(self, context: str, image: str = "") -> None:
        """Submit the echo workflow there, follow its log, and see all lines of it."""
        file = self.home / "echo.yaml"
        image = image or IMAGES[self.record(context.partition("/")[0]).get("runtime", "docker")]
        file.write_text(ECHO.replace("IMAGE", image))
        where = ("--context", context)
        name = self(*where, "submit", str(file), "--executor", "local", "-o", "name").good().out
        name = name.strip().rpartition("/")[2]
        assert self(*where, "logs", "-f", name).good().out == "line 1\nline 2\nline 3\n"


def finish(child: subprocess.Popen[str], limit_s: float = _LIMIT_S) -> Ended:
    """Wait for a command's end."""
    try:
        out, err = child.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        child.kill()
        out, err = child.communicate()
        raise AssertionError(f"it did not end\n{out}\n{err}") from None
    return Ended(child.returncode, out, err)
