"""`argoexec cp`."""

from __future__ import annotations

from typing import Annotated

from argoexec_cli.cli.completion import complete_place
from argoexec_cli.cli.connect import connect
from argoexec_cli.cli.declare import Argument
from argoexec_cli.cli.exec_target import find_target
from argoexec_cli.cli.params import Container
from argoexec_cli.cli.session import Session

_HELP = "A path here, or NAME:/path in the container of a run or pod."


async def cp_(
    session: Session,
    source: Annotated[str, Argument(metavar="SOURCE", help=_HELP, complete=complete_place)],
    target: Annotated[str, Argument(metavar="TARGET", help=_HELP, complete=complete_place)],
    container: Container = "",
) -> int:
    """Copy files into a container that runs, or out of it.

    A directory with all that is in it, too. Into a target that is a directory, under the source's
    own name. Permissions and times are kept, owners are not. Links that lead out of the target are
    left out. The container needs the program tar.
    """
    from argoexec_cli.cli.copying import Copy, parse_places

    place = parse_places(source, target)
    async with connect(session) as server:
        found = await find_target(session, server, place.name, container)
        copy = Copy(session, server, found)
        if place.upload:
            return await copy.upload(place.local, place.remote)
        return await copy.download(place.remote, place.local)
