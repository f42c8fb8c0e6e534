"""`argoexec certs`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from argoexec_cli.cli.certificates import Held, of_contexts
from argoexec_cli.cli.completion import complete_fleet
from argoexec_cli.cli.declare import Argument, Option
from argoexec_cli.cli.output import Data, write, write_data
from argoexec_cli.cli.session import Session
from argoexec_cli.cli.table import render_table
from argoexec_cli.errors import InvalidError
from argoexec_cli.models.base import encode


async def certs_(
    session: Session,
    action: Annotated[
        Literal["show", "rotate"], Argument(metavar="[ACTION]", help="show or rotate.")
    ] = "show",
    fleet: Annotated[
        str, Argument(metavar="[FLEET]", help="Only this fleet's.", complete=complete_fleet)
    ] = "",
    authority: Annotated[
        bool, Option("--authority", help="rotate: a new authority, too; old clients are refused.")
    ] = False,
    output: Annotated[
        Data | None, Option("--output", "-o", metavar="FORMAT", help="json or yaml.")
    ] = None,
) -> None:
    """Show the certificates of contexts and fleets, and when they expire.

    `rotate FLEET` makes new ones for its hosts and clients and brings them to the hosts, whose
    daemons go on. The authority stays, and with it old certificates work until they expire;
    with --authority they are refused at once, and whoever has copies needs new ones.
    """
    if action == "rotate":
        await _rotate(session, fleet, authority=authority)
        return
    held = of_contexts(session.settings.contexts, fleet)
    if output is not None:
        write_data([_data(each) for each in held], output)
    elif not held:
        session.say("no context uses certificates: argoexec context list")
    else:
        header = ["CERTIFICATE", "SUBJECT", "ROLE", "EXPIRES", "LEFT", "FILE"]
        write(render_table([_row(each) for each in held], header=header, color=session.color))


async def _rotate(session: Session, name: str, *, authority: bool) -> None:
    from argoexec_cli.cli.fleetplaces import fleet_store, tools_for
    from argoexec_cli.compute.fleet.rotation import rotate

    if not name:
        raise InvalidError("a FLEET is missing: whose certificates?", hint="argoexec fleets")
    store = fleet_store(session)
    store.find(name)
    with store.held(name):
        fleet = store.find(name)
        await rotate(fleet, tools_for(session, fleet), authority=authority)
    session.say(f"new certificates are in use on {len(fleet.hosts)} hosts of {name}")


def _row(held: Held) -> list[str]:
    found = held.certificate
    if found is None:
        return [held.owner, "", "", "", held.problem, str(held.path)]
    until = f"{found.not_after:%Y-%m-%d %H:%M}"
    left = _left(found.left()) + (", due" if found.due() else "")
    return [held.owner, found.subject, found.role, until, left, str(held.path)]


def _left(left: timedelta) -> str:
    if left < timedelta(0):
        return "expired"
    return f"{left.days}d" if left.days else f"{left.seconds // 3600}h"


def _data(held: Held) -> dict[str, Any]:
    if held.certificate is None:
        return {"owner": held.owner, "path": str(held.path), "problem": held.problem}
    return {"owner": held.owner, **encode(held.certificate)}
