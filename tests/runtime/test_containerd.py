"""The conformance suite on containerd, through the Container Runtime Interface."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from argoexec_cli.runtime.base import Runtime
from argoexec_cli.runtime.containerd import ContainerdOptions, open_containerd
from tests.engines import images
from tests.engines.containerd import ContainerdEngine
from tests.engines.registry import Registry
from tests.runtime.conformance import OWNER, Names, Reopen, RuntimeConformance
from tests.runtime.conformance.harness import read, runs

pytestmark = pytest.mark.containerd

loses_the_end_of_bursts = pytest.mark.xfail(
    strict=False,
    reason="Debian 12's containerd closes a container's output as it ends, read or not: its fifo"
    " library (1.1.0) is newer than what containerd 1.6 was written for",
)


class TestContainerd(RuntimeConformance):
    """With Debian's own choice of an OCI runtime, runc."""

    @pytest.fixture
    def reopen(self, containerd_engine: ContainerdEngine) -> Reopen:
        """Open a runtime on the engine of the test process."""
        engine = containerd_engine
        options = ContainerdOptions(host=engine.url, cgroup_parent=engine.cgroup_parent)
        return lambda owner: open_containerd(owner, engine.logs, options)

    @pytest_asyncio.fixture
    async def runtime(self, reopen: Reopen) -> AsyncIterator[Runtime]:
        """Give the runtime under test."""
        async with reopen(OWNER) as runtime:
            yield runtime

    @pytest.fixture
    def names(self, containerd_engine: ContainerdEngine, open_registry: Registry) -> Names:
        """Name images of a registry that is there, and one of a port where nobody listens."""
        present = f"{open_registry.host}/conformance/busybox:1"
        containerd_engine.push(images.BUSYBOX.name, present)
        return Names(
            missing=f"{open_registry.host}/conformance/busybox:2",
            wrong_digest=f"{open_registry.host}/conformance/busybox@sha256:{'1' * 64}",
            unreachable="127.0.0.1:1/conformance/busybox:1",
        )

    @loses_the_end_of_bursts
    @pytest.mark.parametrize("follow", [True, False], ids=["follow", "once"])
    async def test_many_lines_in_order(self, runtime: Runtime, follow: bool) -> None:
        await super().test_many_lines_in_order(runtime, follow)

    @loses_the_end_of_bursts
    async def test_follow_from_the_start_of_a_burst_loses_nothing(self, runtime: Runtime) -> None:
        await super().test_follow_from_the_start_of_a_burst_loses_nothing(runtime)

    async def test_carriage_returns_stay_inside_their_line(self, runtime: Runtime) -> None:
        # But for one at the line's end, which containerd takes for a part of the newline.
        handle = await self.begin(runtime, self.task("printf", r"10%%\r20%%\r\ndone\n"))
        batches = await read(runtime, handle)
        assert [run.data for run in runs(batches)] == [b"10%\r20%\n", b"done\n"]
