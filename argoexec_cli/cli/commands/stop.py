"""`argoexec stop`."""

from __future__ import annotations

from typing import Annotated

from argoexec_cli.cli.clusters import NO_CLUSTER, ClusterOptions
from argoexec_cli.cli.connect import Server, connect
from argoexec_cli.cli.declare import Option
from argoexec_cli.cli.durations import parse_duration
from argoexec_cli.cli.find import find, pods_of
from argoexec_cli.cli.items import Item
from argoexec_cli.cli.output import write
from argoexec_cli.cli.params import Names
from argoexec_cli.cli.session import Session
from argoexec_cli.errors import NotFoundError
from argoexec_cli.models.record import PodRecord
from argoexec_cli.models.workflows import RunRef


async def stop_(
    session: Session,
    name: Names,
    grace: Annotated[
        str, Option(metavar="DURATION", help="From TERM to KILL; default: the pod's own.")
    ] = "",
    cluster: ClusterOptions = NO_CLUSTER,
) -> None:
    """End runs or pods: TERM first, KILL after the grace period.

    Returns when the wish is on the daemon's disk; `argoexec wait` waits for the end. What has
    ended stays as it is. With --cluster they are Workflows of Argo's, which tells the tasks.
    """
    if any(cluster):
        from argoexec_cli.cli.argo_workflows import stop_workflows

        return await stop_workflows(session, name, cluster)
    grace_s = parse_duration(grace, "--grace") if grace else None
    async with connect(session) as server:
        for each in name:
            item = await find(server, each, session.namespace)
            await _stop(server, item, grace_s)
            write(f"{item.label} {'had ended' if item.ended else 'stopping'}\n")


async def _stop(server: Server, item: Item, grace_s: float | None) -> None:
    if isinstance(item.source, PodRecord):
        await server.executor.stop_pod(item.source.ref, grace_s)
        return
    ref = RunRef(namespace=item.namespace, name=item.name, uid=item.source.metadata.uid)
    await server.workflows.stop_run(ref)
    if grace_s is None or item.ended:
        return
    for pod in pods_of(item):
        try:
            await server.executor.stop_pod(pod, grace_s)
        except NotFoundError:
            continue
