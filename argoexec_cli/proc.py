"""Runs child processes that never see a shell, and outlive us only where that is asked for.

A child gets a list of arguments, a process group of its own and a deadline. What is secret goes to
it by environment or stdin, never in its arguments, which every user of the machine can read.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from argoexec_cli import journal
from argoexec_cli.errors import ArgoexecError, PreconditionError, TimedOutError

_READ_BYTES: Final = 65_536
_KEPT_BYTES: Final = 1_048_576
_LAST_WORDS_S: Final = 1.0
# Runs "$@" until the other end of stdin is closed, as the kernel does for a process that is killed.
# In a shell's background stdin is /dev/null, unless it is taken from another descriptor.
_TETHER: Final = """\
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
{ cat <&3; kill "$child"; } >/dev/null 2>&1 &
exec 3<&-
wait "$child"
"""
Sink = Callable[[bytes], None]


class ChildFailedError(ArgoexecError):
    """A child ended with another exit code than 0; the hint is the end of its stderr."""


class Child(NamedTuple):
    """How to run a child. `env` replaces the environment when it is given.

    `grace_s` is the time between `stop_signal` and KILL when the deadline passes or the caller goes
    away; what the child says meanwhile is still read. With a `journal` it speaks into that file,
    its stderr into one beside it, and it comes to its own end when we are killed. `tethered`: it
    ends, too, when we are killed; such a child reads nothing.
    """

    argv: Sequence[str]
    timeout_s: float
    env: Mapping[str, str] | None = None
    stdin: bytes = b""
    cwd: Path | None = None
    grace_s: float = 5.0
    stop_signal: signal.Signals = signal.SIGTERM
    journal: Path | None = None
    tethered: bool = False


class Finished(NamedTuple):
    """How a child ended. Of each stream the last 1 MiB is kept. A negative code is a signal."""

    name: str
    exit_code: int
    stdout: bytes
    stderr: bytes

    def check(self) -> Finished:
        """Return itself, or raise `ChildFailedError` when the exit code is not 0."""
        if self.exit_code:
            last = self.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            raise ChildFailedError(f"{self.name}: exit code {self.exit_code}", hint=last)
        return self


async def run(
    child: Child, *, on_stdout: Sink | None = None, on_stderr: Sink | None = None
) -> Finished:
    """Run *child* to its end and return what it said; the sinks get output as it comes.

    When the deadline passes, or this call is cancelled, the whole process group is stopped first:
    the stop signal, then KILL. Raises `TimedOutError`, and `PreconditionError` when it cannot be
    started.
    """
    name = Path(child.argv[0]).name
    process = await _start(child, name)
    streams = (_Tail(on_stdout), _Tail(on_stderr))
    talk = asyncio.gather(
        _feed(process, child), *_listening(process, child, streams), process.wait()
    )
    try:
        async with asyncio.timeout(child.timeout_s):
            await asyncio.shield(talk)
    except TimeoutError as exc:
        raise TimedOutError(
            f"{name} did not end within {child.timeout_s:g} s",
            hint=f"run it by hand to see what it waits for: {shlex.join(child.argv)}",
        ) from exc
    finally:
        await _end(process, child)
        await _fall_silent(talk)
    return Finished(name, process.returncode or 0, bytes(streams[0].kept), bytes(streams[1].kept))


async def _start(child: Child, name: str) -> asyncio.subprocess.Process:
    argv = list(child.argv)
    if child.tethered:
        if shutil.which(argv[0]) is None:
            raise PreconditionError(f"{name} is not installed", hint="argoexec doctor")
        argv = ["/bin/sh", "-c", _TETHER, "sh", *argv]
    fed = bool(child.stdin) or child.tethered
    stdout = stderr = asyncio.subprocess.PIPE
    try:
        with ExitStack() as stack:
            if child.journal is not None:
                stdout, stderr = (stack.enter_context(journal.opened(f)) for f in _files(child))
            return await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.PIPE if fed else asyncio.subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                env=child.env,
                cwd=child.cwd,
                start_new_session=True,
            )
    except FileNotFoundError as exc:
        raise PreconditionError(f"{name} is not installed", hint="argoexec doctor") from exc
    except OSError as exc:
        raise PreconditionError(f"cannot run {name}: {exc.strerror}", hint=f"ls -l {name}") from exc


def _files(child: Child) -> tuple[Path, ...]:
    """Return where stdout and stderr go in place of pipes."""
    return () if child.journal is None else (child.journal, child.journal.with_suffix(".err"))


def _listening(
    process: asyncio.subprocess.Process, child: Child, tails: Sequence[_Tail]
) -> list[Coroutine[Any, Any, None]]:
    """Return what reads both streams to their end."""
    if child.journal is None:
        return [_drain(process.stdout, tails[0]), _drain(process.stderr, tails[1])]

    def ended() -> bool:
        return process.returncode is not None

    return [
        journal.follow(file, ended, tail.write)
        for file, tail in zip(_files(child), tails, strict=True)
    ]


class _Tail:
    """Passes output on and keeps the end of it."""

    def __init__(self, sink: Sink | None) -> None:
        self.kept = bytearray()
        self._sink = sink

    def write(self, data: bytes) -> None:
        self.kept += data
        if len(self.kept) > _KEPT_BYTES:
            del self.kept[:-_KEPT_BYTES]
        if self._sink is not None:
            self._sink(data)


async def _feed(process: asyncio.subprocess.Process, child: Child) -> None:
    if process.stdin is None or child.tethered:
        return
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(child.stdin)
        await process.stdin.drain()
    process.stdin.close()


async def _drain(reader: asyncio.StreamReader | None, tail: _Tail) -> None:
    while reader is not None and (data := await reader.read(_READ_BYTES)):
        tail.write(data)


async def _fall_silent(talk: asyncio.Future[Any]) -> None:
    """Read what is left of a child that has ended, unless a stranger keeps its streams open."""
    if not talk.done():
        await asyncio.wait((talk,), timeout=_LAST_WORDS_S)
    talk.cancel()
    await asyncio.gather(talk, return_exceptions=True)


async def _end(process: asyncio.subprocess.Process, child: Child) -> None:
    """Make sure that nothing of the child's group is left, also when cancelled meanwhile."""
    if process.returncode is not None:
        _signal(process.pid, signal.SIGKILL)
        return
    ending = asyncio.create_task(_terminate(process, child), name="end of a child")
    try:
        await asyncio.shield(ending)
    except asyncio.CancelledError:
        _signal(process.pid, signal.SIGKILL)
        await ending
        raise


async def _terminate(process: asyncio.subprocess.Process, child: Child) -> None:
    _signal(process.pid, child.stop_signal)
    try:
        async with asyncio.timeout(child.grace_s):
            await process.wait()
    except TimeoutError:
        pass
    _signal(process.pid, signal.SIGKILL)
    await process.wait()


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)
