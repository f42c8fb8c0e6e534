"""`argoexec destroy`."""

from __future__ import annotations

from typing import Annotated

from argoexec_cli.cli.completion import complete_fleet
from argoexec_cli.cli.declare import Argument, Option
from argoexec_cli.cli.durations import parse_duration
from argoexec_cli.cli.session import Session


async def destroy_(
    session: Session,
    name: Annotated[str, Argument(metavar="NAME", help="The fleet.", complete=complete_fleet)],
    drain: Annotated[
        str, Option(metavar="DURATION", help="Wait so long for running pods.")
    ] = "10m",
    force: Annotated[
        bool, Option("--force", help="Wait for no pod; end all with the fleet's tags.")
    ] = False,
    yes: Annotated[bool, Option("--yes", "-y", help="Do not ask.")] = False,
) -> int:
    """End a fleet's hosts, and show that nothing is left.

    Waits for running pods first, and asks AWS in the end. Hosts that were given (ssh, local) stay:
    the daemon goes, the engine does not. Then contexts, keys and record go as well.
    """
    from argoexec_cli.cli.interrupt import tidy_on_interrupt
    from argoexec_cli.cli.removing import remove_fleet

    drain_s = parse_duration(drain, "--drain")
    work = remove_fleet(session, name, drain_s=drain_s, force=force, yes=yes)
    return await tidy_on_interrupt(session, work)
