"""The steps of `demo`: real commands in child processes, each shown as a user would type it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from argoexec_cli.cli.session import Session
from argoexec_cli.cli.stage import engine_running, image_present, own_place
from argoexec_cli.config.load import child_environment
from argoexec_cli.proc import Child, run

EXECUTOR: Final = "my-custom-executor"
_IMAGE: Final = "busybox:1.36"
_LIMIT_S: Final = 120.0
_ECHO: Final = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  generateName: echo-
spec:
  entrypoint: say
  arguments:
    parameters:
      - {name: message, value: hello}
  templates:
    - name: say
      inputs:
        parameters: [{name: message}]
      container:
        image: busybox:1.36
        command: [echo, "{{inputs.parameters.message}}"]
"""


async def demonstrate(session: Session) -> None:
    """Go the whole way on this machine, and leave nothing behind, also when it is interrupted.

    Its daemon, registry and state are its own, so it disturbs nobody's and may run any time again.
    """
    session.say("==> Find a container engine")
    async with engine_running(session):
        session.say(f"==> Have the image {_IMAGE}")
        async with image_present(session, _IMAGE), own_place() as place:
            shell = Shell(session, place)
            async with _daemon(session, shell):
                await _walk(session, shell)
            session.say("==> Clean up")
    session.say("==> Done: nothing of it is left")


class Shell:
    """Types commands for the user: shows each, runs it for real, passes on what it says."""

    def __init__(self, session: Session, place: Path) -> None:
        """Everything that the commands keep is below *place*."""
        self._session = session
        self.place = place
        self.socket = f"unix://{place}/argoexec.sock"
        self._environment: Mapping[str, str] = child_environment(
            ARGOEXEC_CONFIG=str(place / "config.yaml"), ARGOEXEC_SERVER=self.socket
        )

    async def argoexec(self, *arguments: str) -> None:
        """Run a command of argoexec; raises `ChildFailedError` when it fails."""
        self._session.say(f"    $ argoexec {shlex.join(arguments)}")
        argv: Sequence[str] = [sys.executable, "-m", "argoexec_cli", *arguments]
        child = Child(argv, _LIMIT_S, env=self._environment, cwd=self.place)
        done = await run(child, on_stdout=_pass_on, on_stderr=self._pass_on_talk)
        done.check()

    def _pass_on_talk(self, data: bytes) -> None:
        self._session.say_text(data.decode(errors="replace"))


@asynccontextmanager
async def _daemon(session: Session, shell: Shell) -> AsyncIterator[None]:
    data_dir, socket = str(shell.place / "data"), str(shell.place / "argoexec.sock")
    where = ("--data-dir", data_dir, "--socket", socket)
    session.say("==> Start a daemon")
    try:
        await shell.argoexec("serve", "--detach", *where)
        yield
    finally:
        session.say("==> Stop the daemon")
        await shell.argoexec("serve", "--stop", *where)


async def _walk(session: Session, shell: Shell) -> None:
    session.say("==> Register it as the default executor")
    await shell.argoexec("register", EXECUTOR, "--endpoint", shell.socket, "--default")
    (shell.place / "echo.yaml").write_text(_ECHO)
    session.say("==> Submit the echo workflow and follow its log")
    try:
        await shell.argoexec("submit", "echo.yaml", "--log")
        session.say("==> Look at it")
        await shell.argoexec("get", "@latest")
    finally:
        session.say("==> Delete the run")
        await shell.argoexec("delete", "--all", "--yes")


def _pass_on(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
