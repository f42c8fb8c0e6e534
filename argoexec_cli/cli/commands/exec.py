"""`argoexec exec`."""

from __future__ import annotations

import sys
from typing import Annotated

from argoexec_cli.cli.connect import connect
from argoexec_cli.cli.declare import Argument, Option
from argoexec_cli.cli.exec_target import find_target
from argoexec_cli.cli.params import Container, Name
from argoexec_cli.cli.session import Session
from argoexec_cli.models.exec import ExecRequest


async def exec_(
    session: Session,
    name: Name,
    command: Annotated[list[str], Argument(metavar="-- COMMAND...", help="What to run there.")],
    container: Container = "",
    stdin: Annotated[bool, Option("--stdin", "-i", help="Pass standard input on.")] = False,
    tty: Annotated[bool, Option("--tty", "-t", help="Give it this terminal.")] = False,
) -> int:
    """Run a command in a container that runs.

    Of a run it is the pod that runs. Ends with the command's own exit code: 126 when it is not
    executable, 127 when it is not there. Ending this ends the command, too: it is killed.
    """
    from argoexec_cli.cli.executing import execute
    from argoexec_cli.cli.terminal import terminal_size

    if tty and stdin and not sys.stdin.isatty():
        session.say("standard input is no terminal: the command gets none")
        tty = False
    async with connect(session) as server:
        target = await find_target(session, server, name, container)
        request = ExecRequest(
            ref=target.ref,
            container=target.container,
            command=tuple(command),
            stdin=stdin,
            tty=tty,
            size=terminal_size(),
        )
        return await execute(server, request)
