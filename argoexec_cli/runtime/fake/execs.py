"""Further commands in fake containers: scripts as containers run them, and `cat`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from argoexec_cli.aio import Tasks
from argoexec_cli.errors import PreconditionError, StartError
from argoexec_cli.models.exec import Output, Process, TerminalSize
from argoexec_cli.models.logs import STDERR, STDOUT
from argoexec_cli.runtime.exec import ExecSpec
from argoexec_cli.runtime.fake.engine import FakeContainer
from argoexec_cli.runtime.fake.script import parse_script

_NOT_FOUND = 127


@asynccontextmanager
async def run_in(container: FakeContainer | None, spec: ExecSpec) -> AsyncIterator[Process]:
    """Do what `RuntimeExecs.exec` promises."""
    if container is None or container.exit:
        raise PreconditionError("the container does not run")
    if spec.command[0] == "cat":
        yield _Cat(spec)
        return
    try:
        script = parse_script(spec.command)
    except StartError as exc:
        yield _Failed(exc.message)
        return
    tasks = Tasks()
    inner = FakeContainer(container.owner, container.spec, script)
    tasks.spawn(inner.run(), name="fake command")
    try:
        yield _Script(inner)
    finally:
        await tasks.stop()


class _Deaf:
    """What all share: input and sizes are dropped."""

    async def write(self, data: bytes) -> None:
        """See `Process`."""

    async def close_stdin(self) -> None:
        """See `Process`."""

    async def resize(self, size: TerminalSize) -> None:
        """See `Process`."""


class _Script(_Deaf):
    def __init__(self, inner: FakeContainer) -> None:
        self._inner = inner

    async def output(self) -> AsyncIterator[Output]:
        async for batch in self._inner.read(0, follow=True):
            for run in batch.runs:
                yield Output(run.stream, run.data)

    async def exit_code(self) -> int:
        return (await self._inner.wait()).exit_code


class _Failed(_Deaf):
    def __init__(self, message: str) -> None:
        self._message = message

    async def output(self) -> AsyncIterator[Output]:
        yield Output(STDERR, f"{self._message}\n".encode())

    async def exit_code(self) -> int:
        return _NOT_FOUND


class _Cat:
    """Writes what it reads, and each new size of its terminal."""

    def __init__(self, spec: ExecSpec) -> None:
        self._tty = spec.tty
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(8)
        self._open = spec.stdin
        self._over = asyncio.Event()

    async def write(self, data: bytes) -> None:
        if self._open:
            await self._queue.put(data)

    async def close_stdin(self) -> None:
        if self._open:
            self._open = False
            await self._queue.put(b"")

    async def resize(self, size: TerminalSize) -> None:
        if self._tty:
            await self.write(f"{size.columns}x{size.rows}\n".encode())

    async def output(self) -> AsyncIterator[Output]:
        while self._open or not self._queue.empty():
            if not (data := await self._queue.get()):
                break
            yield Output(STDOUT, data)
        self._over.set()

    async def exit_code(self) -> int:
        await self._over.wait()
        return 0


_: tuple[type[Process], ...] = (_Script, _Failed, _Cat)
