"""One SSH connection for all that is done on a host, in place of one for each command.

To log in takes both sides a tenth of a second of processor time, and to keep it nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec

from argoexec_cli.aio import to_the_end
from argoexec_cli.errors import ArgoexecError
from argoexec_cli.models.connection import Ssh
from argoexec_cli.proc import Child, run
from argoexec_cli.scratch import scratch

_CLOSE_S: Final = 5.0
# A socket's path has at most 107 characters, and ssh appends some while it makes it.
_LONGEST: Final = 85


class SharedSsh(Ssh, kw_only=True):
    """A login whose connection the first `ssh` leaves open at `socket`, for every other one."""

    socket: str

    @property
    def options(self) -> tuple[str, ...]:
        """What `ssh` is told for that; should it outlive us, it ends when a minute is over."""
        return ("ControlMaster=auto", "ControlPersist=60s", f"ControlPath={self.socket}")


@asynccontextmanager
async def shared(logins: Mapping[str, Ssh | None]) -> AsyncIterator[dict[str, Ssh | None]]:
    """Give the same logins, sharing one connection each, which is closed at the end."""
    with scratch("argoexec-ssh-") as directory:
        given = enumerate(logins.items())
        try:
            yield {name: _shared(login, f"{directory}/{number}") for number, (name, login) in given}
        finally:
            await close(directory)


def _shared(login: Ssh | None, socket: str) -> Ssh | None:
    if login is None or len(socket) > _LONGEST:
        return login
    return SharedSsh(**msgspec.structs.asdict(login), socket=socket)


async def close(directory: Path) -> None:
    """End the connections that ssh keeps there for the next command, which will not come."""
    sockets = await asyncio.to_thread(lambda: list(directory.glob("*")))
    await to_the_end(*map(_close, sockets))


async def _close(socket: Path) -> None:
    argv = ["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "argoexec"]
    with contextlib.suppress(ArgoexecError):
        await run(Child(argv, _CLOSE_S))
