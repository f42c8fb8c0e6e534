"""`argoexec fleets`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from argoexec_cli.cli.declare import Option
from argoexec_cli.cli.durations import render_age
from argoexec_cli.cli.fleetplaces import fleets_here
from argoexec_cli.cli.items import now
from argoexec_cli.cli.output import Data, write, write_data
from argoexec_cli.cli.session import Session
from argoexec_cli.cli.table import render_table
from argoexec_cli.errors import ExitCode
from argoexec_cli.models.base import encode

if TYPE_CHECKING:
    from argoexec_cli.compute.fleet.record import Fleet

_HEADER = ["NAME", "PROVIDER", "REGION", "HOSTS", "RUNTIME", "PHASE", "AGE"]


def fleets_(
    session: Session,
    output: Annotated[
        Data | None, Option("--output", "-o", metavar="FORMAT", help="json or yaml.")
    ] = None,
) -> int:
    """List the fleets that were made here.

    Asks nobody: `argoexec hosts` looks whether they answer. The exit code is 1 when what is written
    down about one cannot be read.
    """
    found = fleets_here(session)
    if output is not None:
        write_data([encode(fleet) for fleet in found.read], output)
    elif not found.names:
        session.say("there is no fleet; to make one: argoexec provision")
    elif found.read:
        rows = [_row(fleet) for fleet in found.read]
        write(render_table(rows, header=_HEADER, color=session.color))
    return ExitCode.FAILED if found.broken else ExitCode.OK


def _row(fleet: Fleet) -> list[str]:
    region = fleet.spec.region if fleet.spec else ""
    count = f"{sum(host.proved for host in fleet.hosts)}/{fleet.wanted}"
    old = render_age((now() - fleet.created).total_seconds())
    return [fleet.name, fleet.provider, region, count, fleet.runtime, fleet.phase, old]
