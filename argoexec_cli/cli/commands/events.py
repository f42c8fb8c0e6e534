"""`argoexec events`."""

from __future__ import annotations

from typing import Annotated

import typer

from argoexec_cli.cli.connect import Server, connect
from argoexec_cli.cli.find import find, pods_of
from argoexec_cli.cli.follow import all_of, closing
from argoexec_cli.cli.happened import HEADER, past, to_come
from argoexec_cli.cli.items import now
from argoexec_cli.cli.output import Data, write, write_data
from argoexec_cli.cli.params import AllNamespaces, MaybeName, NoHeaders
from argoexec_cli.cli.session import Session
from argoexec_cli.cli.table import render_table
from argoexec_cli.models.record import PodRecord


async def events_(
    session: Session,
    name: MaybeName = None,
    follow: Annotated[bool, typer.Option("--watch", "-w", help="Go on with what comes.")] = False,
    all_namespaces: AllNamespaces = False,
    no_headers: NoHeaders = False,
    output: Annotated[
        Data | None, typer.Option("--output", "-o", metavar="FORMAT", help="json or yaml.")
    ] = None,
) -> None:
    """Show what happened to a run's pods.

    The oldest come first; without a name the events of all pods.
    """
    namespace = "" if all_namespaces else session.namespace
    async with connect(session) as server:
        pods = await _pods(server, name, session.namespace) if name else [""]
        if follow:
            await all_of(*(_follow(session, server, namespace, pod) for pod in pods))
            return
        found = [each for pod in pods for each in await past(server, namespace, pod)]
    found.sort(key=lambda each: each.event.time)
    if output is not None:
        write_data([each.document() for each in found], output)
        return
    moment = now()
    head = () if no_headers or not found else HEADER
    rows = [each.row(moment) for each in found]
    write(render_table(rows, header=head, color=session.color))


async def _pods(server: Server, name: str, namespace: str) -> list[str]:
    item = await find(server, name, namespace)
    return [item.name] if isinstance(item.source, PodRecord) else [p.name for p in pods_of(item)]


async def _follow(session: Session, server: Server, namespace: str, pod: str) -> None:
    async with closing(to_come(server, namespace, pod)) as events:
        async for each in events:
            write(render_table([each.row(now())], color=session.color))
