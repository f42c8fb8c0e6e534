"""Images on containerd: how far a pull is, what is on the host, and what may go."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio

from argoexec_cli.errors import UnavailableError
from argoexec_cli.runtime.base import ImagePull, PullProgress
from argoexec_cli.runtime.containerd import ContainerdOptions, open_containerd
from argoexec_cli.runtime.containerd.runtime import ContainerdRuntime
from argoexec_cli.runtime.standin import BUSYBOX, StandInImage, docker_archive
from tests.engines import images
from tests.engines.containerd import ContainerdEngine
from tests.engines.proxy import proxied
from tests.engines.registry import Registry
from tests.runtime.conformance.harness import Harness, within

pytestmark = pytest.mark.containerd


def opened(
    engine: ContainerdEngine, *, pull_stall_s: float = 60.0
) -> AbstractAsyncContextManager[ContainerdRuntime]:
    """Open a runtime that gives a pull up after so long without progress."""
    options = ContainerdOptions(
        host=engine.url, cgroup_parent=engine.cgroup_parent, pull_stall_s=pull_stall_s
    )
    return open_containerd("images", engine.pods, options)


class TestImages(Harness):
    """With a registry on loopback."""

    has_files = True
    traps_signals = True

    @pytest_asyncio.fixture
    async def runtime(
        self, containerd_engine: ContainerdEngine
    ) -> AsyncIterator[ContainerdRuntime]:
        """Give the runtime under test."""
        async with opened(containerd_engine) as runtime:
            yield runtime

    @pytest_asyncio.fixture
    async def published(
        self,
        runtime: ContainerdRuntime,
        containerd_engine: ContainerdEngine,
        open_registry: Registry,
        tmp_path: Path,
    ) -> str:
        """Publish an image whose layer containerd does not have; return its repository and tag."""
        program = tmp_path / "busybox"
        program.write_bytes(BUSYBOX.read_bytes() + os.urandom(1 << 20))
        source = StandInImage(name="fresh:1")
        containerd_engine.load(docker_archive([source], binary=program))
        path = f"images/{tmp_path.name}:1".lower().replace("[", "").replace("]", "")
        containerd_engine.push(source.name, f"{open_registry.host}/{path}")
        await self._until(runtime, source.name, known=True)
        await runtime.remove_image(source.name)
        return path

    async def test_progress_of_a_slow_pull(
        self, runtime: ContainerdRuntime, open_registry: Registry, published: str
    ) -> None:
        reports: list[PullProgress] = []

        async def note(progress: PullProgress) -> None:
            reports.append(progress)

        async with proxied(open_registry.port, bytes_per_s=600_000) as slow:
            pull = ImagePull(image=f"{slow.host}/{published}")
            image = await within(runtime.pull(pull, note))
        assert image.pulled
        assert len(reports) > 2
        done = [report.bytes_done for report in reports]
        assert done == sorted(done)
        assert done[0] < done[-1]
        last = reports[-1]
        assert (last.layers_done, last.layers_total) == (1, 1)
        assert last.bytes_done == last.bytes_total > 1 << 20

    async def test_a_pull_that_stalls_is_given_up(
        self, containerd_engine: ContainerdEngine, open_registry: Registry, published: str
    ) -> None:
        async with (
            proxied(open_registry.port, stall_after=300_000) as stalling,
            opened(containerd_engine, pull_stall_s=2.0) as impatient,
        ):
            with pytest.raises(UnavailableError, match="nothing has come from its registry"):
                await within(impatient.pull(ImagePull(image=f"{stalling.host}/{published}")))

    async def test_what_is_used_is_kept_and_what_is_not_may_go(
        self, runtime: ContainerdRuntime, open_registry: Registry, published: str
    ) -> None:
        name = f"{open_registry.host}/{published}"
        image = await runtime.pull(ImagePull(image=name))
        handle = await self.begin(runtime, self.task("sleep", 600), image=name)
        stored = {one.id: one for one in await runtime.list_images()}
        assert stored[image.id].in_use
        assert stored[image.id].size_bytes > 1 << 20
        assert not await runtime.remove_image(name)
        assert not await runtime.remove_image(image.id)
        await runtime.remove(handle)
        assert not {one.id: one for one in await runtime.list_images()}[image.id].in_use
        assert await runtime.remove_image(name)
        assert image.id not in {one.id for one in await runtime.list_images()}
        assert await runtime.remove_image(name)

    @pytest.mark.parametrize("kind", ["tag", "digest"])
    async def test_a_name_that_somebody_else_gave_stays(
        self,
        runtime: ContainerdRuntime,
        containerd_engine: ContainerdEngine,
        open_registry: Registry,
        published: str,
        kind: str,
    ) -> None:
        name = f"{open_registry.host}/{published}"
        image = await runtime.pull(ImagePull(image=name))
        theirs = "docker.io/somebody/else" + (":1" if kind == "tag" else f"@{image.digest}")
        containerd_engine.ctr("images", "tag", name, theirs)
        # The interface for kubelets notices other clients' images in its own time.
        await self._until(runtime, theirs, known=True)
        assert await runtime.remove_image(name)
        await self._until(runtime, name, known=False)
        await self._until(runtime, theirs, known=True)
        assert await runtime.remove_image(theirs)
        await self._until(runtime, image.id, known=False)

    async def test_the_disk_is_containerds(
        self, runtime: ContainerdRuntime, containerd_engine: ContainerdEngine
    ) -> None:
        disk = await runtime.disk()
        assert disk is not None
        assert disk.path == f"{containerd_engine.directory}/root"
        assert 0 < disk.available_bytes < disk.capacity_bytes
        known = {one.id for one in await runtime.list_images()}
        assert len(known) >= len(images.ALL)

    async def _until(self, runtime: ContainerdRuntime, name: str, *, known: bool) -> None:
        """Return once containerd knows an image by *name*, or no more."""
        for _ in range(600):
            if (await runtime._cri.image(name) is not None) == known:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{name}: known is not {known}")
