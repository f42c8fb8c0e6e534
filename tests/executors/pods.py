"""Pods to run, and waiting for what becomes of them, for all tests of executors."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from argoexec_cli.models.executor import Executor
from argoexec_cli.models.logs import LogChunk, LogQuery
from argoexec_cli.models.meta import ObjectMeta
from argoexec_cli.models.pod import Container, Pod, PodSpec
from argoexec_cli.models.record import OutputsWanted, PodQuery, PodRecord, PodRef, PodRequest

IMAGE = "busybox:1.35"
LIMIT_S = 90.0
OUTPUTS = OutputsWanted(result=True, exit_code=True)


def container(script: str, name: str = "main", image: str = IMAGE) -> Container:
    """Return a container that runs *script* in a shell."""
    return Container(name=name, image=image, command=("sh", "-c", script))


def request(
    script: str = "true", name: str = "a", spec: PodSpec | None = None, **meta: object
) -> PodRequest:
    """Return a request for a pod of one container, or of *spec*, with its outputs."""
    spec = spec or PodSpec(containers=(container(script),))
    metadata = ObjectMeta(name=name, **meta)  # type: ignore[arg-type] # passed on as it is
    return PodRequest(pod=Pod(metadata=metadata, spec=spec), outputs=OUTPUTS)


async def until(executor: Executor, ref: PodRef, test: Callable[[PodRecord], bool]) -> PodRecord:
    """Return the pod as soon as *test* is true of it, by a watch; fails after `LIMIT_S`."""
    async with asyncio.timeout(LIMIT_S):
        async for update in executor.watch_pods(PodQuery(namespace=ref.namespace, name=ref.name)):
            if update.record and update.type != "DELETED" and test(update.record):
                return await executor.get_pod(ref)
    raise AssertionError("the watch has ended")


async def ended(executor: Executor, ref: PodRef) -> PodRecord:
    """Return the pod once it is terminal."""
    return await until(executor, ref, lambda record: record.pod.status.terminal)


async def running(executor: Executor, ref: PodRef) -> PodRecord:
    """Return the pod once its main container runs."""
    return await until(executor, ref, lambda record: record.pod.status.phase == "Running")


async def run(executor: Executor, wanted: PodRequest) -> PodRecord:
    """Run a pod to its end."""
    return await ended(executor, (await executor.run_pod(wanted)).ref)


async def chunks(executor: Executor, ref: PodRef, query: LogQuery | None = None) -> list[LogChunk]:
    """Return a whole log, chunk by chunk."""
    async with asyncio.timeout(LIMIT_S):
        return [chunk async for chunk in executor.pod_logs(ref, query or LogQuery(follow=True))]


async def log(executor: Executor, ref: PodRef, query: LogQuery | None = None) -> bytes:
    """Return the bytes of a whole log."""
    return b"".join(chunk.data for chunk in await chunks(executor, ref, query))


def reasons(record: PodRecord) -> list[str]:
    """Return the reasons of a pod's events, in order."""
    return [event.reason for event in record.events]


async def eventually(check: Callable[[], Awaitable[bool]], *, limit_s: float = LIMIT_S) -> None:
    """Wait until *check* is true, for what nobody tells of; fails after *limit_s*."""
    async with asyncio.timeout(limit_s):
        while not await check():  # noqa: ASYNC110 - see above
            await asyncio.sleep(min(0.25, limit_s / 8000))
