"""containerd's calls for further commands in a task."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from google.protobuf.any_pb2 import Any as AnyMessage

from argoexec_cli.errors import NotFoundError
from argoexec_cli.models.exec import TerminalSize
from argoexec_cli.rpc.gen.containerd.services import tasks_pb2, tasks_pb2_grpc
from argoexec_cli.runtime.containerd.channel import Channel
from argoexec_cli.runtime.containerd.refusals import START

_PROCESS: Final = "types.containerd.io/opencontainers/runtime-spec/1/Process"
_LONG_S: Final = 365 * 86400.0
"""As long as a command may run; whoever waits can be cancelled."""


class ExecKey(NamedTuple):
    """Which command: in which container, and how it is called there."""

    container: str
    exec_id: str


class NativeExec:
    """The calls, one method each. Every method may raise `UnavailableError`: no answer."""

    def __init__(self, channel: Channel) -> None:
        """Use *channel*."""
        self._channel = channel
        self._tasks: Any = tasks_pb2_grpc.TasksStub(channel.grpc)  # type: ignore[no-untyped-call] # generated

    async def create(
        self, key: ExecKey, process: dict[str, Any], pipes: Path, *, tty: bool, stdin: bool
    ) -> None:
        """Prepare a command whose streams are the named pipes in the directory *pipes*."""
        request = tasks_pb2.ExecProcessRequest(
            container_id=key.container,
            exec_id=key.exec_id,
            stdin=str(pipes / "stdin") if stdin else "",
            stdout=str(pipes / "stdout"),
            stderr="" if tty else str(pipes / "stderr"),
            terminal=tty,
            spec=AnyMessage(type_url=_PROCESS, value=msgspec.json.encode(process)),
        )
        await self._channel.call(self._tasks.Exec, request, "prepare the command", START)

    async def start(self, key: ExecKey) -> int:
        """Start it; return its process id. `StartError`: it is not there, or not executable."""
        request = tasks_pb2.StartRequest(container_id=key.container, exec_id=key.exec_id)
        answer = await self._channel.call(self._tasks.Start, request, "start", START)
        return int(answer.pid)

    async def pid(self, key: ExecKey) -> int:
        """Return its process id; 0: it was not started. `NotFoundError`: it was deleted."""
        request = tasks_pb2.GetRequest(container_id=key.container, exec_id=key.exec_id)
        answer = await self._channel.call(self._tasks.Get, request, "look at the command")
        return int(answer.process.pid)

    async def wait(self, key: ExecKey) -> int:
        """Return its exit code, once it has ended. `NotFoundError`: it was deleted."""
        request = tasks_pb2.WaitRequest(container_id=key.container, exec_id=key.exec_id)
        answer = await self._channel.call(
            self._tasks.Wait, request, "wait for the command", limit_s=_LONG_S
        )
        return int(answer.exit_status)

    async def close_stdin(self, key: ExecKey) -> None:
        """Have it read an end. One that has ended is left alone."""
        request = tasks_pb2.CloseIORequest(
            container_id=key.container, exec_id=key.exec_id, stdin=True
        )
        with suppress(NotFoundError):
            await self._channel.call(self._tasks.CloseIO, request, "end the command's input")

    async def resize(self, key: ExecKey, size: TerminalSize) -> None:
        """Tell its terminal the size. One that has ended is left alone."""
        request = tasks_pb2.ResizePtyRequest(
            container_id=key.container, exec_id=key.exec_id, width=size.columns, height=size.rows
        )
        with suppress(NotFoundError):
            await self._channel.call(self._tasks.ResizePty, request, "resize the terminal")

    async def delete(self, key: ExecKey) -> None:
        """Forget a command that has ended. `NotFoundError`; `PreconditionError`: it runs."""
        request = tasks_pb2.DeleteProcessRequest(container_id=key.container, exec_id=key.exec_id)
        await self._channel.call(self._tasks.DeleteProcess, request, "forget the command")
