"""The gRPC service `Exec` around an executor that can run further commands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from typing import Any, cast

from argoexec_cli.aio import Tasks
from argoexec_cli.daemon.following import close
from argoexec_cli.errors import ArgoexecError, InvalidError, UnsupportedError
from argoexec_cli.models.exec import EXEC, Execs, Process
from argoexec_cli.models.executor import Executor
from argoexec_cli.rpc.execs import output_to_message, request_from_message, size_from_message
from argoexec_cli.rpc.gen.argoexec.v1alpha1 import exec_pb2, exec_pb2_grpc


class ExecService(exec_pb2_grpc.ExecServicer):
    """Serves *executor*'s commands. Errors are left to `daemon.interceptor`.

    A client that goes away ends its command. A slow one makes the command wait, and a command that
    does not read makes its client wait: at most a few messages are held here.
    """

    def __init__(self, executor: Executor) -> None:
        """Serve *executor*; one without the power is asked each time, and refuses."""
        self._executor = executor

    async def Exec(
        self, requests: AsyncIterator[exec_pb2.ExecInput], context: Any
    ) -> AsyncGenerator[exec_pb2.ExecOutput, None]:
        """Run one command."""
        first = await anext(requests, None)
        if first is None or not first.HasField("start"):
            raise InvalidError("the first message must say what to run")
        info = await self._executor.info()
        if EXEC not in info.capabilities:
            raise UnsupportedError(
                f"executor {info.name} cannot run commands in containers",
                hint="argoexec logs shows what they wrote",
            )
        execs = cast("Execs", self._executor)
        async with execs.exec(request_from_message(first.start)) as process:
            yield exec_pb2.ExecOutput(started=exec_pb2.ExecStarted())
            tasks = Tasks()
            tasks.spawn(_feed(requests, process), name="input of a command")
            output = process.output()
            try:
                async for piece in output:
                    yield output_to_message(piece)
            finally:
                await close(output)
                await tasks.stop()
            yield exec_pb2.ExecOutput(exit_code=await process.exit_code())


async def _feed(requests: AsyncIterator[exec_pb2.ExecInput], process: Process) -> None:
    """Pass on what the client sends; the end of its messages is the end of the input."""
    # grpc's word for a call that has ended; and what fails here, the output fails of too.
    with suppress(asyncio.InvalidStateError, ArgoexecError):
        async for message in requests:
            match message.WhichOneof("input"):
                case "stdin":
                    await process.write(message.stdin)
                case "close_stdin":
                    await process.close_stdin()
                case "resize":
                    await process.resize(size_from_message(message.resize))
        await process.close_stdin()
