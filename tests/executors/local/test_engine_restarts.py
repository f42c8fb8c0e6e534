"""The engine is restarted, or crashes, in the middle of a pull, a start, a run and a stop: the pod
ends as it would have, on both runtimes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from argoexec_cli.errors import NotFoundError
from argoexec_cli.executors.local.images.settings import ImageSettings
from argoexec_cli.executors.local.manager import LocalExecutor, open_local
from argoexec_cli.models.logs import LogQuery
from argoexec_cli.models.pod import PodSpec
from argoexec_cli.models.record import PodRecord, PodRef
from argoexec_cli.runtime.base import ContainerSpec, Handle, ImagePull, Runtime
from argoexec_cli.runtime.containerd import ContainerdOptions, open_containerd
from argoexec_cli.runtime.docker import DockerOptions, open_docker
from argoexec_cli.runtime.images import image_store_of
from argoexec_cli.runtime.standin import BUSYBOX, StandInImage, docker_archive
from tests.engines.containerd import ContainerdEngine
from tests.engines.docker import DockerEngine
from tests.engines.proxy import proxied
from tests.engines.registry import Registry
from tests.executors.local.faults import FlakyRuntime
from tests.executors.local.opening import Opener, fast_settings
from tests.executors.pods import container, ended, eventually, log, request, run, until

pytestmark = pytest.mark.timeout(120)
Engine = DockerEngine | ContainerdEngine
Open = Callable[[str], AbstractAsyncContextManager[Runtime]]
COUNT = "for i in $(seq 1 40); do echo $i; sleep 0.05; done; exit 7"
_FOLLOW = LogQuery(follow=True)
COUNTED = b"".join(b"%d\n" % number for number in range(1, 41))


@pytest.fixture(
    params=[
        pytest.param("docker", marks=pytest.mark.docker),
        pytest.param("containerd", marks=pytest.mark.containerd),
    ]
)
def real_engine(request: pytest.FixtureRequest) -> Engine:
    """Give one engine after the other."""
    found: Engine = request.getfixturevalue(f"{request.param}_engine")
    return found


@pytest.fixture(params=[False, True], ids=["restart", "crash"])
def again(request: pytest.FixtureRequest, real_engine: Engine) -> Callable[[], None]:
    """Give what ends the engine, in order or not, and starts it again."""

    def work() -> None:
        (real_engine.kill9 if request.param else real_engine.stop)()
        real_engine.start()

    return work


@pytest_asyncio.fixture
async def executor(real_engine: Engine, tmp_path: Path) -> AsyncIterator[LocalExecutor]:
    """Give an executor on the engine; its pods are gone in the end."""
    settings = msgspec.structs.replace(
        fast_settings(tmp_path / "data"), images=ImageSettings(backoff_s=0.1, patience_s=60)
    )
    async with open_local(settings, opening(real_engine)) as executor:
        yield executor
        real_engine.start()

        async def cleaned() -> bool:
            return not await executor.host.table.all("cleaned = 0")

        await eventually(cleaned)
    real_engine.remove_containers()


def opening(engine: Engine) -> Open:
    """Return what opens the runtime of the engine."""
    if isinstance(engine, DockerEngine):
        return lambda owner: open_docker(owner, DockerOptions(host=engine.url))
    options = ContainerdOptions(host=engine.url, cgroup_parent=engine.cgroup_parent)
    return lambda owner: open_containerd(owner, engine.pods, options)


async def publish(engine: Engine, runtime: Runtime, target: str, directory: Path) -> None:
    """Push an image whose layer the engine does not have, and which it then forgets."""
    program = directory / "busybox"
    program.write_bytes(BUSYBOX.read_bytes() + os.urandom(2 << 20))
    archive = docker_archive([StandInImage(name="fresh:1")], binary=program)
    store = image_store_of(runtime)
    assert store is not None
    if isinstance(engine, DockerEngine):
        await asyncio.to_thread(engine.api.load, archive)
        await asyncio.to_thread(engine.api.push, "fresh:1", target)
        await store.remove_image(target)
    else:
        await asyncio.to_thread(engine.load, archive)
        await asyncio.to_thread(engine.push, "fresh:1", target)

    async def known() -> bool:
        with contextlib.suppress(NotFoundError):
            return bool(await runtime.pull(ImagePull(image="fresh:1", policy="Never")))
        return False

    await eventually(known)  # containerd tells its interface for pods by and by
    await store.remove_image("fresh:1")


def exit_code(record: PodRecord) -> int | None:
    """Return how the main container ended."""
    state = record.pod.status.container_statuses[0].state
    return state.terminated.exit_code if state.terminated else None


def waits_with(word: str) -> Callable[[PodRecord], bool]:
    """Return whether the main container waits, and says the word."""

    def test(record: PodRecord) -> bool:
        states = [one.state.waiting for one in record.pod.status.container_statuses]
        return any(state is not None and word in state.message for state in states)

    return test


async def test_in_the_middle_of_a_pull(
    executor: LocalExecutor,
    real_engine: Engine,
    again: Callable[[], None],
    open_registry: Registry,
    tmp_path: Path,
) -> None:
    path = f"restarts/{tmp_path.name}:1".lower().replace("[", "").replace("]", "")
    target = f"{open_registry.host}/{path}"
    await publish(real_engine, executor.host.runtime, target, tmp_path)
    async with proxied(open_registry.port, bytes_per_s=400_000) as slow:
        spec = PodSpec(containers=(container("echo pulled", image=f"{slow.host}/{path}"),))
        ref = (await executor.run_pod(request(spec=spec))).ref
        await until(executor, ref, waits_with("iB/s"))
        await asyncio.to_thread(again)
        slow.bytes_per_s = 0
        record = await ended(executor, ref)
    assert record.pod.status.phase == "Succeeded", record.pod.status
    assert await log(executor, ref) == b"pulled\n"


@pytest.mark.parametrize("pause_s", [0.02, 0.15])
async def test_in_the_middle_of_a_start(
    executor: LocalExecutor, again: Callable[[], None], pause_s: float
) -> None:
    ref = (await executor.run_pod(request("echo once; exit 7"))).ref
    await asyncio.sleep(pause_s)
    await asyncio.to_thread(again)
    record = await ended(executor, ref)
    assert record.pod.status.phase == "Failed"
    assert exit_code(record) == 7, record.pod.status
    assert await log(executor, ref) == b"once\n"


async def test_in_the_middle_of_a_run(executor: LocalExecutor, again: Callable[[], None]) -> None:
    ref = (await executor.run_pod(request(COUNT))).ref
    await until(executor, ref, lambda record: record.pod.status.phase == "Running")
    await asyncio.to_thread(again)
    assert exit_code(await ended(executor, ref)) == 7
    assert await log(executor, ref) == COUNTED


async def test_in_the_middle_of_a_stop(executor: LocalExecutor, again: Callable[[], None]) -> None:
    stubborn = "trap '' TERM; echo ready; while :; do sleep 0.1; done"
    ref = (await executor.run_pod(request(stubborn))).ref
    async for chunk in executor.pod_logs(ref, _FOLLOW):
        if b"ready" in chunk.data:
            break
    await executor.stop_pod(ref, grace_s=1.0)
    await asyncio.to_thread(again)
    record = await ended(executor, ref)
    assert exit_code(record) == 137


async def test_an_engine_that_is_away_for_longer_than_a_registry_may_be(opener: Opener) -> None:
    flaky: list[FlakyRuntime] = []

    def wrap(runtime: Runtime) -> Runtime:
        flaky.append(FlakyRuntime(runtime))
        return flaky[-1]

    opener.wrap = wrap
    opener.set(images=ImageSettings(backoff_s=0.01, patience_s=0.01))
    executor = await opener.open()
    flaky[0].faults = Counter(pull=4, list=4)
    assert (await run(executor, request("true"))).pod.status.phase == "Succeeded"
    flaky[0].faults = Counter(pull=4)
    record = await run(executor, request("true", "b"))
    assert (record.pod.status.phase, record.pod.status.reason) == ("Failed", "ErrImagePull")


class Unsure(FlakyRuntime):
    """Starts a container and says that it could not, as when a connection breaks; `on_start` is
    awaited in between.
    """

    on_start: Callable[[], Awaitable[None]]

    async def start(self, spec: ContainerSpec) -> Handle:
        """See `Runtime`."""
        handle = await super().start(spec)
        if self.calls["start"] == 1:
            await self.on_start()
            raise self.error
        return handle


async def test_a_pod_that_never_comes_to_start_can_be_stopped(opener: Opener) -> None:
    flaky: list[FlakyRuntime] = []

    def wrap(runtime: Runtime) -> Runtime:
        flaky.append(FlakyRuntime(runtime))
        flaky[-1].faults["start"] = 1_000_000
        return flaky[-1]

    opener.wrap = wrap
    executor = await opener.open()
    ref = (await executor.run_pod(request("true"))).ref

    async def was_tried_again() -> bool:
        return flaky[0].calls["start"] > 1

    await eventually(was_tried_again)
    await executor.stop_pod(ref, grace_s=1.0)
    record = await ended(executor, ref)
    assert (record.pod.status.phase, record.pod.status.reason) == ("Failed", "Stopped")
    assert await flaky[0].list() == []


async def test_a_pod_that_was_started_all_the_same_is_stopped(opener: Opener) -> None:
    unsure: list[Unsure] = []

    def wrap(runtime: Runtime) -> Runtime:
        unsure.append(Unsure(runtime))
        return unsure[-1]

    opener.wrap = wrap
    executor = await opener.open()

    async def stop() -> None:
        await executor.stop_pod(PodRef(namespace="default", name="a"), grace_s=60.0)

    unsure[0].on_start = stop
    ref = (await executor.run_pod(request("sleep 600"))).ref
    record = await ended(executor, ref)
    assert record.pod.status.reason == "Stopped"
    assert exit_code(record) == 143
