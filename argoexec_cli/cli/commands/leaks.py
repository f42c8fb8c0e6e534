"""`argoexec leaks`."""

from __future__ import annotations

from typing import Annotated

from argoexec_cli.cli.declare import Option
from argoexec_cli.cli.fleetplaces import fleets_here
from argoexec_cli.cli.output import Data, write, write_data
from argoexec_cli.cli.session import Session
from argoexec_cli.cli.table import render_table
from argoexec_cli.errors import ExitCode
from argoexec_cli.models.base import encode

_HEADER = ["KIND", "ID", "FLEET", "OWNER", "REGION"]


async def leaks_(
    session: Session,
    region: Annotated[str, Option(metavar="NAME", help="AWS's; default: AWS_REGION.")] = "",
    owner: Annotated[str, Option(metavar="NAME", help="Only that one's.")] = "",
    output: Annotated[
        Data | None, Option("--output", "-o", metavar="FORMAT", help="json or yaml.")
    ] = None,
) -> int:
    """List what carries argoexec's tags on AWS and no fleet here owns.

    It may be another person's: look at OWNER. Changes nothing. The exit code is 1 when there is
    something, or when a fleet's record cannot be read, whose hosts are not listed.
    """
    from argoexec_cli.compute.aws.account import open_account
    from argoexec_cli.compute.aws.inventory import leaks

    here = fleets_here(session)
    account = await open_account(session.settings, region)
    found = await leaks(account, owner, here.names)
    if output is not None:
        write_data([encode(resource) for resource in found], output)
    elif not found:
        session.say(f"nothing on AWS in {account.region} carries our tags without a fleet")
    else:
        rows = [[each.kind, each.id, each.fleet, each.owner, each.region] for each in found]
        write(render_table(rows, header=_HEADER, color=session.color))
    return ExitCode.FAILED if found or here.broken else ExitCode.OK
