"""Files into a container and out of it, through a `tar` that runs there."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

from argoexec_cli.cli.connect import Server
from argoexec_cli.cli.exec_target import Target
from argoexec_cli.cli.packing import Packing, Source
from argoexec_cli.cli.session import Session
from argoexec_cli.cli.transfer import Meter, Pipe
from argoexec_cli.cli.unpacking import Unpacking, place_here
from argoexec_cli.errors import ArgoexecError, InvalidError, NotFoundError, PreconditionError
from argoexec_cli.models.exec import ExecRequest, Process
from argoexec_cli.models.logs import STDERR

_NO_SUCH: Final = ("no such file", "not found in archive")
_STDERR_BYTES: Final = 4096
_NOT_THERE: Final = (126, 127)


class CopyFailedError(ArgoexecError):
    """The copy broke off, or is not whole."""


class Places(NamedTuple):
    """What is copied: `name` is the run or pod, `upload` says in which direction."""

    name: str
    remote: str
    local: Path
    upload: bool


class Finished(NamedTuple):
    """How a command in the container ended, and the end of what it said."""

    code: int
    words: str


def parse_places(source: str, target: str) -> Places:
    """Read kubectl's syntax: exactly one of the two is `NAME:/path`. `InvalidError`."""
    there, here = _remote(source), _remote(target)
    hint = "argoexec cp FILE NAME:/path, or: argoexec cp NAME:/path FILE"
    if (there is None) == (here is None):
        raise InvalidError("exactly one of the two must be in a container", hint=hint)
    name, path = there or here or ("", "")
    if "-" in (source, target):
        tar = (
            "argoexec exec NAME -- tar -cf - /path, or: argoexec exec -i NAME -- tar -xf - -C /path"
        )
        raise InvalidError("- is no path: cp copies files, not streams", hint=tar)
    if not name or not path:
        raise InvalidError("a path in a container is written NAME:/path", hint=hint)
    return Places(name, path, Path(target if there else source), upload=there is None)


class Copy:
    """Copies between this machine and one container. Each call moves one file or directory."""

    def __init__(self, session: Session, server: Server, target: Target) -> None:
        """Copy to or from *target*."""
        self._session = session
        self._server = server
        self._target = target

    async def upload(self, local: Path, remote: str) -> int:
        """Copy *local* there. A file appears whole or not at all; of a directory parts may be
        there when this fails, and then the error says so.
        """
        source = Source(local)
        goal = PurePosixPath(remote)
        if remote.endswith("/") or await self._is_directory(remote):
            goal = goal / source.name
        single = not source.is_directory
        name = f".{goal.name[:100]}.{secrets.token_hex(4)}" if single else goal.name
        packing = Packing(source, name)
        parent, temporary = str(goal.parent), str(goal.parent / name)
        try:
            await self._send(packing, ["tar", "-xpf", "-", "-C", parent], str(goal))
            if single:
                await self._check(["mv", "-f", temporary, str(goal)], str(goal))
        except BaseException:
            if single:
                with suppress(ArgoexecError):
                    await self._run(["rm", "-f", temporary])
            raise
        return 0

    async def download(self, remote: str, local: Path) -> int:
        """Copy *remote* here. Each file appears whole or not at all."""
        source = PurePosixPath(remote)
        name = source.name or "."
        goal = place_here(local, source.name)
        unpacking = Unpacking(goal, name)
        command = ["tar", "-cf", "-", "-C", str(source.parent), "--", name]
        async with self._exec(command) as process:
            with Meter(self._session, f"{remote} to {goal}") as meter:
                pipe = Pipe(asyncio.get_running_loop())
                finished = await self._unpack(process, pipe, unpacking, meter)
        for warning in unpacking.warnings:
            self._session.say(f"left out: {warning}")
        if finished.code or not unpacking.count:
            raise self._failure(finished, command, remote, partly=bool(unpacking.count))
        return 0

    async def _send(self, packing: Packing, command: list[str], what: str) -> None:
        said = bytearray()
        async with self._exec(command, stdin=True) as process:
            listening = asyncio.ensure_future(_listen(process, said))
            try:
                with Meter(self._session, what, packing.total) as meter:
                    await self._pack(process, packing, meter, listening)
                await listening
                code = await process.exit_code()
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
        if code:
            finished = Finished(code, said.decode(errors="replace"))
            raise self._failure(finished, command, what, partly=packing.source.is_directory)

    async def _pack(
        self, process: Process, packing: Packing, meter: Meter, listening: asyncio.Future[None]
    ) -> None:
        """Write the archive, unless the program that reads it ends before that."""
        pipe = Pipe(asyncio.get_running_loop())

        async def send() -> None:
            async for data in pipe.pieces():
                await process.write(data)
                meter.add(len(data))
            await process.close_stdin()

        sending = asyncio.ensure_future(send())
        writing = asyncio.ensure_future(pipe.run(lambda: packing.write(pipe)))
        try:
            await asyncio.wait({sending, listening}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                await writing
        finally:
            pipe.close()
            for task in (sending, writing):
                task.cancel()
            await asyncio.gather(sending, writing, return_exceptions=True)

    async def _unpack(
        self, process: Process, pipe: Pipe, unpacking: Unpacking, meter: Meter
    ) -> Finished:
        said = bytearray()

        async def receive() -> None:
            async for stream, data in process.output():
                if stream == STDERR:
                    _remember(said, data)
                else:
                    meter.add(len(data))
                    await pipe.put(data)
            await pipe.put(b"")

        receiving = asyncio.ensure_future(receive())
        try:
            await pipe.run(lambda: unpacking.read(pipe))
            await receiving
        finally:
            pipe.close()
            receiving.cancel()
            await asyncio.gather(receiving, return_exceptions=True)
        return Finished(await process.exit_code(), said.decode(errors="replace"))

    async def _is_directory(self, path: str) -> bool:
        finished = await self._run(["test", "-d", path])
        return finished.code == 0

    async def _check(self, command: list[str], what: str) -> None:
        finished = await self._run(command)
        if finished.code:
            raise self._failure(finished, command, what, partly=False)

    async def _run(self, command: list[str]) -> Finished:
        said = bytearray()
        async with self._exec(command) as process:
            await _listen(process, said)
            return Finished(await process.exit_code(), said.decode(errors="replace"))

    def _exec(
        self, command: list[str], *, stdin: bool = False
    ) -> AbstractAsyncContextManager[Process]:
        request = ExecRequest(
            ref=self._target.ref,
            container=self._target.container,
            command=tuple(command),
            stdin=stdin,
        )
        return self._server.execs().exec(request)

    def _failure(
        self, finished: Finished, command: list[str], what: str, *, partly: bool
    ) -> ArgoexecError:
        program = command[0]
        words = " ".join(finished.words.split())
        if finished.code in _NOT_THERE:
            return PreconditionError(
                f"the container {self._target.container} has no program {program}",
                hint=f"argoexec exec {self._target.ref.name} -- cat FILE > FILE",
            )
        unpacks = program == "tar" and command[1].startswith("-x")
        if (unpacks or not partly) and any(phrase in words.lower() for phrase in _NO_SUCH):
            return NotFoundError(f"{what}: {words}", hint="check the path in the container")
        state = "; what is there now is not whole" if partly else ""
        said = words or f"{program} ended with {finished.code} and copied nothing"
        return CopyFailedError(f"cannot copy {what}: {said}{state}")


async def _listen(process: Process, said: bytearray) -> None:
    async for _, data in process.output():
        _remember(said, data)


def _remember(said: bytearray, data: bytes) -> None:
    said += data
    del said[:-_STDERR_BYTES]


def _remote(place: str) -> tuple[str, str] | None:
    """Return name and path of `NAME:/path`; None for a path here, which may have colons after a
    slash or a dot.
    """
    name, colon, path = place.partition(":")
    if not colon or name.startswith((".", "/", "~")):
        return None
    return name, path
