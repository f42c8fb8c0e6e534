"""Which images are removed, and which never."""

from __future__ import annotations

import asyncio
import time

import msgspec

from argoexec_cli.executors.local.images.settings import ImageSettings
from argoexec_cli.executors.local.manager import LocalExecutor
from argoexec_cli.models.pod import PodSpec
from argoexec_cli.models.record import PodRef
from argoexec_cli.runtime.base import Image, ImagePull, OnProgress, Runtime
from argoexec_cli.runtime.fake import FakeEngine
from tests.executors.local.faults import FlakyRuntime
from tests.executors.local.opening import Opener
from tests.executors.pods import container, ended, eventually, reasons, request, run, running, until

MIB = 1 << 20


async def use(executor: LocalExecutor, *images: str, script: str = "true") -> PodRef:
    """Run one pod for each image, one after the other; wait until they are cleaned up."""
    for image in images:
        spec = PodSpec(containers=(container(script, image=image),))
        record = await run(executor, request(name=image.partition(":")[0], spec=spec))
        assert record.pod.status.phase == "Succeeded", record

    async def cleaned() -> bool:
        return not await executor.host.table.all("cleaned = 0")

    await eventually(cleaned)
    return record.ref


def fill(engine: FakeEngine, percent: int) -> None:
    """Have the disk so full."""
    left = engine.disk.capacity_bytes * (100 - percent) // 100
    engine.disk = msgspec.structs.replace(engine.disk, available_bytes=left)


async def test_a_disk_with_room_keeps_all(opener: Opener, engine: FakeEngine) -> None:
    opener.set(images=ImageSettings(min_age_s=0))
    executor = await opener.open()
    await use(executor, "a:1", "b:1")
    fill(engine, 84)
    assert await executor.host.collector.collect() == 0
    assert engine.images == {"a:1", "b:1"}


async def test_a_full_disk_loses_what_was_not_used_for_longest(
    opener: Opener, engine: FakeEngine
) -> None:
    """Each image is a tenth of the disk: from 95 % down to 80 % takes two."""
    opener.set(images=ImageSettings(min_age_s=0))
    executor = await opener.open()
    await use(executor, "a:1", "b:1", "c:1")
    await executor.delete_pod(PodRef(name="a"))
    await use(executor, "a:1")
    fill(engine, 95)
    assert await executor.host.collector.collect() == 2 * (engine.disk.capacity_bytes // 10)
    assert engine.images == {"a:1"}
    await executor.delete_pod(PodRef(name="b"))
    await use(executor, "b:1")


async def test_what_was_used_just_now_stays(opener: Opener, engine: FakeEngine) -> None:
    executor = await opener.open()
    await use(executor, "a:1")
    fill(engine, 99)
    assert await executor.host.collector.collect() == 0


async def test_what_we_did_not_pull_stays(opener: Opener, engine: FakeEngine) -> None:
    opener.set(images=ImageSettings(min_age_s=0, max_age_s=0.001))
    engine.images.add("mine:1")
    executor = await opener.open()
    await use(executor, "mine:1", "ours:1")
    await asyncio.sleep(0.01)
    fill(engine, 99)
    assert await executor.host.collector.collect() > 0
    assert engine.images == {"mine:1"}


async def test_what_is_in_use_stays_however_old(opener: Opener, engine: FakeEngine) -> None:
    opener.set(images=ImageSettings(min_age_s=0, max_age_s=0.001))
    executor = await opener.open()
    spec = PodSpec(containers=(container("sleep 60", image="a:1"),))
    ref = (await executor.run_pod(request(spec=spec))).ref
    await running(executor, ref)
    await asyncio.sleep(0.01)
    fill(engine, 99)
    assert await executor.host.collector.collect() == 0
    await executor.stop_pod(ref, 0)
    await ended(executor, ref)


async def test_age_counts_from_the_last_use_also_after_a_restart(
    opener: Opener, engine: FakeEngine
) -> None:
    executor = await opener.open()
    await use(executor, "a:1", "b:1")
    a, b = executor.host.collector._record.all()
    executor.host.collector._record.touch(a.key, time.time() - 100)
    await executor.host.collector.collect()
    opener.set(images=ImageSettings(max_age_s=50))
    executor = await opener.open()
    assert await executor.host.collector.collect() > 0
    assert engine.images == {b.name}


class _Starting(FlakyRuntime):
    """Begins a start, and finishes it when a test says so."""

    def __init__(self, inner: Runtime) -> None:
        super().__init__(inner)
        self.reached = asyncio.Event()
        self.gate = asyncio.Event()

    async def create_gate(self) -> None:
        self.reached.set()
        await self.gate.wait()

    async def start(self, spec):  # type: ignore[no-untyped-def] # as in `Runtime`
        await self.create_gate()
        return await super().start(spec)


async def test_what_a_pod_is_about_to_start_from_stays(opener: Opener, engine: FakeEngine) -> None:
    opener.set(images=ImageSettings(min_age_s=0, max_age_s=0.001))
    made: list[_Starting] = []

    def wrap(runtime: Runtime) -> Runtime:
        made.append(_Starting(runtime))
        return made[-1]

    opener.wrap = wrap
    executor = await opener.open()
    spec = PodSpec(containers=(container("true", image="a:1"),))
    ref = (await executor.run_pod(request(spec=spec))).ref
    await made[0].reached.wait()
    await asyncio.sleep(0.01)
    assert await executor.host.collector.collect() == 0
    made[0].gate.set()
    assert (await ended(executor, ref)).pod.status.phase == "Succeeded"


class _Removing(FlakyRuntime):
    """Begins a removal, and finishes it when a test says so."""

    def __init__(self, inner: Runtime) -> None:
        super().__init__(inner)
        self.reached = asyncio.Event()
        self.gate = asyncio.Event()

    async def remove_image(self, name: str) -> bool:
        self.reached.set()
        await self.gate.wait()
        removed: bool = await self.inner.remove_image(name)  # type: ignore[attr-defined] # the fake's
        return removed


async def test_who_wants_what_is_being_removed_waits_and_pulls_it_anew(
    opener: Opener, engine: FakeEngine
) -> None:
    opener.set(images=ImageSettings(min_age_s=0, max_age_s=0.001))
    made: list[_Removing] = []

    def wrap(runtime: Runtime) -> Runtime:
        made.append(_Removing(runtime))
        return made[-1]

    opener.wrap = wrap
    executor = await opener.open()
    await use(executor, "a:1")
    await asyncio.sleep(0.01)
    collecting = asyncio.ensure_future(executor.host.collector.collect())
    await made[0].reached.wait()
    spec = PodSpec(containers=(container("true", image="a:1"),))
    ref = (await executor.run_pod(request(name="second", spec=spec))).ref
    await until(executor, ref, lambda one: one.pod.status.start_time is not None)
    await asyncio.sleep(0.05)
    assert "Pulled" not in reasons(await executor.get_pod(ref))
    made[0].gate.set()
    assert await collecting > 0
    record = await ended(executor, ref)
    assert record.pod.status.phase == "Succeeded"
    assert any("Successfully pulled" in event.message for event in record.events)


class _Dying(FlakyRuntime):
    """Pulls, but never says so: as when the daemon is killed meanwhile."""

    async def pull(self, pull: ImagePull, on_progress: OnProgress | None = None) -> Image:
        image = await super().pull(pull, on_progress)
        if pull.policy != "Never":
            await asyncio.Event().wait()
        return image


async def test_a_pull_whose_end_nobody_saw_is_ours(opener: Opener, engine: FakeEngine) -> None:
    opener.wrap = _Dying
    executor = await opener.open()
    spec = PodSpec(containers=(container("true", image="a:1"),))
    ref = (await executor.run_pod(request(spec=spec))).ref

    async def pulled() -> bool:
        return "a:1" in engine.images

    await eventually(pulled)
    opener.wrap = lambda runtime: runtime
    opener.set(images=ImageSettings(min_age_s=0, max_age_s=0.001))
    executor = await opener.open()
    await ended(executor, ref)

    async def collected() -> bool:
        await executor.host.collector.collect()
        return not engine.images

    await eventually(collected)


async def test_a_tag_that_moved_leaves_both_images_to_us(opener: Opener) -> None:
    executor = await opener.open()
    record = executor.host.collector._record
    await record.intend("a:latest", "", 1.0)
    await record.pulled("a:latest", "sha256:1", 1.0)
    await record.intend("a:latest", "sha256:1", 2.0)
    await record.pulled("a:latest", "sha256:2", 2.0)
    assert [(one.name, one.id) for one in record.all()] == [
        ("sha256:1", "sha256:1"),
        ("a:latest", "sha256:2"),
    ]
