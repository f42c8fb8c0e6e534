"""The daemon's own executor and that of its cluster, for whoever asks about a pod of either."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING

from argoexec_cli.aio import Tasks
from argoexec_cli.errors import ArgoexecError, NotFoundError
from argoexec_cli.models.executor import Executor, ExecutorInfo
from argoexec_cli.models.logs import LogChunk, LogQuery
from argoexec_cli.models.record import PodPage, PodQuery, PodRecord, PodRef, PodRequest, PodUpdate


class WithCluster:
    """Runs, lists and watches pods of its own; what it does not know is looked for in the cluster.

    So the logs of runs whose pods went to the cluster are read where those of others are.
    """

    def __init__(self, own: Executor, cluster: Executor) -> None:
        """Whoever made the executors closes them."""
        self._own, self._cluster = own, cluster

    async def run_pod(self, request: PodRequest) -> PodRecord:
        """See `Executor.run_pod`."""
        return await self._own.run_pod(request)

    async def get_pod(self, ref: PodRef) -> PodRecord:
        """See `Executor.get_pod`."""
        return await (await self._of(ref)).get_pod(ref)

    async def list_pods(self, query: PodQuery) -> PodPage:
        """See `Executor.list_pods`."""
        return await self._own.list_pods(query)

    async def watch_pods(self, query: PodQuery, token: str = "") -> AsyncIterator[PodUpdate]:
        """See `Executor.watch_pods`. Who asks by name sees the cluster's pod of that name too."""
        streams = [self._own.watch_pods(query, token)]
        if query.name:
            streams.append(self._cluster.watch_pods(query))
        async with aclosing(_merged(streams)) as updates:
            async for update in updates:
                yield update

    async def stop_pod(self, ref: PodRef, grace_s: float | None = None) -> None:
        """See `Executor.stop_pod`."""
        await (await self._of(ref)).stop_pod(ref, grace_s)

    async def delete_pod(self, ref: PodRef) -> None:
        """See `Executor.delete_pod`."""
        await (await self._of(ref)).delete_pod(ref)

    async def pod_logs(self, ref: PodRef, query: LogQuery) -> AsyncIterator[LogChunk]:
        """See `Executor.pod_logs`."""
        async for chunk in (await self._of(ref)).pod_logs(ref, query):
            yield chunk

    async def info(self) -> ExecutorInfo:
        """See `Executor.info`."""
        return await self._own.info()

    async def _of(self, ref: PodRef) -> Executor:
        try:
            await self._own.get_pod(ref)
        except NotFoundError:
            return await self._of_cluster(ref)
        return self._own

    async def _of_cluster(self, ref: PodRef) -> Executor:
        try:
            await self._cluster.get_pod(ref)
        except ArgoexecError:
            return self._own  # whose words are the ones that fit
        return self._cluster


async def _merged(streams: list[AsyncIterator[PodUpdate]]) -> AsyncGenerator[PodUpdate]:
    """Pass on what all of *streams* say; SYNCED once, when the last of them is."""
    queue: asyncio.Queue[PodUpdate | BaseException] = asyncio.Queue(maxsize=1)

    async def read(stream: AsyncIterator[PodUpdate]) -> None:
        try:
            async for update in stream:
                await queue.put(update)
        except ArgoexecError as exc:
            await queue.put(exc)

    tasks, late = Tasks(), len(streams)
    for stream in streams:
        tasks.spawn(read(stream), name="watch of one of two executors")
    try:
        while True:
            update = await queue.get()
            if isinstance(update, BaseException):
                raise update
            late -= update.type == "SYNCED"
            if update.type != "SYNCED" or not late:
                yield update
    finally:
        await tasks.stop()


if TYPE_CHECKING:
    _: type[Executor] = WithCluster
