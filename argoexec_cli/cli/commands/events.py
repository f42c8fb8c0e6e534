"""`argoexec events`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from argoexec_cli.cli.connect import Server, connect
from argoexec_cli.cli.declare import Option
from argoexec_cli.cli.detach import interruptible
from argoexec_cli.cli.find import find, list_pods, pods_of
from argoexec_cli.cli.follow import closing
from argoexec_cli.cli.happened import HEADER, Happening, from_now_on, past
from argoexec_cli.cli.items import now
from argoexec_cli.cli.output import Data, write, write_data
from argoexec_cli.cli.params import AllNamespaces, MaybeName, NoHeaders
from argoexec_cli.cli.session import Session
from argoexec_cli.cli.table import render_table
from argoexec_cli.models.record import PodRecord, PodRef


async def events_(
    session: Session,
    name: MaybeName = None,
    follow: Annotated[bool, Option("--watch", "-w", help="Go on with what comes.")] = False,
    all_namespaces: AllNamespaces = False,
    no_headers: NoHeaders = False,
    output: Annotated[
        Data | None, Option("--output", "-o", metavar="FORMAT", help="json or yaml.")
    ] = None,
) -> None:
    """Show what happened to a run's pods.

    The oldest come first; without a name the events of all pods.
    """
    namespace = "" if all_namespaces else session.namespace
    head = () if no_headers else HEADER
    async with connect(session) as server:
        refs = await _pods(server, name, namespace)
        if not follow:
            _show(session, await past(server, refs), head, output)
            return
        async with (
            interruptible(session),
            closing(from_now_on(server, namespace, refs)) as batches,
        ):
            async for batch in batches:
                _show(session, batch, head, output)
                head = ()


async def _pods(server: Server, name: str | None, namespace: str) -> list[PodRef]:
    if name is None:
        return [record.ref for record in await list_pods(server, namespace)]
    item = await find(server, name, namespace or "default")
    return [item.source.ref] if isinstance(item.source, PodRecord) else pods_of(item)


def _show(
    session: Session, batch: list[Happening], head: Sequence[str], output: Data | None
) -> None:
    if output is not None:
        write_data([each.document() for each in batch], output)
        return
    moment = now()
    rows = [each.row(moment) for each in batch]
    write(render_table(rows, header=head if rows else (), color=session.color))
