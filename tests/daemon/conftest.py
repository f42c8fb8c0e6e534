"""A daemon on a unix socket, and a client of it, in one event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from argoexec_cli.daemon.server import Daemon, serving
from argoexec_cli.rpc.channel import Connection, connect
from argoexec_cli.rpc.client import RemoteExecutor
from tests.daemon.memory import MemoryExecutor


@pytest.fixture
def executor() -> MemoryExecutor:
    """Give an executor without pods."""
    return MemoryExecutor()


@pytest.fixture
def address(short_tmp: Path) -> str:
    """Give the address of a socket that is not there yet."""
    return f"unix://{short_tmp}/s"


@pytest_asyncio.fixture
async def daemon(executor: MemoryExecutor, address: str) -> AsyncIterator[Daemon]:
    """Serve the executor."""
    async with serving(executor, addresses=(address,), drain_s=1) as running:
        yield running


@pytest_asyncio.fixture
async def connection(daemon: Daemon, address: str) -> AsyncIterator[Connection]:
    """Connect to the daemon."""
    async with connect(address) as opened:
        yield opened


@pytest.fixture
def remote(connection: Connection) -> RemoteExecutor:
    """Give the daemon's executor, as a client sees it."""
    return RemoteExecutor(connection)
