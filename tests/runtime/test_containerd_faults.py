"""Bad days with containerd: it goes away and comes back, calls are cut off, registries refuse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import Final, TypeVar

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
from argoexec_cli.runtime.base import (
    ContainerKey,
    Credentials,
    Handle,
    ImagePull,
    Mount,
    Resources,
    Runtime,
)
from argoexec_cli.runtime.containerd import ContainerdOptions, open_containerd
from argoexec_cli.runtime.containerd.layout import container_id
from argoexec_cli.runtime.containerd.namespaces import let_go
from argoexec_cli.runtime.containerd.runtime import ContainerdRuntime
from tests.engines import images, kernel, registry
from tests.engines.containerd import ContainerdEngine
from tests.engines.registry import Registry
from tests.runtime.conformance.harness import Harness, read, read_until, sandbox_spec, text, within

pytestmark = pytest.mark.containerd

OWNER: Final = "faults"
_T = TypeVar("_T")
Open = Callable[[str], AbstractAsyncContextManager[ContainerdRuntime]]


async def until_it_works(call: Callable[[], Awaitable[_T]]) -> _T:
    """Repeat *call* while containerd does not answer, as the executor does."""
    while True:
        try:
            return await call()
        except UnavailableError:
            await asyncio.sleep(0.05)


class TestFaults(Harness):
    """Uses the tasks of the conformance suite."""

    has_files = True
    traps_signals = True

    @pytest.fixture
    def reopen(self, containerd_engine: ContainerdEngine) -> Open:
        """Open a runtime on the engine of the test process."""
        engine = containerd_engine
        options = ContainerdOptions(host=engine.url, cgroup_parent=engine.cgroup_parent)
        return lambda owner: open_containerd(owner, engine.pods, options)

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
        # Its output is no affair of containerd's.
        await read_until(runtime, handle, b"4\n")
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
        end = await within(runtime.wait(handle))
        assert end.exit_code == 9
        assert end.started_at is not None
        assert end.finished_at is not None
        assert 0.2 < (end.finished_at - end.started_at).total_seconds() < 60

    async def test_an_end_for_want_of_memory_is_told_by_a_process_that_did_not_see_it(
        self, reopen: Open
    ) -> None:
        limit = Resources(memory_bytes=16 << 20)
        async with reopen(OWNER) as before:
            handle = await self.begin(before, self.task("hog-child"), resources=limit)
            await within(before.wait(handle))
        async with reopen(OWNER) as after:
            end = await within(after.wait(handle))
            await after.remove(handle)
        assert (end.exit_code, end.reason) == (3, "OOMKilled")

    @pytest.mark.parametrize("crash", [False, True], ids=["restart", "crash"])
    async def test_stop_is_finished_by_a_containerd_that_comes_back(
        self, runtime: Runtime, containerd_engine: ContainerdEngine, crash: bool
    ) -> None:
        handle = await self.begin(runtime, self.task("stubborn"))
        await read_until(runtime, handle, b"ready")
        stop = asyncio.ensure_future(runtime.stop(handle, grace_s=0.5))
        await asyncio.sleep(0.1)
        await asyncio.to_thread(containerd_engine.kill9 if crash else containerd_engine.stop)
        await asyncio.to_thread(containerd_engine.start)
        await within(stop)
        assert (await within(runtime.wait(handle))).exit_code == 137

    @pytest.mark.parametrize("pause_s", [0.0, 0.01, 0.03, 0.05])
    async def test_a_start_during_a_crash_is_made_once(
        self, runtime: Runtime, containerd_engine: ContainerdEngine, tmp_path: Path, pause_s: float
    ) -> None:
        runs = tmp_path / "runs"
        runs.touch()
        spec = await self.spec(runtime, self.task("sh", "echo run >>/runs; sleep 0.2; exit 7"))
        spec = msgspec.structs.replace(spec, mounts=(Mount(source=str(runs), target="/runs"),))
        start = asyncio.ensure_future(runtime.start(spec))
        await asyncio.sleep(pause_s)
        await asyncio.to_thread(containerd_engine.kill9)
        with suppress(UnavailableError):
            await within(start)
        await asyncio.to_thread(containerd_engine.start)
        handle = await within(until_it_works(lambda: runtime.start(spec)))
        end = await within(runtime.wait(handle))
        assert (end.exit_code, runs.read_text()) in ((7, "run\n"), (137, "run\n"), (137, ""))
        await runtime.remove(handle)
        assert handle.id not in containerd_engine.ctr("tasks", "list")

    @pytest.mark.parametrize("shim", ["none", "dead"])
    async def test_a_name_that_a_crash_of_containerd_left_taken(
        self, runtime: Runtime, containerd_engine: ContainerdEngine, shim: str
    ) -> None:
        spec = await self.spec(runtime, self.task("exit", 0))
        bundle = containerd_engine.bundle(container_id(spec.key))
        (bundle / "rootfs").mkdir(parents=True)
        if shim == "dead":
            (bundle / "address").write_text(f"unix://{bundle}/nobody.sock")
        handle = await within(until_it_works(lambda: runtime.start(spec)))
        assert (await within(runtime.wait(handle))).exit_code == 0
        await runtime.remove(handle)
        assert not bundle.exists()

    async def test_a_processes_holder_whose_name_a_crash_of_containerd_left_taken(
        self, runtime: Runtime, containerd_engine: ContainerdEngine
    ) -> None:
        wanted = msgspec.structs.replace(
            sandbox_spec("left-holder", shared=True), share_processes=True
        )
        (containerd_engine.bundle(container_id(wanted.key)) / "rootfs").mkdir(parents=True)
        sandbox = await within(until_it_works(lambda: runtime.create_sandbox(wanted)))
        await runtime.remove(Handle(id=sandbox.id, key=wanted.key))

    async def test_a_pull_during_a_crash_is_repeated(
        self, runtime: Runtime, containerd_engine: ContainerdEngine, open_registry: Registry
    ) -> None:
        name = f"{open_registry.host}/faults/busybox:1"
        await asyncio.to_thread(containerd_engine.push, images.BUSYBOX.name, name)
        pull = asyncio.ensure_future(runtime.pull(ImagePull(image=name, policy="Always")))
        await asyncio.sleep(0.01)
        await asyncio.to_thread(containerd_engine.kill9)
        with suppress(UnavailableError):
            await within(pull)
        await asyncio.to_thread(containerd_engine.start)
        wanted = ImagePull(image=name, policy="Always")
        image = await within(until_it_works(lambda: runtime.pull(wanted)))
        assert image.digest.startswith("sha256:")

    async def test_a_cancelled_start_goes_on(self, runtime: Runtime) -> None:
        spec = await self.spec(runtime, self.task("sleep", 600))
        start = asyncio.ensure_future(runtime.start(spec))
        await asyncio.sleep(0.03)
        start.cancel()
        with suppress(asyncio.CancelledError):
            await start
        handle = await within(runtime.start(spec))
        assert [(one.handle, one.state) for one in await runtime.list()] == [(handle, "running")]

    @pytest.mark.parametrize("pause_s", [0.005, 0.02, 0.04, 0.06, 0.1])
    async def test_a_start_that_was_cut_off_is_gone_on_with(
        self, reopen: Open, pause_s: float
    ) -> None:
        """As by a daemon that is killed."""
        async with reopen("doomed") as doomed:
            spec = await self.spec(doomed, self.task("echo", "once"))
            cut_off = asyncio.ensure_future(doomed._containers.start(spec))
            await asyncio.sleep(pause_s)
            cut_off.cancel()
            await asyncio.gather(cut_off, return_exceptions=True)
        async with reopen("doomed") as runtime:
            sandbox = await runtime.create_sandbox(spec.sandbox.spec)
            handle = await within(runtime.start(msgspec.structs.replace(spec, sandbox=sandbox)))
            assert (await within(runtime.wait(handle))).exit_code == 0
            assert text(await read(runtime, handle)) == b"once\n"
            await runtime.remove(handle)
            await runtime.remove(Handle(id=sandbox.id, key=sandbox.spec.key))

    async def test_nothing_is_left_of_a_removed_container(
        self, runtime: Runtime, containerd_engine: ContainerdEngine
    ) -> None:
        handle = await self.begin(runtime, self.task("sleep", 600))
        place = containerd_engine.pods / OWNER / "containers"
        assert [one.name for one in place.iterdir()] == [handle.id]
        await runtime.remove(handle)
        assert list(place.iterdir()) == []
        for service in ("containers", "snapshots", "tasks"):
            assert handle.id not in containerd_engine.ctr(service, "list")

    async def test_nothing_is_left_of_a_removed_sandbox(
        self, runtime: Runtime, containerd_engine: ContainerdEngine
    ) -> None:
        sandbox = await runtime.create_sandbox(sandbox_spec("left-sandbox", shared=True))
        place = containerd_engine.pods / OWNER
        assert len([one for one in kernel.mounts_below(place) if "/sandboxes/" in one]) == 2
        handle = Handle(id=sandbox.id, key=sandbox.spec.key)
        await runtime.remove(handle)
        await runtime.remove(handle)
        assert [one for one in kernel.mounts_below(place) if "/sandboxes/" in one] == []
        assert await runtime.list() == []

    async def test_what_a_crash_left_of_containers_and_networks_is_swept(
        self, reopen: Open, containerd_engine: ContainerdEngine
    ) -> None:
        owner = containerd_engine.pods / "sweeper"
        async with reopen("sweeper") as runtime:
            await runtime.create_sandbox(sandbox_spec("nobody"))
            assert len(kernel.mounts_below(owner)) >= 1
            (owner / "containers" / "argoexec-x-main-0").mkdir(parents=True)
            # A network that was begun, and one whose namespace a boot has ended.
            (owner / "networks" / "begun").mkdir()
        (left,) = [one.parent for one in (owner / "networks").glob("*/netns")]
        await asyncio.to_thread(let_go, left / "netns")
        async with reopen("sweeper"):
            assert not left.exists()
            assert not (owner / "networks" / "begun").exists()
            assert list((owner / "containers").iterdir()) == []
        assert kernel.mounts_below(owner) == []
        taken = [one.read_text() for one in containerd_engine.directory.glob("ipam/*/*.*.*.*")]
        assert not any(left.name in text for text in taken)

    async def test_a_name_that_somebody_else_has(self, runtime: Runtime, reopen: Open) -> None:
        spec = await self.spec(runtime, self.task("sleep", 600))
        async with reopen("somebody-else") as other:
            sandbox = await other.create_sandbox(spec.sandbox.spec)
            theirs = await other.start(msgspec.structs.replace(spec, sandbox=sandbox))
            with pytest.raises(AlreadyExistsError, match="is taken"):
                await runtime.start(spec)
            await other.remove(theirs)
            await other.remove(Handle(id=sandbox.id, key=sandbox.spec.key))

    async def test_a_pod_whose_processes_holder_has_ended_is_gone(
        self, runtime: Runtime, containerd_engine: ContainerdEngine
    ) -> None:
        wanted = msgspec.structs.replace(
            sandbox_spec("ended-holder", shared=True), share_processes=True
        )
        sandbox = await runtime.create_sandbox(wanted)
        containerd_engine.ctr("task", "kill", "--signal", "KILL", sandbox.id)
        with pytest.raises(NotFoundError, match="has ended"):
            async with asyncio.timeout(30):
                while True:
                    await runtime.create_sandbox(wanted)
        await runtime.remove(Handle(id=sandbox.id, key=wanted.key))
        assert sandbox.id not in containerd_engine.ctr("containers", "list")

    @pytest.mark.parametrize("shared", [True, False], ids=["shared", "single"])
    async def test_a_container_in_a_sandbox_that_is_gone(
        self, runtime: Runtime, shared: bool
    ) -> None:
        sandbox = await runtime.create_sandbox(sandbox_spec("gone-sandbox", shared=shared))
        spec = await self.spec(runtime, self.task("exit", 0))
        key = ContainerKey(pod_uid="gone-sandbox", container="main")
        await runtime.remove(Handle(id=sandbox.id, key=sandbox.spec.key))
        gone = sandbox if shared else msgspec.structs.replace(sandbox, id="0123456789ab")
        with pytest.raises(NotFoundError, match="gone"):
            await runtime.start(msgspec.structs.replace(spec, key=key, sandbox=gone))

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
