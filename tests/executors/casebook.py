"""The conformance cases that ship with the program, as tests: all of them run on one executor,
several at a time, before the first test looks at its own.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from argoexec_cli.conformance.case import Case
from argoexec_cli.conformance.load import all_cases
from argoexec_cli.conformance.run import Result, run_cases
from argoexec_cli.daemon.server import serving
from argoexec_cli.executors.local.manager import open_local
from argoexec_cli.executors.local.policy import Policy
from argoexec_cli.models.executor import Executor
from argoexec_cli.rpc.channel import connect
from argoexec_cli.rpc.client import RemoteExecutor
from argoexec_cli.runtime.base import Runtime
from tests.executors.local.opening import fast_settings
from tests.executors.pods import IMAGE

OpenRuntime = Callable[[str, Path], AbstractAsyncContextManager[Runtime]]
GRANTED = Policy(
    privileged=True,
    host_network=True,
    capabilities=frozenset({"SYS_PTRACE"}),
    host_paths=("/tmp",),
)


class OpenPlace:
    """A local executor on a runtime, over the wire if asked for, that can be opened again."""

    restarts = True
    here = True

    def __init__(self, open_runtime: OpenRuntime, directory: Path, policy: Policy) -> None:
        """Prepare; `restart` opens it the first time too."""
        self._open_runtime = open_runtime
        self._directory = directory
        self._policy = policy
        self._stack = AsyncExitStack()
        self.executor: Executor
        self.socket = ""

    async def restart(self) -> None:
        """Close the executor, if it is open, and open it on the same state."""
        await self.close()
        settings = msgspec.structs.replace(fast_settings(self._directory), policy=self._policy)
        opened = open_local(settings, lambda owner: self._open_runtime(owner, self._directory))
        self.executor = await self._stack.enter_async_context(opened)
        if self.socket:
            await self._stack.enter_async_context(
                serving(self.executor, addresses=(self.socket,), drain_s=0)
            )
            connection = await self._stack.enter_async_context(connect(self.socket))
            self.executor = RemoteExecutor(connection)

    async def close(self) -> None:
        """Close the executor. Containers go on."""
        await self._stack.aclose()


class Casebook:
    """Subclass it, give a class-scoped fixture `runtime`, and the cases that apply."""

    cases: ClassVar[tuple[Case, ...]] = all_cases()
    remote: ClassVar[bool] = False

    @pytest.fixture(scope="class")
    @classmethod
    def results(cls, request: pytest.FixtureRequest, runtime: Any) -> Iterator[dict[str, Result]]:
        """Run every case of this class that was selected."""
        items = [item for item in request.session.items if getattr(item, "cls", None) is cls]
        names = {item.callspec.params["name"] for item in items if hasattr(item, "callspec")}
        cases = [case for case in cls.cases if case.name in names]
        with tempfile.TemporaryDirectory(prefix="ax-", dir="/tmp") as directory:
            done = asyncio.run(cls()._run(cases, runtime, Path(directory)))
        yield {result.case: result for result in done}

    async def _run(
        self, cases: list[Case], open_runtime: OpenRuntime, directory: Path
    ) -> list[Result]:
        results = []
        for name, policy in (("usual", Policy()), ("granting", GRANTED)):
            chosen = [case for case in cases if bool(case.grants) == (policy is GRANTED)]
            async with self._place(open_runtime, directory / name, policy) as place:
                results += await run_cases(chosen, place, image=IMAGE)
        return results

    @asynccontextmanager
    async def _place(
        self, open_runtime: OpenRuntime, directory: Path, policy: Policy
    ) -> AsyncIterator[OpenPlace]:
        place = OpenPlace(open_runtime, directory, policy)
        place.socket = f"unix://{directory}.sock" if self.remote else ""
        try:
            await place.restart()
            yield place
        finally:
            await place.close()

    @pytest.mark.timeout(400)
    def test_case(self, name: str, results: dict[str, Result]) -> None:
        result = results[name]
        if result.state == "failed" and name == "a-privileged-container" and not _has_all():
            pytest.skip("root lacks capabilities on this machine, so no container can have all")
        assert result.state == "ok", "\n".join(result.why)


def _has_all() -> bool:
    """Whether this process has every capability that the kernel knows."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    held = int(status.partition("CapEff:")[2].split()[0], 16)
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text(encoding="utf-8"))
    return held == (1 << (last + 1)) - 1


def without(*needs: str) -> tuple[Case, ...]:
    """Return the cases for an executor that lacks these capabilities."""
    return tuple(case for case in all_cases() if not set(needs) & set(case.needs))
