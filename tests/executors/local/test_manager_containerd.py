"""The local executor keeps the contract of all executors on containerd, too."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from argoexec_cli.errors import UnsupportedFieldError
from argoexec_cli.executors.local.manager import open_local
from argoexec_cli.models.executor import Executor
from argoexec_cli.runtime.containerd import ContainerdOptions, open_containerd
from tests.engines.containerd import ContainerdEngine
from tests.executors.conformance import ExecutorConformance, Reopen
from tests.executors.conformance_case import Case, check
from tests.executors.conformance_groups import CASES, RealGroupCases
from tests.executors.conformance_security import ROOT
from tests.executors.local.opening import fast_settings


@pytest.mark.containerd
class TestOnContainerd(ExecutorConformance, RealGroupCases):
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
                lambda owner: open_containerd(owner, tmp_path / "containerd", options),
            )
            return await stack.enter_async_context(opened)

        yield start
        await stack.aclose()
        engine.remove_pods()

    @pytest_asyncio.fixture
    async def executor(self, reopen: Reopen) -> Executor:
        """Give an open executor."""
        return await reopen()

    @pytest.mark.parametrize("case", [c for c in CASES if c.real], ids=lambda case: case.name)
    async def test_real_group(self, executor: Executor, case: Case) -> None:
        await check_or_refusal(executor, case)

    @pytest.mark.parametrize("case", ROOT, ids=lambda case: case.name)
    async def test_root(self, executor: Executor, case: Case) -> None:
        await check_or_refusal(executor, case)


async def check_or_refusal(executor: Executor, case: Case) -> None:
    """Check the case; one with a security context, which would not be honoured, is refused."""
    if "securityContext" not in json.dumps(case.spec):
        await check(executor, case)
        return
    with pytest.raises(UnsupportedFieldError, match="securityContext is not supported"):
        await check(executor, case)
