"""`argoexec get`."""

from __future__ import annotations

from argoexec_cli.cli.clusters import NO_CLUSTER, ClusterOptions
from argoexec_cli.cli.connect import Server, connect
from argoexec_cli.cli.find import find, pods_of
from argoexec_cli.cli.happened import HEADER, Happening, happenings, past
from argoexec_cli.cli.items import Item, now
from argoexec_cli.cli.output import Format, write, write_items
from argoexec_cli.cli.params import Name, Output
from argoexec_cli.cli.session import Session
from argoexec_cli.cli.summary import render_summary
from argoexec_cli.cli.table import render_table
from argoexec_cli.models.record import PodRecord


async def get_(
    session: Session,
    name: Name,
    output: Output = Format.TABLE,
    cluster: ClusterOptions = NO_CLUSTER,
) -> None:
    """Show one run or pod with its steps and events.

    -o json prints the whole WorkflowRun or Pod. The exit code says only whether it was found; see
    `argoexec wait` for how it ended. With --cluster it is a Workflow of Argo's.
    """
    if any(cluster):
        from argoexec_cli.cli.argo_workflows import show_workflow

        return await show_workflow(session, name, cluster, output.value)
    async with connect(session) as server:
        item = await find(server, name, session.namespace)
        if output not in (Format.TABLE, Format.WIDE):
            write_items([item], output, single=True)
            return
        events = await _events(server, item)
    moment = now()
    text = render_summary(item, moment, session.color)
    if events:
        rows = [event.row(moment) for event in events]
        text += "\nEvents:\n" + render_table(rows, header=HEADER, color=session.color)
    write(text)


async def _events(server: Server, item: Item) -> list[Happening]:
    if isinstance(item.source, PodRecord):
        return happenings(item.source)
    return await past(server, pods_of(item))
