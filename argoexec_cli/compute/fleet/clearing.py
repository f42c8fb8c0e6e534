"""Ends what still runs on a host whose daemon goes away: nobody else would ever remove it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import msgspec

from argoexec_cli.errors import ArgoexecError
from argoexec_cli.models.record import PodQuery, PodRef
from argoexec_cli.models.workflows import RunQuery, RunRef

if TYPE_CHECKING:
    from argoexec_cli.models.connection import Endpoint
    from argoexec_cli.rpc.channel import Connection

_LIMIT_S: Final = 120.0


async def end_all(way: Endpoint) -> None:
    """Delete every run and pod of the daemon that has not ended, with the pods' grace period.

    Repeatable. A daemon that does not answer, or not in time, is left as it is.
    """
    from argoexec_cli.rpc.channel import connect

    with suppress(ArgoexecError, TimeoutError):
        async with connect(way) as connection, asyncio.timeout(_LIMIT_S):
            await _end_runs(connection)
            await _end_pods(connection)


async def _end_runs(connection: Connection) -> None:
    from argoexec_cli.rpc.workflows_client import RemoteWorkflows

    workflows, query = RemoteWorkflows(connection), RunQuery()
    while True:
        page = await workflows.list_runs(query)
        names = [each.metadata for each in page.runs if not each.finished]
        refs = [RunRef(name=each.name, namespace=each.namespace, uid=each.uid) for each in names]
        await asyncio.gather(*map(workflows.delete_run, refs), return_exceptions=True)
        if not page.next_page_token:
            return
        query = msgspec.structs.replace(query, page_token=page.next_page_token)


async def _end_pods(connection: Connection) -> None:
    from argoexec_cli.rpc.client import RemoteExecutor

    executor, query = RemoteExecutor(connection), PodQuery()
    while True:
        page = await executor.list_pods(query)
        refs: list[PodRef] = [each.ref for each in page.records if not each.pod.status.terminal]
        await asyncio.gather(*map(executor.delete_pod, refs), return_exceptions=True)
        if not page.next_page_token:
            return
        query = msgspec.structs.replace(query, page_token=page.next_page_token)
