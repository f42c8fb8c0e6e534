"""`argoexec hosts`."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Annotated

from argoexec_cli.cli.completion import complete_fleet
from argoexec_cli.cli.declare import Argument, Option
from argoexec_cli.cli.durations import render_age
from argoexec_cli.cli.fleetplaces import fleet_store, fleets_here, tools_for
from argoexec_cli.cli.items import now
from argoexec_cli.cli.output import Data, write, write_data
from argoexec_cli.cli.session import Session
from argoexec_cli.cli.table import render_table
from argoexec_cli.errors import ExitCode
from argoexec_cli.models.base import encode

if TYPE_CHECKING:
    from argoexec_cli.compute.fleet.survey import HostView

_HEADER = [
    *("NAME", "STATE", "HEALTH", "VERSION", "RUNTIME", "PODS", "ADDRESS", "TYPE", "COST"),
    *("LEASE", "PROBLEM"),
]


async def hosts_(
    session: Session,
    name: Annotated[
        str, Argument(metavar="[NAME]", help="Of that fleet only.", complete=complete_fleet)
    ] = "",
    output: Annotated[
        Data | None, Option("--output", "-o", metavar="FORMAT", help="json or yaml.")
    ] = None,
) -> int:
    """Show the hosts: whether they answer, what runs there, what they cost so far.

    LEASE is the time until the host ends itself without a call or work; asking renews it. The exit
    code is 1 when one of them does not answer, or a fleet's record cannot be read.
    """
    from argoexec_cli.compute.fleet.survey import survey

    fleets, broken = ((fleet_store(session).find(name),), {}) if name else fleets_here(session)
    views: list[HostView] = []
    for fleet in fleets:
        found = await survey(fleet, tools_for(session, fleet))
        views += found.views
        if found.unasked is not None:
            session.say(f"{fleet.name}: states and costs are unknown: {found.unasked.message}")
    if output is not None:
        write_data([encode(view) for view in views], output)
    elif not views and not broken:
        session.say("there is no host; to make some: argoexec provision")
    elif views:
        screen = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
        head, *rows = _told([_HEADER, *map(_row, views)])
        write(render_table(rows, header=head, color=session.color, screen=screen))
    good = all(view.healthy for view in views) and not broken
    return ExitCode.OK if good else ExitCode.FAILED


def _told(lines: list[list[str]]) -> list[list[str]]:
    """Return *lines*, of which the first is the header, without the columns that say nothing."""
    columns = [column for column in zip(*lines, strict=True) if any(column[1:])]
    return [list(line) for line in zip(*columns, strict=True)]


def _row(view: HostView) -> list[str]:
    cost = f"${view.cost:.2f}" if view.cost is not None else ""
    pods = str(view.running_pods) if view.healthy else ""
    left = (view.lease_ends - now()).total_seconds() if view.lease_ends else None
    return [
        view.name,
        view.state,
        "ok" if view.healthy else "bad",
        view.version,
        view.runtime,
        pods,
        view.address,
        view.instance_type,
        cost,
        render_age(left) if left is not None else "",
        view.problem,
    ]
