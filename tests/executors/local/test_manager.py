"""The local executor keeps the contract of all executors, in this process and over the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from argoexec_cli.daemon.server import serving
from argoexec_cli.executors.local.manager import LocalExecutor, open_local
from argoexec_cli.models.executor import Executor
from argoexec_cli.rpc.channel import connect
from argoexec_cli.rpc.client import RemoteExecutor
from argoexec_cli.runtime.docker import DockerOptions, open_docker
from tests.engines.docker import DockerEngine
from tests.executors.conformance import ExecutorConformance, Reopen
from tests.executors.local.opening import Opener, fast_settings


class TestLocalExecutor(ExecutorConformance):
    """In this process, on the fake runtime."""

    @pytest.fixture
    def reopen(self, executor: LocalExecutor, opener: Opener) -> Reopen:
        """Close the executor and open it again."""
        return opener.open


class TestOverTheWire(ExecutorConformance):
    """The same, behind a daemon on a unix socket."""

    @pytest_asyncio.fixture
    async def reopen(self, opener: Opener, short_tmp: Path) -> AsyncIterator[Reopen]:
        """End daemon and executor and start both again."""
        stack = AsyncExitStack()
        address = f"unix://{short_tmp}/s"

        async def start() -> Executor:
            await stack.aclose()
            daemon = serving(await opener.open(), addresses=(address,), drain_s=0)
            await stack.enter_async_context(daemon)
            return RemoteExecutor(await stack.enter_async_context(connect(address)))

        yield start
        await stack.aclose()

    @pytest_asyncio.fixture
    async def executor(self, reopen: Reopen) -> Executor:
        """Give a client of the daemon."""
        return await reopen()


@pytest.mark.docker
class TestOnDocker(ExecutorConformance):
    """In this process, on Docker Engine."""

    @pytest_asyncio.fixture
    async def reopen(self, docker_engine: DockerEngine, tmp_path: Path) -> AsyncIterator[Reopen]:
        """Close the executor and open it again."""
        stack = AsyncExitStack()
        options = DockerOptions(host=docker_engine.url)

        async def start() -> Executor:
            await stack.aclose()
            opened = open_local(fast_settings(tmp_path), lambda owner: open_docker(owner, options))
            return await stack.enter_async_context(opened)

        yield start
        await stack.aclose()
        docker_engine.remove_containers()

    @pytest_asyncio.fixture
    async def executor(self, reopen: Reopen) -> Executor:
        """Give an open executor."""
        return await reopen()


@pytest.mark.docker
class TestOnDockerOverTheWire(ExecutorConformance):
    """On Docker Engine, behind a daemon on a unix socket: the way that users have it."""

    @pytest_asyncio.fixture
    async def reopen(
        self, docker_engine: DockerEngine, tmp_path: Path, short_tmp: Path
    ) -> AsyncIterator[Reopen]:
        """End daemon and executor and start both again."""
        stack = AsyncExitStack()
        address = f"unix://{short_tmp}/s"
        options = DockerOptions(host=docker_engine.url)

        async def start() -> Executor:
            await stack.aclose()
            opened = open_local(fast_settings(tmp_path), lambda owner: open_docker(owner, options))
            executor = await stack.enter_async_context(opened)
            await stack.enter_async_context(serving(executor, addresses=(address,), drain_s=0))
            return RemoteExecutor(await stack.enter_async_context(connect(address)))

        yield start
        await stack.aclose()
        docker_engine.remove_containers()

    @pytest_asyncio.fixture
    async def executor(self, reopen: Reopen) -> Executor:
        """Give a client of the daemon."""
        return await reopen()
