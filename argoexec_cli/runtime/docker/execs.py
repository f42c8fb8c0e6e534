"""Further commands in containers, by the engine's exec.

The engine cannot end such a command. So its process is killed here, where it runs on this machine;
where it does not (an engine in a virtual machine, or across the network), a command that is left
behind only finds its input ended and its output gone.
"""

from __future__ import annotations

import asyncio
import re
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from argoexec_cli.aio import Cleanups
from argoexec_cli.errors import PreconditionError, UnavailableError
from argoexec_cli.models.exec import Output, Process, TerminalSize
from argoexec_cli.models.logs import STDERR, STDOUT
from argoexec_cli.runtime.base import Handle
from argoexec_cli.runtime.docker import wire
from argoexec_cli.runtime.docker.engine import Answer, Engine
from argoexec_cli.runtime.docker.hijack import Hijacked, hijacked
from argoexec_cli.runtime.docker.kill import kill_process
from argoexec_cli.runtime.docker.refusals import refused
from argoexec_cli.runtime.exec import ExecSpec

_HEADER: Final = struct.Struct(">BxxxL")
_READ_BYTES: Final = 64 << 10
_STREAMS: Final = {1: STDOUT, 2: STDERR}
_FIRST_LOOK_S: Final = 0.005
_LAST_LOOK_S: Final = 1.0
_KILL_S: Final = 10.0
_END_OF_TRANSMISSION: Final = b"\x04"
_GONE: Final = 137
"""The exit code of a command whose container was removed meanwhile."""
_NOT_STARTED: Final = re.compile(
    rb"OCI runtime exec failed: (?:.*: )?(exec: .*?)(?:: unknown)?\s*", re.DOTALL
)
_NOT_FOUND: Final = re.compile(rb"executable file not found|no such file or directory")
_CODES: Final = (126, 127)
"""What the engine gives to commands that could not be started; which one depends on its version."""


class Execs:
    """Runs commands on one engine."""

    def __init__(self, engine: Engine, host: str) -> None:
        """Use *engine*, which is at *host*."""
        self._engine = engine
        self._host = host
        self._cleanups = Cleanups()

    @asynccontextmanager
    async def exec(self, handle: Handle, spec: ExecSpec) -> AsyncIterator[Process]:
        """Do what `RuntimeExecs.exec` promises."""
        id_ = await self._create(handle, spec)
        path = f"{self._engine.prefix}/exec/{id_}/start"
        body = {"Detach": False, "Tty": spec.tty}
        async with hijacked(self._host, path, body) as stream:
            if stream.status >= 400:
                raise _not_running(Answer(stream.status, stream.body))
            process = DockerProcess(self._engine, id_, spec, stream)
            try:
                if spec.tty:
                    await process.resize(spec.size)
                yield process
            finally:
                kill = kill_process(self._engine, id_, handle.id)
                await self._cleanups.run(kill, limit_s=_KILL_S)

    async def close(self) -> None:
        """Wait for commands that are being ended."""
        await self._cleanups.join()

    async def _create(self, handle: Handle, spec: ExecSpec) -> str:
        body = {
            "AttachStdin": spec.stdin,
            "AttachStdout": True,
            "AttachStderr": True,
            "Tty": spec.tty,
            "Cmd": list(spec.command),
        }
        answer = await self._engine.call("POST", f"/containers/{handle.id}/exec", None, body)
        if not answer.ok:
            raise _not_running(answer)
        return answer.decode(wire.Created).id


class DockerProcess:
    """See `models.exec.Process`."""

    def __init__(self, engine: Engine, id_: str, spec: ExecSpec, stream: Hijacked) -> None:
        """Wrap the connection of the exec *id_*."""
        self._engine = engine
        self._id = id_
        self._tty = spec.tty
        self._reader, self._writer = stream.reader, stream.writer
        self._ended_input = not spec.stdin
        self._start_code = 0

    async def write(self, data: bytes) -> None:
        """Send input."""
        if self._ended_input:
            return
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError:
            self._ended_input = True

    async def close_stdin(self) -> None:
        """End the input. A terminal knows no end: it gets the character that stands for one."""
        if self._tty:
            await self.write(_END_OF_TRANSMISSION)
        elif not self._ended_input and self._writer.can_write_eof():
            self._ended_input = True
            self._writer.write_eof()

    async def resize(self, size: TerminalSize) -> None:
        """Tell the terminal its size. The engine refuses that until the command really runs."""
        if not self._tty:
            return
        params = {"h": str(size.rows), "w": str(size.columns)}
        for _ in range(20):
            answer = await self._engine.call("POST", f"/exec/{self._id}/resize", params)
            if answer.ok or answer.status == 404 or not (await self._look()).running:
                return
            await asyncio.sleep(0.02)

    async def output(self) -> AsyncIterator[Output]:
        """Read what it writes."""
        try:
            async for output in self._read_terminal() if self._tty else self._read_pipes():
                yield output
        except (ConnectionError, asyncio.IncompleteReadError) as exc:
            raise UnavailableError(
                "Docker Engine closed the connection to the command", hint="argoexec doctor"
            ) from exc

    async def exit_code(self) -> int:
        """Ask until it has ended: the connection may end a moment before."""
        pause_s = _FIRST_LOOK_S
        while True:
            found = await self._look()
            if not found.running and found.exit_code is not None:
                return self._start_code or found.exit_code
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LAST_LOOK_S)

    async def _read_terminal(self) -> AsyncIterator[Output]:
        while data := await self._reader.read(_READ_BYTES):
            yield await self._told_apart(STDOUT, data)

    async def _read_pipes(self) -> AsyncIterator[Output]:
        while header := await _exactly(self._reader, _HEADER.size):
            kind, left = _HEADER.unpack(header)
            while left:
                data = await self._reader.read(min(left, _READ_BYTES))
                if not data:
                    raise asyncio.IncompleteReadError(b"", left)
                left -= len(data)
                yield await self._told_apart(_STREAMS.get(kind, STDOUT), data)

    async def _told_apart(self, stream: int, data: bytes) -> Output:
        """Tell the engine's report of why the command could not be started, which it writes to
        stdout in runc's words, from what commands write.
        """
        match = _NOT_STARTED.fullmatch(data)
        if match is None or (found := await self._look()).running or found.exit_code not in _CODES:
            return Output(stream, data)
        self._start_code = 127 if _NOT_FOUND.search(data) else 126
        return Output(STDERR, match[1] + b"\n")

    async def _look(self) -> wire.InspectedExec:
        answer = await self._engine.call("GET", f"/exec/{self._id}/json")
        if answer.status == 404:
            return wire.InspectedExec(running=False, exit_code=_GONE)
        if not answer.ok:
            raise refused(answer, "look after a command")
        return answer.decode(wire.InspectedExec)


async def _exactly(reader: asyncio.StreamReader, count: int) -> bytes:
    """Read *count* bytes; nothing at the end of the stream."""
    try:
        return await reader.readexactly(count)
    except asyncio.IncompleteReadError as exc:
        if exc.partial:
            raise
        return b""


def _not_running(answer: Answer) -> Exception:
    if answer.status in (404, 409):
        return PreconditionError(f"the container does not run: {answer.message}")
    return refused(answer, "run a command in the container")


_: type[Process] = DockerProcess
