"""`argoexec wait`."""

from __future__ import annotations

from typing import Annotated

from argoexec_cli.cli.clusters import NO_CLUSTER, ClusterOptions
from argoexec_cli.cli.connect import connect
from argoexec_cli.cli.declare import Option
from argoexec_cli.cli.detach import detachable
from argoexec_cli.cli.durations import parse_duration
from argoexec_cli.cli.params import Names, Timeout
from argoexec_cli.cli.session import Session
from argoexec_cli.cli.waiting import Target, wait_for, within


async def wait_(
    session: Session,
    name: Names,
    timeout: Timeout = "",
    target: Annotated[
        Target, Option("--for", metavar="STATE", help="ended, running or deleted.")
    ] = Target.ENDED,
    cluster: ClusterOptions = NO_CLUSTER,
) -> int:
    """Wait until runs or pods have ended.

    The exit code is that of the first one, in the order of the names, that did not succeed: 1
    failed, 8 stopped, 4 deadline exceeded or --timeout over. With --cluster they are Workflows of
    Argo's.
    """
    names = " ".join(name)
    if any(cluster):
        from argoexec_cli.cli.argo_workflows import wait_for_workflows

        async with within(timeout, names):
            return await wait_for_workflows(session, name, cluster)
    # No time at all is one look, as in kubectl.
    once = bool(timeout) and not parse_duration(timeout, "--timeout")
    async with (
        connect(session) as server,
        detachable(session, names, "wait"),
        within("" if once else timeout, names),
    ):
        return await wait_for(session, server, name, target, once=once)
