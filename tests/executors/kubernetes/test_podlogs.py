"""Following the log of a container that has written nothing yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from argoexec_cli.executors.kubernetes.executor import KubernetesExecutor, open_kubernetes
from argoexec_cli.kube.resources import PODS
from argoexec_cli.models.logs import LogChunk, LogQuery
from argoexec_cli.models.record import PodRef
from tests.executors.pods import request
from tests.kube.cluster import FakeCluster

REF = PodRef(name="a")
KEY = ("default", "a", "main")


@pytest_asyncio.fixture
async def executor(cluster: FakeCluster, kubeconfig: Path) -> AsyncIterator[KubernetesExecutor]:
    """Give an executor that has made a pod, which no kubelet runs."""
    async with open_kubernetes([kubeconfig]) as executor:
        await executor.run_pod(request("true"))
        yield executor


async def first(executor: KubernetesExecutor, query: LogQuery) -> LogChunk:
    """Return the first chunk, and hang up."""
    async with asyncio.timeout(60):
        follower = executor.pod_logs(REF, query)
        chunk = await anext(follower)
        await follower.aclose()  # type: ignore[attr-defined] # a generator
        return chunk


def write(cluster: FakeCluster, text: bytes, time_ns: int) -> None:
    """Have the container write."""
    cluster.pod_logs.write(KEY, text, time_ns)


async def rest(executor: KubernetesExecutor, cluster: FakeCluster, cursor: str) -> bytes:
    """Return what is written after a cursor, when the container has ended."""
    cluster.pod_logs.end(KEY)
    pod = cluster.object(PODS, "a", "default")
    cluster.store.put(PODS, pod | {"status": {"phase": "Succeeded"}})
    query = LogQuery(follow=True, cursor=cursor)
    async with asyncio.timeout(60):
        return b"".join([chunk.data async for chunk in executor.pod_logs(REF, query)])


@pytest.mark.parametrize("tail", [None, 0, 1])
@pytest.mark.parametrize("started", [False, True])
async def test_who_follows_and_finds_nothing_knows_at_once_where_to_resume(
    executor: KubernetesExecutor, cluster: FakeCluster, tail: int | None, started: bool
) -> None:
    """Otherwise a daemon that restarts before the first line would end what follows it."""
    if started:
        cluster.pod_logs.start(KEY)
    chunk = await first(executor, LogQuery(follow=True, tail_lines=tail))
    assert (chunk.data, list(chunk.runs())) == (b"", [])
    write(cluster, b"1\n2\n", 10)
    assert await rest(executor, cluster, chunk.cursor) == b"1\n2\n"


async def test_who_wants_nothing_of_what_is_there_waits_at_its_end(
    executor: KubernetesExecutor, cluster: FakeCluster
) -> None:
    write(cluster, b"early\n", 5_000_000_001)
    write(cluster, b"of\none\ntime\n", 5_000_000_002)
    chunk = await first(executor, LogQuery(follow=True, tail_lines=0))
    assert chunk.data == b""
    write(cluster, b"late\n", 5_000_000_002)
    write(cluster, b"later\n", 5_000_000_003)
    assert await rest(executor, cluster, chunk.cursor) == b"late\nlater\n"


async def test_lines_that_come_while_the_connection_is_down_are_no_part_of_the_tail(
    executor: KubernetesExecutor, cluster: FakeCluster
) -> None:
    cluster.pod_logs.start(KEY)
    seen = []
    async with asyncio.timeout(60):
        async for chunk in executor.pod_logs(REF, LogQuery(follow=True, tail_lines=1)):
            seen.append(chunk.data)
            if seen == [b""]:
                cluster.cut_logs()
                write(cluster, b"1\n2\n3\n", 10)
                cluster.pod_logs.end(KEY)
                pod = cluster.object(PODS, "a", "default")
                cluster.store.put(PODS, pod | {"status": {"phase": "Succeeded"}})
    assert b"".join(seen) == b"1\n2\n3\n"
