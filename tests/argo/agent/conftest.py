"""Agents and controllers for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from argoexec_cli.executors.local.manager import LocalExecutor
from argoexec_cli.kube.client import KubeClient
from tests.argo.agent.bench import Bench
from tests.argo.agent.controller import Controller
from tests.argo.agent.machine import Machine, running_machine
from tests.kube.cluster import FakeCluster


@pytest_asyncio.fixture
async def bench(kube: KubeClient, executor: LocalExecutor, tmp_path: Path) -> AsyncIterator[Bench]:
    """Give what starts agents."""
    bench = Bench(kube, executor, tmp_path)
    yield bench
    await bench.stop()


@pytest.fixture
def controller(cluster: FakeCluster) -> Controller:
    """Give a controller with a workflow."""
    return Controller(cluster)


@pytest.fixture
def machine() -> Iterator[Machine]:
    """Give a machine with a daemon."""
    with running_machine() as machine:
        yield machine
