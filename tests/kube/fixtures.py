"""A cluster for each test, and a client of it; `tests/conftest.py` gives them to everybody."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from argoexec_cli.kube.client import KubeClient
from argoexec_cli.kube.connecting import open_cluster
from tests.kube.cluster import FakeCluster


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    """Give a running API server without objects where everybody may do everything."""
    with FakeCluster() as running:
        yield running


@pytest.fixture
def kubeconfig(cluster: FakeCluster, tmp_path: Path) -> Path:
    """Give a kubeconfig for the cluster, as its administrator."""
    return cluster.kubeconfig(tmp_path / "kubeconfig")


@pytest_asyncio.fixture
async def kube(kubeconfig: Path) -> AsyncIterator[KubeClient]:
    """Give a client of the cluster."""
    async with open_cluster([kubeconfig]) as opened:
        yield opened.client
