"""A further command in a container: a power that a runtime declares by `Capabilities.exec`."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol, cast

from argoexec_cli.models.exec import Process, TerminalSize
from argoexec_cli.runtime.base import Handle, Runtime, Value


class ExecSpec(Value, frozen=True, kw_only=True):
    """The command, with the container's own user, directory and variables. See
    `models.exec.ExecRequest`.
    """

    command: tuple[str, ...]
    stdin: bool = False
    tty: bool = False
    size: TerminalSize = TerminalSize()


class RuntimeExecs(Protocol):
    """What a runtime with `Capabilities.exec` implements beside `Runtime`."""

    def exec(self, handle: Handle, spec: ExecSpec) -> AbstractAsyncContextManager[Process]:
        """Start the command in a container that runs.

        Leaving the block ends the command, and what it has started in its own session, if it still
        runs; also when the block is left by an error or a cancellation.
        `PreconditionError`: the container does not run (any more). `StartError` never: a command
        that is not there ends with 127, one that is not executable with 126, and stderr says why.
        """
        ...


def execs_of(runtime: Runtime) -> RuntimeExecs | None:
    """Return what runs commands in the runtime's containers; None when it cannot."""
    return cast("RuntimeExecs", runtime) if runtime.capabilities.exec else None
