"""Further commands in containers: a process beside the container's own, as that one is described.

Its streams are named pipes between the container's shim and us. A command that could not be started
is a process, too: one that says why and ends with 126 or 127.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from argoexec_cli.aio import Cleanups
from argoexec_cli.errors import ArgoexecError, NotFoundError, PreconditionError, StartError
from argoexec_cli.models.exec import Process
from argoexec_cli.models.logs import STDERR, STDOUT
from argoexec_cli.rpc.gen.containerd.types import task_pb2
from argoexec_cli.runtime.base import Handle
from argoexec_cli.runtime.containerd.fifos import Input, OutputPipe
from argoexec_cli.runtime.containerd.files import making
from argoexec_cli.runtime.containerd.native import Native
from argoexec_cli.runtime.containerd.native_exec import ExecKey, NativeExec
from argoexec_cli.runtime.containerd.processes import FailedProcess, StartedProcess, Streams
from argoexec_cli.runtime.exec import ExecSpec

_KILL_S: Final = 10.0
_NOT_FOUND: Final = re.compile(r"executable file .*not found|no such file or directory", re.I)
_EXEC: Final = re.compile(r".*?(exec: .*|executable file .*)", re.DOTALL)


class Execs:
    """Runs commands in one owner's containers."""

    def __init__(self, native: Native, calls: NativeExec, directory: Path) -> None:
        """Make pipes in *directory*, which is emptied first: nobody reads what is left there."""
        self._native = native
        self._calls = calls
        self._directory = directory
        self._cleanups = Cleanups()
        shutil.rmtree(directory, ignore_errors=True)

    @asynccontextmanager
    async def exec(self, handle: Handle, spec: ExecSpec) -> AsyncIterator[Process]:
        """Do what `RuntimeExecs.exec` promises."""
        described = await self._describe(handle, spec)
        key = ExecKey(handle.id, f"exec-{uuid.uuid4().hex}")
        place = self._directory / key.exec_id
        with making(place):
            place.mkdir(mode=0o700, parents=True)
            streams = _streams(place, spec)
        pid = 0
        try:
            try:
                await self._calls.create(key, described, place, tty=spec.tty, stdin=spec.stdin)
                pid = await self._calls.start(key)
            except StartError as exc:
                yield _failed(exc)
                return
            process = StartedProcess(self._calls, key, streams, tty=spec.tty)
            streams.connect()
            try:
                yield process
            finally:
                await process.forget()
        finally:
            streams.close()
            await self._cleanups.run(self._end(key, pid, place), limit_s=_KILL_S)

    async def close(self) -> None:
        """Wait for commands that are being ended."""
        await self._cleanups.join()

    async def _describe(self, handle: Handle, spec: ExecSpec) -> dict[str, Any]:
        """Return the command as the container's own process, but for its words and streams."""
        try:
            task = await self._native.task(handle.id)
            record = await self._native.container(handle.id)
        except NotFoundError as exc:
            raise PreconditionError("the container does not run", hint="argoexec get NAME") from exc
        if task.status != task_pb2.RUNNING:
            raise PreconditionError("the container does not run", hint="argoexec get NAME")
        whole = msgspec.json.decode(record.spec.value, type=dict[str, Any])
        process: dict[str, Any] = whole["process"]
        env = list(process.get("env", ()))
        if spec.tty and not any(one.startswith("TERM=") for one in env):
            env.append("TERM=xterm")
        described = {"args": list(spec.command), "env": env, "terminal": spec.tty}
        if spec.tty:
            # From the beginning: a command asks for it at once.
            described["consoleSize"] = {"height": spec.size.rows, "width": spec.size.columns}
        return process | described

    async def _end(self, key: ExecKey, pid: int, place: Path) -> None:
        """Kill the command with its session, if it still runs, and forget it."""
        if not pid:  # cut off while it was started, it may run all the same
            with suppress(ArgoexecError):
                pid = await self._calls.pid(key)
        if pid > 1 and await asyncio.to_thread(_is_in, pid, key.container):
            # The program that makes containers gives each command a session of its own.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        with suppress(ArgoexecError):
            if pid:
                await self._calls.wait(key)
            await self._calls.delete(key)
        await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)


def _streams(place: Path, spec: ExecSpec) -> Streams:
    outputs = {STDOUT: OutputPipe(place / "stdout")}
    if not spec.tty:
        outputs[STDERR] = OutputPipe(place / "stderr")
    return Streams(Input(place / "stdin") if spec.stdin else None, outputs)


def _failed(error: StartError) -> FailedProcess:
    found = _EXEC.fullmatch(error.message)
    words = found[1] if found else error.message
    return FailedProcess(127 if _NOT_FOUND.search(words) else 126, words)


def _is_in(pid: int, container: str) -> bool:
    """Tell whether it is still a process of *container*: numbers are used again."""
    try:
        return container in Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return False
