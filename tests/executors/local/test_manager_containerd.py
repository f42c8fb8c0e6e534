"""The local executor keeps the contract of all executors on containerd, too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from argoexec_cli.daemon.server import serving
from argoexec_cli.executors.local.manager import open_local
from argoexec_cli.models.executor import Executor
from argoexec_cli.rpc.channel import connect
from argoexec_cli.rpc.client import RemoteExecutor
from argoexec_cli.runtime.containerd import ContainerdOptions, open_containerd
from tests.engines.containerd import ContainerdEngine
from tests.executors.conformance import ExecutorConformance, Reopen
from tests.executors.local.opening import fast_settings


@pytest.mark.containerd
class TestOnContainerd(ExecutorConformance):
    """In this process, on containerd with runc."""

    @pytest_asyncio.fixture
    async def reopen(
        self, containerd_engine: ContainerdEngine, tmp_path: Path
    ) -> AsyncIterator[Reopen]:
        """Close the executor and open it again."""
        engine, stack = containerd_engine, AsyncExitStack()
        options = ContainerdOptions(host=engine.url, cgroup_parent=engine.cgroup_parent)

        async def start() -> Executor:
            await stack.aclose()
            opened = open_local(
                fast_settings(tmp_path),
                lambda owner: open_containerd(owner, engine.pods, options),
            )
            return await stack.enter_async_context(opened)

        yield start
        await stack.aclose()
        engine.remove_containers()

    @pytest_asyncio.fixture
    async def executor(self, reopen: Reopen) -> Executor:
        """Give an open executor."""
        return await reopen()


@pytest.mark.containerd
class TestOnContainerdOverTheWire(ExecutorConformance):
    """On containerd, behind a daemon on a unix socket: the way that users have it."""

    @pytest_asyncio.fixture
    async def reopen(
        self, containerd_engine: ContainerdEngine, tmp_path: Path, short_tmp: Path
    ) -> AsyncIterator[Reopen]:
        """End daemon and executor and start both again."""
        engine, stack = containerd_engine, AsyncExitStack()
        address = f"unix://{short_tmp}/s"
        options = ContainerdOptions(host=engine.url, cgroup_parent=engine.cgroup_parent)

        async def start() -> Executor:
            await stack.aclose()
            opened = open_local(
                fast_settings(tmp_path),
                lambda owner: open_containerd(owner, engine.pods, options),
            )
            executor = await stack.enter_async_context(opened)
            await stack.enter_async_context(serving(executor, addresses=(address,), drain_s=0))
            return RemoteExecutor(await stack.enter_async_context(connect(address)))

        yield start
        await stack.aclose()
        engine.remove_containers()

    @pytest_asyncio.fixture
    async def executor(self, reopen: Reopen) -> Executor:
        """Give a client of the daemon."""
        return await reopen()
