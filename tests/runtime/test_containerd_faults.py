"""Bad days with containerd: it goes away and comes back, calls are cut off, registries refuse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

import msgspec
import pytest
import pytest_asyncio

from argoexec_cli.errors import (
    AlreadyExistsError,
    InvalidError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from argoexec_cli.runtime.base import ContainerKey, Credentials, ImagePull, Runtime
from argoexec_cli.runtime.containerd import ContainerdOptions, open_containerd
from argoexec_cli.runtime.containerd.cri import connect
from argoexec_cli.runtime.containerd.render import Place, render_container, render_sandbox
from argoexec_cli.runtime.containerd.runtime import ContainerdRuntime
from tests.engines import images, registry
from tests.engines.containerd import ContainerdEngine
from tests.engines.registry import Registry
from tests.runtime.conformance.harness import Harness, read, read_until, sandbox_spec, text, within

pytestmark = pytest.mark.containerd

OWNER: Final = "faults"
Open = Callable[[str], AbstractAsyncContextManager[ContainerdRuntime]]


class TestFaults(Harness):
    """Uses the tasks of the conformance suite."""

    has_files = True
    traps_signals = True

    @pytest.fixture
    def reopen(self, containerd_engine: ContainerdEngine) -> Open:
        """Open a runtime on the engine of the test process."""
        engine = containerd_engine
        options = ContainerdOptions(host=engine.url, cgroup_parent=engine.cgroup_parent)
        return lambda owner: open_containerd(owner, engine.logs, options)

    @pytest_asyncio.fixture
    async def runtime(self, reopen: Open) -> AsyncIterator[ContainerdRuntime]:
        """Give the runtime under test."""
        async with reopen(OWNER) as runtime:
            yield runtime

    @pytest.mark.parametrize("crash", [False, True], ids=["restart", "crash"])
    async def test_a_container_outlives_containerd(
        self, runtime: Runtime, containerd_engine: ContainerdEngine, crash: bool
    ) -> None:
        script = "for i in 1 2 3 4 5 6; do echo $i; sleep 0.3; done; exit 9"
        handle = await self.begin(runtime, self.task("sh", script))
        wait = asyncio.ensure_future(runtime.wait(handle))
        follow = asyncio.ensure_future(read(runtime, handle))
        await read_until(runtime, handle, b"2\n")
        await asyncio.to_thread(containerd_engine.kill9 if crash else containerd_engine.stop)
        with pytest.raises(UnavailableError, match="does not answer"):
            await runtime.list()
        await asyncio.to_thread(containerd_engine.start)
        assert (await within(wait)).exit_code == 9
        assert text(await within(follow)) == b"1\n2\n3\n4\n5\n6\n"

    async def test_an_end_that_containerd_missed_is_told(
        self, runtime: Runtime, containerd_engine: ContainerdEngine
    ) -> None:
        handle = await self.begin(runtime, self.task("sh", "echo ready; sleep 0.3; exit 9"))
        await read_until(runtime, handle, b"ready")
        await asyncio.to_thread(containerd_engine.kill9)
        try:
            await asyncio.sleep(0.6)
        finally:
            await asyncio.to_thread(containerd_engine.start)
        assert (await within(runtime.wait(handle))).exit_code == 9

    async def test_stop_is_finished_by_a_containerd_that_comes_back(
        self, runtime: Runtime, containerd_engine: ContainerdEngine
    ) -> None:
        handle = await self.begin(runtime, self.task("stubborn"))
        await read_until(runtime, handle, b"ready")
        stop = asyncio.ensure_future(runtime.stop(handle, grace_s=0.5))
        await asyncio.sleep(0.1)
        await asyncio.to_thread(containerd_engine.restart)
        await within(stop)
        assert (await within(runtime.wait(handle))).exit_code == 137

    async def test_a_cancelled_start_goes_on(self, runtime: Runtime) -> None:
        spec = await self.spec(runtime, self.task("sleep", 600))
        start = asyncio.ensure_future(runtime.start(spec))
        await asyncio.sleep(0.03)
        start.cancel()
        with pytest.raises(asyncio.CancelledError):
            await start
        handle = await within(runtime.start(spec))
        assert [(one.handle, one.state) for one in await runtime.list()] == [(handle, "running")]

    async def test_a_start_that_was_cut_off_is_made_again(
        self, runtime: ContainerdRuntime, reopen: Open
    ) -> None:
        """As by a daemon that is killed: what the runtime was doing for it is undone half-way."""
        spec = await self.spec(runtime, self.task("echo", "once"))
        async with reopen(OWNER) as doomed:
            for pause_s in (0.02, 0.08, 0.14):
                cut_off = asyncio.ensure_future(doomed._containers.start(spec))
                await asyncio.sleep(pause_s)
                cut_off.cancel()
                await asyncio.gather(cut_off, return_exceptions=True)
        handle = await within(runtime.start(spec))
        assert (await within(runtime.wait(handle))).exit_code == 0
        assert text(await read(runtime, handle)) == b"once\n"

    async def test_a_start_that_goes_on_for_another_call_is_waited_for(
        self, runtime: ContainerdRuntime, containerd_engine: ContainerdEngine
    ) -> None:
        """As after a crash: containerd goes on with a start whose caller is no more."""
        spec = await self.spec(runtime, self.task("echo", "once"))
        place = Place(OWNER, str(containerd_engine.logs / OWNER), containerd_engine.cgroup_parent)
        async with connect(containerd_engine.url) as cri:
            sandbox = await cri.run_sandbox(
                render_sandbox(spec.sandbox.spec, spec.key, place), "a sandbox"
            )
            container = await cri.create(render_container(spec, sandbox, place), "a container")
            begun = asyncio.ensure_future(cri.start(container, "a container"))
            await asyncio.sleep(0.01)
            handle = await within(runtime.start(spec))
            await within(begun)
        assert handle.id == container
        assert (await within(runtime.wait(handle))).exit_code == 0
        assert text(await read(runtime, handle)) == b"once\n"

    async def test_nothing_is_left_of_a_removed_container(
        self, runtime: Runtime, containerd_engine: ContainerdEngine
    ) -> None:
        handle = await self.begin(runtime, self.task("sleep", 600))
        places = (containerd_engine.logs / OWNER, containerd_engine.logs / f"{OWNER}.hosts")
        assert all(list(place.iterdir()) for place in places)
        await runtime.remove(handle)
        assert not any(list(place.iterdir()) for place in places)
        assert handle.id not in containerd_engine.ctr("containers", "list")

    async def test_logs_of_containers_that_are_gone_are_swept(
        self, reopen: Open, containerd_engine: ContainerdEngine
    ) -> None:
        stale = containerd_engine.logs / "sweeper" / "argoexec-x-main-0.log"
        async with reopen("sweeper"):
            await asyncio.to_thread(stale.write_text, "")
        async with reopen("sweeper"):
            assert not stale.exists()

    async def test_a_name_that_somebody_else_has(self, runtime: Runtime, reopen: Open) -> None:
        spec = await self.spec(runtime, self.task("sleep", 600))
        async with reopen("somebody-else") as other:
            theirs = await other.start(spec)
            with pytest.raises(AlreadyExistsError, match="is taken"):
                await runtime.start(spec)
            await other.remove(theirs)

    async def test_a_shared_sandbox_that_has_ended_is_gone(
        self, runtime: Runtime, containerd_engine: ContainerdEngine
    ) -> None:
        sandbox = await runtime.create_sandbox(sandbox_spec("ended-sandbox", shared=True))
        containerd_engine.ctr("task", "kill", "--signal", "KILL", sandbox.id)
        with pytest.raises(NotFoundError, match="has ended"):
            async with asyncio.timeout(10):
                while True:
                    await runtime.create_sandbox(sandbox.spec)

    async def test_a_container_in_a_sandbox_that_is_gone(self, runtime: Runtime) -> None:
        sandbox = await runtime.create_sandbox(sandbox_spec("gone-sandbox", shared=True))
        spec = await self.spec(runtime, self.task("exit", 0))
        key = ContainerKey(pod_uid="gone-sandbox", container="main")
        for found in await runtime.list():
            await runtime.remove(found.handle)
        with pytest.raises(NotFoundError):
            await runtime.start(msgspec.structs.replace(spec, key=key, sandbox=sandbox))

    async def test_credentials_reach_the_registry(
        self, runtime: Runtime, containerd_engine: ContainerdEngine, private_registry: Registry
    ) -> None:
        name = f"{private_registry.host}/private/cri:1"
        await asyncio.to_thread(
            containerd_engine.push, images.BUSYBOX.name, name, login=registry.LOGIN
        )
        right, wrong = Credentials(username=registry.LOGIN[0], password=registry.LOGIN[1]), None
        for credentials in (wrong, Credentials(username="argoexec", password="wrong")):
            with pytest.raises(UnauthenticatedError, match="private/cri"):
                await runtime.pull(ImagePull(image=name, credentials=credentials))
        image = await runtime.pull(ImagePull(image=name, credentials=right))
        assert image.pulled
        assert image.digest.startswith("sha256:")
        again = await runtime.pull(ImagePull(image=name, policy="Always", credentials=right))
        assert (again.id, again.digest, again.pulled) == (image.id, image.digest, False)


async def test_no_runtime_at_the_address(tmp_path: Path) -> None:
    options = ContainerdOptions(host=f"unix://{tmp_path}/none.sock")
    with pytest.raises(UnavailableError, match="no such socket"):
        async with open_containerd(OWNER, tmp_path, options):
            pass


async def test_an_address_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="is not an address"):
        async with open_containerd(OWNER, tmp_path, ContainerdOptions(host="tcp://1.2.3.4:5")):
            pass
