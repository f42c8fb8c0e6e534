"""The daemon's own executor and those that its controller's runs went to, for whoever asks about a
pod of any of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

from argoexec_cli.aio import Tasks
from argoexec_cli.errors import (
    ArgoexecError,
    DeniedError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedError,
)
from argoexec_cli.models.exec import EXEC, ExecRequest, Execs, Process
from argoexec_cli.models.executor import Executor, ExecutorInfo
from argoexec_cli.models.logs import LogChunk, LogQuery
from argoexec_cli.models.record import PodPage, PodQuery, PodRecord, PodRef, PodRequest, PodUpdate

_T = TypeVar("_T")


class Elsewhere(NamedTuple):
    """An executor that is not the daemon's own, and its name."""

    name: str
    executor: Executor

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Say of an error that it is there that nobody answers, or lets us in."""
        try:
            yield
        except (UnavailableError, DeniedError, UnauthenticatedError) as exc:
            problem = f"the pod is on executor {self.name}: {exc.message}"
            raise type(exc)(problem, hint=exc.hint) from exc

    async def execs(self) -> Execs:
        """Return its power to run commands. `UnsupportedError` when it has none."""
        with self.asked():
            info = await self.executor.info()
        if EXEC not in info.capabilities:
            raise UnsupportedError(
                f"the pod is on executor {self.name}, which cannot run commands in containers",
                hint="argoexec logs shows what they wrote",
            )
        return cast("Execs", self.executor)


Find = Callable[[PodRef], Awaitable[Elsewhere | None]]
"""Says which executor the pod of a run was sent to; None for a pod that is no run's."""


class Together:
    """Runs, lists and watches pods of its own; one that it does not know is looked for where the
    controller has sent it, and then in the cluster.

    So logs of runs are read, and commands run in their pods, wherever these are.
    """

    def __init__(self, own: Executor, find: Find, cluster: Executor | None = None) -> None:
        """Whoever made the executors closes them."""
        self._own, self._find, self._cluster = own, find, cluster

    async def run_pod(self, request: PodRequest) -> PodRecord:
        """See `Executor.run_pod`."""
        return await self._own.run_pod(request)

    async def get_pod(self, ref: PodRef) -> PodRecord:
        """See `Executor.get_pod`."""
        return await self._where_it_is(ref, lambda executor: executor.get_pod(ref))

    async def list_pods(self, query: PodQuery) -> PodPage:
        """See `Executor.list_pods`."""
        return await self._own.list_pods(query)

    def watch_pods(self, query: PodQuery, token: str = "") -> AsyncIterator[PodUpdate]:
        """See `Executor.watch_pods`. Who asks by name sees the pod of that name elsewhere, too."""
        own = self._own.watch_pods(query, token)
        return self._watch_named(own, query) if query.name else own

    async def stop_pod(self, ref: PodRef, grace_s: float | None = None) -> None:
        """See `Executor.stop_pod`."""
        await self._where_it_is(ref, lambda executor: executor.stop_pod(ref, grace_s))

    async def delete_pod(self, ref: PodRef) -> None:
        """See `Executor.delete_pod`."""
        await self._where_it_is(ref, lambda executor: executor.delete_pod(ref))

    async def pod_logs(self, ref: PodRef, query: LogQuery) -> AsyncIterator[LogChunk]:
        """See `Executor.pod_logs`."""
        try:
            async with aclosing(_chunks(self._own, ref, query)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except NotFoundError:
            other = await self._elsewhere(ref)
            if other is None:
                raise
        else:
            return
        with other.asked():
            async with aclosing(_chunks(other.executor, ref, query)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def info(self) -> ExecutorInfo:
        """See `Executor.info`."""
        return await self._own.info()

    @asynccontextmanager
    async def exec(self, request: ExecRequest) -> AsyncIterator[Process]:
        """See `Execs.exec`; only for an own executor that has the power."""
        async with AsyncExitStack() as stack:
            try:
                own = cast("Execs", self._own).exec(request)
                process = await stack.enter_async_context(own)
            except NotFoundError:
                other = await self._elsewhere(request.ref)
                if other is None:
                    raise
                execs = await other.execs()
                process = await stack.enter_async_context(execs.exec(request))
            yield process

    async def _where_it_is(self, ref: PodRef, call: Callable[[Executor], Awaitable[_T]]) -> _T:
        try:
            return await call(self._own)
        except NotFoundError:
            other = await self._elsewhere(ref)
            if other is None:
                raise
        with other.asked():
            return await call(other.executor)

    async def _elsewhere(self, ref: PodRef) -> Elsewhere | None:
        """Return who has a pod that is not here."""
        found = await self._find(ref)
        if found is None and self._cluster is not None:
            try:
                await self._cluster.get_pod(ref)
            except ArgoexecError:
                return None  # the words of our own fit
            found = Elsewhere("kubernetes", self._cluster)
        return None if found is None or found.executor is self._own else found

    async def _watch_named(
        self, own: AsyncIterator[PodUpdate], query: PodQuery
    ) -> AsyncIterator[PodUpdate]:
        """Follow *own*, and from its SYNCED on whoever else has, or will have, a pod that is not
        here.
        """
        async with aclosing(cast("AsyncGenerator[PodUpdate]", own)):
            here, other = False, None
            async for update in own:
                here = here or update.record is not None
                if update.type == "SYNCED" and not here:
                    ref = PodRef(namespace=query.namespace or "default", name=query.name)
                    other = await self._elsewhere(ref)
                if other is not None:
                    break
                yield update
            if other is None:
                return
            with other.asked():
                async with aclosing(_merged(own, other.executor.watch_pods(query))) as both:
                    async for update in both:
                        yield update


def _chunks(executor: Executor, ref: PodRef, query: LogQuery) -> AsyncGenerator[LogChunk]:
    return cast("AsyncGenerator[LogChunk]", executor.pod_logs(ref, query))


async def _merged(*streams: AsyncIterator[PodUpdate]) -> AsyncGenerator[PodUpdate]:
    """Pass on what all of *streams* say."""
    queue: asyncio.Queue[PodUpdate | BaseException] = asyncio.Queue(maxsize=1)

    async def read(stream: AsyncIterator[PodUpdate]) -> None:
        try:
            async for update in stream:
                await queue.put(update)
        except ArgoexecError as exc:
            await queue.put(exc)

    tasks = Tasks()
    for stream in streams:
        tasks.spawn(read(stream), name="watch of one of two executors")
    try:
        while True:
            update = await queue.get()
            if isinstance(update, BaseException):
                raise update
            yield update
    finally:
        await tasks.stop()


if TYPE_CHECKING:
    _: type[Executor] = Together
    _execs: type[Execs] = Together
