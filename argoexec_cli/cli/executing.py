"""A command in a container, connected with this process's own streams or terminal."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, ExitStack
from typing import Final

from argoexec_cli.aio import Tasks
from argoexec_cli.cli.connect import Server
from argoexec_cli.cli.terminal import ends_by_signal, input_of, raw, resized, terminal_size
from argoexec_cli.models.exec import ExecRequest, Process
from argoexec_cli.models.logs import STDERR

_STDIN: Final = 0


async def execute(server: Server, request: ExecRequest) -> int:
    """Run the command to its end; return its exit code. When this is interrupted, it is ended.

    The terminal is as before in the end, whatever happens.
    """
    with ends_by_signal():
        async with server.execs().exec(request) as process:
            tasks = Tasks()
            with ExitStack() as stack:
                if request.tty:
                    stack.enter_context(_follow_size(process, tasks))
                    if sys.stdin.isatty():
                        stack.enter_context(raw(_STDIN))
                try:
                    if request.stdin:
                        tasks.spawn(_feed(process), name="input")
                    await _print(process)
                finally:
                    await tasks.stop()
            return await process.exit_code()


async def _feed(process: Process) -> None:
    async with input_of(_STDIN) as pieces:
        async for piece in pieces:
            await process.write(piece)
        await process.close_stdin()


async def _print(process: Process) -> None:
    async for stream, data in process.output():
        out = sys.stderr.buffer if stream == STDERR else sys.stdout.buffer
        out.write(data)
        out.flush()


def _follow_size(process: Process, tasks: Tasks) -> AbstractContextManager[None]:
    def tell() -> None:
        tasks.spawn(process.resize(terminal_size()), name="size of the terminal")

    return resized(tell)
