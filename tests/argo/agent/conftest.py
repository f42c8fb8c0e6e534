"""Agents and controllers for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web as aiohttp_web

from argoexec_cli.executors.local.manager import LocalExecutor
from argoexec_cli.kube.client import KubeClient
from tests.argo.agent.bench import Bench
from tests.argo.agent.controller import Controller
from tests.argo.agent.http_server import HttpServer
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


@pytest_asyncio.fixture
async def web() -> AsyncIterator[HttpServer]:
    """Give a web server."""
    server = HttpServer()
    app = aiohttp_web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = aiohttp_web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await aiohttp_web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()
