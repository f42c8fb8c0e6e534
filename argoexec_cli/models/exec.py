"""A further command in a container that runs: a power that not every executor has.

One that has it says `exec` in `info().capabilities` and implements `Execs` beside `Executor`.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Final, NamedTuple, Protocol

from argoexec_cli.models.base import Model
from argoexec_cli.models.record import PodRef

EXEC: Final = "exec"
"""The word in `ExecutorInfo.capabilities`."""


class TerminalSize(Model):
    """Of a terminal, in characters."""

    columns: int = 80
    rows: int = 24


class ExecRequest(Model, kw_only=True):
    """A command for a container of a pod; no shell reads it. An empty `container` is the pod's only
    main one.

    `stdin`: input will come; without it the command reads an end at once. `tty`: the command gets a
    terminal of `size`, and all that it writes comes as stdout.
    """

    ref: PodRef
    command: tuple[str, ...]
    container: str = ""
    stdin: bool = False
    tty: bool = False
    size: TerminalSize = TerminalSize()


class Output(NamedTuple):
    """Something that the command wrote, to `models.logs.STDOUT` or `STDERR`."""

    stream: int
    data: bytes


class Process(Protocol):
    """A command that runs. Input that it does not read any more is dropped without an error."""

    async def write(self, data: bytes) -> None:
        """Send input; waits while the command does not read."""
        ...

    async def close_stdin(self) -> None:
        """Let the command read an end. Repeatable."""
        ...

    async def resize(self, size: TerminalSize) -> None:
        """Tell the terminal, if there is one, its new size."""
        ...

    def output(self) -> AsyncIterator[Output]:
        """What the command writes, until it and all that it left behind have closed both streams.
        To be read once; who does not read makes the command wait.
        """
        ...

    async def exit_code(self) -> int:
        """Return how it ended, once it has and the output was read: 128 + signal for a death by
        signal, 126 and 127 for a command that is not executable or not found.
        """
        ...


class Execs(Protocol):
    """Runs further commands in containers."""

    def exec(self, request: ExecRequest) -> AbstractAsyncContextManager[Process]:
        """Start the command; leaving the block ends it (KILL) if it still runs.

        `NotFoundError`: no such pod or container. `PreconditionError`: the container does not run.
        `InvalidError`: a container's name is needed, or the command is empty. `UnsupportedError`:
        the runtime cannot do it.
        """
        ...
