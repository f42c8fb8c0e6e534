"""The conformance suite on containerd, through the Container Runtime Interface."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import msgspec
import pytest
import pytest_asyncio

from argoexec_cli.runtime.base import Mount, Runtime
from argoexec_cli.runtime.containerd import ContainerdOptions, open_containerd
from tests.engines import images
from tests.engines.containerd import ContainerdEngine
from tests.engines.registry import Registry
from tests.runtime.conformance import OWNER, Names, Reopen, RuntimeConformance
from tests.runtime.conformance.harness import read, read_until, runs, sandbox_spec, text, within
from tests.runtime.conformance.logs import counted

pytestmark = pytest.mark.containerd

LINES: Final = 50_000
FEW: Final = 100
BATCH_BYTES: Final = 256 * 1024


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

    @pytest.mark.parametrize("follow", [True, False], ids=["follow", "once"])
    async def test_many_lines_in_order(self, runtime: Runtime, follow: bool) -> None:
        """Debian 12's containerd closes a container's output as it ends, read or not.

        Its fifo library (1.1.0) is newer than what containerd 1.6 was written for. So the last of a
        burst may be missing; what is there is exact, in order and once, and comes in batches.
        """
        handle = await self.begin(runtime, self.task("count", LINES))
        await within(runtime.wait(handle))
        batches = await read(runtime, handle, follow=follow)
        assert_begins_like(text(batches), counted(LINES))
        assert max(sum(len(run.data) for run in batch.runs) for batch in batches) <= BATCH_BYTES
        assert len(batches) < 1000, "a burst of lines came line by line"

    async def test_follow_from_the_start_of_a_burst_loses_nothing(self, runtime: Runtime) -> None:
        """Nothing that containerd wrote, that is: see above for what it does not write."""
        handle = await self.begin(runtime, self.task("count", LINES))
        followed = text(await read(runtime, handle))
        assert_begins_like(followed, counted(LINES))
        assert followed == text(await read(runtime, handle, follow=False))

    @pytest.mark.parametrize("follow", [True, False], ids=["follow", "once"])
    async def test_few_lines_at_once_are_all_there(self, runtime: Runtime, follow: bool) -> None:
        handle = await self.begin(runtime, self.task("count", FEW))
        await within(runtime.wait(handle))
        assert text(await read(runtime, handle, follow=follow)) == counted(FEW)

    async def test_many_lines_of_a_task_that_goes_on_are_all_there(self, runtime: Runtime) -> None:
        handle = await self.begin(runtime, self.task("sh", f"seq {LINES}; sleep 600"))
        await within(read_until(runtime, handle, f"\n{LINES}\n".encode()))
        assert text(await read(runtime, handle, follow=False)) == counted(LINES)

    @pytest.mark.parametrize("shared", [True, False], ids=["shared", "single"])
    async def test_a_pods_own_name_is_its_address(self, runtime: Runtime, shared: bool) -> None:
        command = self.task("sh", "hostname -i; cat /etc/hosts")
        spec = await self.spec(runtime, command)
        sandbox = await runtime.create_sandbox(sandbox_spec(spec.key.pod_uid, shared=shared))
        handle = await runtime.start(msgspec.structs.replace(spec, sandbox=sandbox))
        (ip,) = {found.ip for found in await runtime.list()}
        own, *lines = text(await read(runtime, handle)).decode().splitlines()
        assert own.split() == [ip]
        assert [line.split()[:2] for line in lines] == [
            ["127.0.0.1", "localhost"],
            ["::1", "localhost"],
            [ip, sandbox.spec.hostname],
        ]

    async def test_a_pod_may_bring_its_own_hosts(self, runtime: Runtime, tmp_path: Path) -> None:
        own = tmp_path / "hosts"
        await asyncio.to_thread(own.write_text, "10.9.8.7 its-own\n")
        mounts = (Mount(source=str(own), target="/etc/hosts"),)
        handle = await self.begin(runtime, self.task("sh", "cat /etc/hosts"), mounts=mounts)
        assert text(await read(runtime, handle)) == b"10.9.8.7 its-own\n"

    async def test_carriage_returns_stay_inside_their_line(self, runtime: Runtime) -> None:
        # But for one at the line's end, which containerd takes for a part of the newline.
        handle = await self.begin(runtime, self.task("printf", r"10%%\r20%%\r\ndone\n"))
        batches = await read(runtime, handle)
        assert [run.data for run in runs(batches)] == [b"10%\r20%\n", b"done\n"]


def assert_begins_like(got: bytes, whole: bytes) -> None:
    """Compare what came, down to the last byte of it, with what was written."""
    assert len(got) >= len(counted(FEW))
    assert got == whole[: len(got)]
