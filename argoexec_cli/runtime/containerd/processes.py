"""Commands that run in containers, as the executor sees them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from argoexec_cli.aio import Tasks
from argoexec_cli.errors import NotFoundError, UnavailableError
from argoexec_cli.models.exec import Output, Process, TerminalSize
from argoexec_cli.models.logs import STDERR
from argoexec_cli.runtime.containerd.fifos import Input, OutputPipe
from argoexec_cli.runtime.containerd.native_exec import ExecKey, NativeExec

_AGAIN_S: Final = 0.2
_WAITING: Final = 8
_END_OF_TRANSMISSION: Final = b"\x04"
_GONE: Final = 137
"""The exit code of a command whose container was removed meanwhile."""


class Streams:
    """Our ends of a command's pipes."""

    def __init__(self, stdin: Input | None, outputs: dict[int, OutputPipe]) -> None:
        """Use the pipes, which are open."""
        self.stdin = stdin
        self.outputs = outputs

    def connect(self) -> None:
        """Say that the command has been started."""
        if self.stdin:
            self.stdin.connect()

    def close(self) -> None:
        """Close them all. Repeatable."""
        if self.stdin:
            self.stdin.close()
        for output in self.outputs.values():
            output.close()


class StartedProcess:
    """See `models.exec.Process`."""

    def __init__(self, calls: NativeExec, key: ExecKey, streams: Streams, *, tty: bool) -> None:
        """Look after the command *key*."""
        self._calls = calls
        self._key = key
        self._streams = streams
        self._tty = tty
        self._ended = asyncio.ensure_future(self._wait())

    async def forget(self) -> None:
        """Wait for the command's end no more."""
        self._ended.cancel()
        await asyncio.wait({self._ended})

    async def write(self, data: bytes) -> None:
        """Send input."""
        if self._streams.stdin:
            await self._streams.stdin.write(data)

    async def close_stdin(self) -> None:
        """End the input. A terminal knows no end: it gets the character that stands for one."""
        if self._streams.stdin is None:
            return
        if self._tty:
            await self._streams.stdin.write(_END_OF_TRANSMISSION)
            return
        self._streams.stdin.close()
        await self._calls.close_stdin(self._key)

    async def resize(self, size: TerminalSize) -> None:
        """Tell the terminal its size; a command that has ended has none."""
        if self._tty:
            await self._calls.resize(self._key, size)

    async def output(self) -> AsyncIterator[Output]:
        """Read what it writes, both streams side by side."""
        queue: asyncio.Queue[Output | None] = asyncio.Queue(_WAITING)

        async def pump(stream: int, pipe: OutputPipe) -> None:
            async for data in pipe.read():
                await queue.put(Output(stream, data))
            await queue.put(None)

        tasks = Tasks()
        for stream, pipe in self._streams.outputs.items():
            tasks.spawn(pump(stream, pipe), name=f"output of {self._key.exec_id}")
        left = len(self._streams.outputs)
        try:
            while left:
                output = await queue.get()
                if output is None:
                    left -= 1
                else:
                    yield output
        finally:
            await tasks.stop()

    async def exit_code(self) -> int:
        """Wait for the end."""
        return await asyncio.shield(self._ended)

    async def _wait(self) -> int:
        """Return how it ended, through restarts of containerd; nobody reads its input then."""
        while True:
            try:
                code = await self._calls.wait(self._key)
            except NotFoundError:
                code = _GONE
            except UnavailableError:
                await asyncio.sleep(_AGAIN_S)
                continue
            if self._streams.stdin:
                self._streams.stdin.close()
            return code


class FailedProcess:
    """A command that could not be started: it says why, and has ended."""

    def __init__(self, code: int, words: str) -> None:
        """End with *code*."""
        self._code = code
        self._words = words

    async def write(self, data: bytes) -> None:
        """Drop input: nobody reads it."""

    async def close_stdin(self) -> None:
        """Do nothing."""

    async def resize(self, size: TerminalSize) -> None:
        """Do nothing."""

    async def output(self) -> AsyncIterator[Output]:
        """Say why."""
        yield Output(STDERR, f"{self._words}\n".encode())

    async def exit_code(self) -> int:
        """Return the code."""
        return self._code


_: tuple[type[Process], type[Process]] = (StartedProcess, FailedProcess)
