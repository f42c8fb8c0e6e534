"""Commands in containers at the other end of a connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from grpc import aio

from argoexec_cli.errors import UnavailableError
from argoexec_cli.models.exec import ExecRequest, Output, TerminalSize
from argoexec_cli.models.logs import STDERR, STDOUT
from argoexec_cli.rpc import execs
from argoexec_cli.rpc.channel import Connection
from argoexec_cli.rpc.gen.argoexec.v1alpha1 import exec_pb2, exec_pb2_grpc
from argoexec_cli.rpc.status import from_status

if TYPE_CHECKING:
    from argoexec_cli.models.exec import Execs, Process


class RemoteExecs:
    """Speaks to the daemon at the other end of a `Connection`. A connection that breaks ends the
    command: nothing is resumed here.
    """

    def __init__(self, connection: Connection) -> None:
        """Use *connection*, which whoever made it closes."""
        self._address = connection.address
        self._stub = exec_pb2_grpc.ExecStub(connection.channel)  # type: ignore[no-untyped-call] # generated

    @asynccontextmanager
    async def exec(self, request: ExecRequest) -> AsyncIterator[RemoteProcess]:
        """See `Execs.exec`."""
        call: Any = self._stub.Exec()
        process = RemoteProcess(call, self._address)
        try:
            await process.begin(request)
            yield process
        finally:
            call.cancel()


class RemoteProcess:
    """See `models.exec.Process`."""

    def __init__(self, call: Any, address: str) -> None:
        """Wrap an open call."""
        self._call = call
        self._address = address
        self._exit_code: int | None = None
        self._sending = asyncio.Lock()

    async def begin(self, request: ExecRequest) -> None:
        """Send what to run, and wait until it runs."""
        await self._send(execs.request_to_message(request))
        await self._read()

    async def write(self, data: bytes) -> None:
        """Send input; waits while there is much on its way."""
        await self._send(exec_pb2.ExecInput(stdin=data))

    async def close_stdin(self) -> None:
        """Say that there is no more input."""
        await self._send(exec_pb2.ExecInput(close_stdin=exec_pb2.CloseStdin()))

    async def resize(self, size: TerminalSize) -> None:
        """Send the terminal's size."""
        await self._send(execs.resize_to_message(size))

    async def output(self) -> AsyncIterator[Output]:
        """Yield what comes, until the exit code does."""
        while self._exit_code is None:
            message = await self._read()
            match message.WhichOneof("output"):
                case "stdout":
                    yield Output(STDOUT, message.stdout)
                case "stderr":
                    yield Output(STDERR, message.stderr)
                case "exit_code":
                    self._exit_code = message.exit_code

    async def exit_code(self) -> int:
        """Return what came last."""
        async for _ in self.output():
            pass
        assert self._exit_code is not None  # noqa: S101 - `output` ends with it, or raises
        return self._exit_code

    async def _send(self, message: exec_pb2.ExecInput) -> None:
        """Send, or drop what nobody waits for any more; reading tells why.

        One after the other: gRPC ends a call that is written to while a write is under way, as
        when a terminal's size changes while somebody types.
        """
        async with self._sending:
            try:
                await self._call.write(message)
            except (aio.AioRpcError, asyncio.InvalidStateError):
                return

    async def _read(self) -> exec_pb2.ExecOutput:
        try:
            message: Any = await self._call.read()
            if isinstance(message, exec_pb2.ExecOutput):
                return message
        except aio.AioRpcError as exc:
            raise from_status(exc, self._address) from exc
        raise UnavailableError(
            f"the daemon at {self._address} ended the command without its exit code",
            hint="argoexec doctor",
        )


if TYPE_CHECKING:
    _: type[Execs] = RemoteExecs
    _process: type[Process] = RemoteProcess
