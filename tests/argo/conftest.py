"""A local executor on the fake runtime, and a web server, for what hands Argo's tasks over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from aiohttp import web as aiohttp_web

from argoexec_cli.executors.local.admission import Room
from argoexec_cli.executors.local.manager import LocalExecutor
from argoexec_cli.runtime.fake import FakeEngine
from tests.argo.agent.http_server import HttpServer
from tests.executors.local.opening import Opener


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    """Give the engine that outlives executors."""
    engine = FakeEngine()
    yield engine
    await engine.close()


@pytest_asyncio.fixture
async def opener(engine: FakeEngine, tmp_path: Path) -> AsyncIterator[Opener]:
    """Give what opens executors, one at a time."""
    opener = Opener(engine, tmp_path / "executor")
    opener.set(room=Room(1_000_000, 1 << 40, 1000))
    yield opener
    await opener.close()


@pytest_asyncio.fixture
async def executor(opener: Opener) -> LocalExecutor:
    """Give an executor."""
    return await opener.open()


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
