"""The life of a pod, through every fault that its runtime can have."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from argoexec_cli.errors import CapacityError, InternalError
from argoexec_cli.executors.local.images.settings import ImageSettings
from argoexec_cli.executors.local.manager import LocalExecutor
from argoexec_cli.executors.local.policy import Policy
from argoexec_cli.models.logs import LogQuery
from argoexec_cli.models.pod import (
    Container,
    EmptyDirVolumeSource,
    PodSpec,
    ResourceRequirements,
    Volume,
    VolumeMount,
)
from argoexec_cli.models.record import File, PodQuery, PodRecord, PodRef, PodRequest
from argoexec_cli.models.status import ContainerStateTerminated
from argoexec_cli.models.verdict import verdict
from argoexec_cli.runtime.base import (
    ContainerSpec,
    Handle,
    ImagePull,
    Runtime,
    Sandbox,
    SandboxSpec,
)
from argoexec_cli.runtime.fake import FakeEngine
from tests.executors.local.faults import CALLS, FlakyRuntime
from tests.executors.local.opening import Opener
from tests.executors.local.small_disk import SmallDisk
from tests.executors.pods import (
    LIMIT_S,
    container,
    ended,
    eventually,
    log,
    reasons,
    request,
    run,
    running,
    until,
)


def main_state(record: PodRecord) -> ContainerStateTerminated:
    """Return how the pod's main container ended."""
    state = record.pod.status.container_statuses[0].state.terminated
    assert state is not None
    return state


def restarts(record: PodRecord) -> int:
    """Return how often the pod's container was started again."""
    return sum(status.restart_count for status in record.pod.status.container_statuses)


async def test_news_of_a_pod_waits_together_for_room_on_the_disk(
    executor: LocalExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = (await executor.run_pod(request("sleep 60"))).ref
    await running(executor, ref)
    worker, host = executor._workers[ref.uid], executor.host
    before, update, calls = len(host.tasks._tasks), host.table.update, 0

    async def full(*args: object, **fields: object) -> int | None:
        nonlocal calls
        calls += 1
        raise CapacityError("the disk is full")

    with monkeypatch.context() as disk:
        disk.setattr(host.table, "update", full)
        for number in range(50):
            worker.note("Pulling", f"{number} %")
            worker.save_soon()
            await asyncio.sleep(0)
        assert len(host.tasks._tasks) <= before + 1
        assert calls
    assert host.table.update == update
    last = "49 %"
    await until(executor, ref, lambda _: not worker._unwritten)
    events = (await executor.get_pod(ref)).events
    assert [one.message for one in events if one.reason == "Pulling"][-1] == last
    await executor.stop_pod(ref, 0)


async def nothing_left(executor: LocalExecutor, engine: FakeEngine) -> None:
    """Wait until the workers have cleaned up, then look into the engine."""

    async def cleaned() -> bool:
        return not await executor.host.table.all("cleaned = 0")

    await eventually(cleaned)
    assert not engine.containers


@pytest.fixture
def flaky(opener: Opener) -> FlakyRuntime:
    """Give the runtime of the executors that are opened from now on."""
    made: list[FlakyRuntime] = []

    def wrap(runtime: Runtime) -> Runtime:
        made[0].inner = runtime
        return made[0]

    class _NoRuntime:
        pass

    made.append(FlakyRuntime(_NoRuntime()))  # type: ignore[arg-type] # replaced when it is opened
    opener.wrap = wrap
    return made[0]


@pytest.mark.parametrize("call", CALLS)
async def test_an_engine_that_is_away_for_a_while_changes_nothing(
    flaky: FlakyRuntime, opener: Opener, engine: FakeEngine, call: str
) -> None:
    opener.set(images=ImageSettings(backoff_s=0.01, patience_s=60))
    executor = await opener.open()
    flaky.faults[call] = 2
    seconds = 60 if call == "stop" else 0.1
    script = f"echo one; sleep {seconds}; echo two; exit 3"
    ref = (await executor.run_pod(request(script))).ref
    if call == "stop":
        await running(executor, ref)
        await executor.stop_pod(ref, 0.0)
    record = await ended(executor, ref)
    assert record.outputs.exit_code == ("137" if call == "stop" else "3")
    if call != "stop":
        assert await log(executor, ref) == b"one\ntwo\n"
    await nothing_left(executor, engine)
    assert flaky.faults[call] == 0
    assert sum(event.type == "Warning" for event in (await executor.get_pod(ref)).events) >= 1


@pytest.mark.parametrize("call", ["stop", "remove"])
async def test_a_refusal_to_stop_or_remove_is_asked_again(
    flaky: FlakyRuntime, executor: LocalExecutor, engine: FakeEngine, call: str
) -> None:
    flaky.error = InternalError("the engine is confused")
    flaky.faults[call] = 2
    ref = (await executor.run_pod(request("sleep 60"))).ref
    await running(executor, ref)
    await executor.stop_pod(ref, 0.0)
    assert (await ended(executor, ref)).pod.status.reason == "Stopped"
    await nothing_left(executor, engine)


async def test_a_full_disk_is_told_and_nothing_is_lost(
    opener: Opener, small_disk: SmallDisk
) -> None:
    opener.set(data_dir=small_disk.path / "data")
    executor = await opener.open()
    await executor.run_pod(request("fill 6000 100", "chatty"))

    async def told() -> bool:
        events = (await executor.get_pod(PodRef(name="chatty"))).events
        return any("no space left" in event.message for event in events)

    await eventually(told)
    small_disk.grow()
    record = await ended(executor, PodRef(name="chatty"))
    assert record.pod.status.phase == "Succeeded"
    assert len(await log(executor, record.ref)) == 600_000
    await opener.close()


@pytest.fixture
def small_logs(small_disk: SmallDisk, data_dir: Path) -> SmallDisk:
    """Give a small disk on which there are only logs."""
    data_dir.mkdir(parents=True)
    (data_dir / "logs").symlink_to(small_disk.path)
    return small_disk


async def test_what_a_pod_suffers_from_is_its_message_as_long_as_it_does(
    opener: Opener, small_logs: SmallDisk
) -> None:
    executor = await opener.open()
    ref = (await executor.run_pod(request("fill 6000 100; sleep 600"))).ref

    def suffers(record: PodRecord) -> bool:
        return "no space left for logs in" in record.pod.status.message

    status = (await until(executor, ref, suffers)).pod.status
    assert verdict(status) == ("Running", status.message)
    small_logs.grow()
    await until(executor, ref, lambda record: not suffers(record))
    await executor.stop_pod(ref, 0)
    assert (await ended(executor, ref)).pod.status.message == "stopped by request"
    assert len(await log(executor, ref)) == 600_000
    await opener.close()


async def test_a_log_that_the_runtime_has_lost_does_not_end_the_pod(
    flaky: FlakyRuntime, executor: LocalExecutor
) -> None:
    flaky.error = InternalError("the log is gone")
    flaky.faults["logs"] = 1
    record = await run(executor, request("echo one; exit 3"))
    assert (record.outputs.exit_code, "LogLost" in reasons(record)) == ("3", True)


async def test_a_bug_in_the_runtime_still_ends_the_pod(
    flaky: FlakyRuntime, executor: LocalExecutor, engine: FakeEngine
) -> None:
    flaky.error = InternalError("the engine is confused")
    flaky.faults["wait"] = 1
    record = await run(executor, request("sleep 60"))
    assert (record.pod.status.phase, record.pod.status.reason) == ("Failed", "InternalError")
    assert main_state(record).reason == "ContainerStatusUnknown"
    await nothing_left(executor, engine)


async def test_a_missing_image_fails_at_once(executor: LocalExecutor) -> None:
    spec = PodSpec(containers=(container("true", image="missing:1"),))
    record = await run(executor, request(spec=spec))
    assert record.pod.status.reason == "ErrImagePull"
    assert "no such image: missing:1" in record.pod.status.message
    waiting = record.pod.status.container_statuses[0].state.waiting
    assert waiting is not None
    assert waiting.reason == "ErrImagePull"


async def test_an_image_name_that_is_none(executor: LocalExecutor) -> None:
    spec = PodSpec(containers=(container("true", image="Not An Image"),))
    assert (await run(executor, request(spec=spec))).pod.status.reason == "InvalidImageName"


async def test_a_registry_that_is_down_is_asked_again_for_a_while(
    flaky: FlakyRuntime, opener: Opener
) -> None:
    opener.set(images=ImageSettings(backoff_s=0.01, patience_s=1))
    executor = await opener.open()
    spec = PodSpec(containers=(container("true", image="unreachable:1"),))
    record = await run(executor, request(spec=spec))
    assert record.pod.status.reason == "ErrImagePull"
    assert flaky.calls["pull"] > 1


async def test_a_failed_init_container_is_the_end(executor: LocalExecutor) -> None:
    spec = PodSpec(
        containers=(container("echo never"),),
        init_containers=(container("exit 4", "one"), container("echo never", "two")),
    )
    record = await run(executor, request(spec=spec))
    assert (record.pod.status.phase, record.outputs.exit_code) == ("Failed", None)
    assert "init container one failed" in record.pod.status.message
    assert await log(executor, record.ref) == b""
    assert await log(executor, record.ref, LogQuery(container="two")) == b""


async def test_on_failure_restarts_and_keeps_the_last_two_logs(
    flaky: FlakyRuntime, executor: LocalExecutor, engine: FakeEngine
) -> None:
    spec = PodSpec(containers=(container("echo try; exit 1"),), restart_policy="OnFailure")
    ref = (await executor.run_pod(request(spec=spec))).ref
    await until(executor, ref, lambda one: restarts(one) >= 3)
    assert len(engine.containers) <= 2, "containers of earlier attempts pile up"
    logs = executor.host.settings.data_dir / "logs" / ref.uid
    assert len(list(logs.iterdir())) <= 3
    await executor.stop_pod(ref, 0.0)
    record = await ended(executor, ref)
    assert record.pod.status.reason == "Stopped"
    assert await log(executor, ref, LogQuery(previous=True)) == b"try\n"
    assert "BackOff" in reasons(record)


async def test_the_deadline_counts_from_admission(executor: LocalExecutor) -> None:
    spec = PodSpec(
        containers=(container("sleep 60"),),
        active_deadline_seconds=2,
        termination_grace_period_seconds=0,
    )
    record = await run(executor, request(spec=spec))
    assert record.pod.status.reason == "DeadlineExceeded"
    assert main_state(record).exit_code == 137


async def test_a_task_that_ignores_term_is_killed(executor: LocalExecutor) -> None:
    ref = (await executor.run_pod(request("trap '' TERM; sleep 60"))).ref
    await running(executor, ref)
    await executor.stop_pod(ref, 60.0)
    await executor.stop_pod(ref, 0.05)
    state = main_state(await ended(executor, ref))
    assert (state.exit_code, state.signal) == (137, 9)


async def test_stop_while_queued(opener: Opener, engine: FakeEngine) -> None:
    opener.set(room=opener.settings.room._replace(max_pods=1))
    executor = await opener.open()
    first = (await executor.run_pod(request("sleep 60", "first"))).ref
    queued = (await executor.run_pod(request("sleep 60", "queued"))).ref
    await running(executor, first)
    assert (await executor.info()).capacity.queued_pods == 1
    await executor.stop_pod(queued)
    record = await ended(executor, queued)
    assert (record.pod.status.reason, record.pod.status.start_time) == ("Stopped", None)
    assert await log(executor, queued) == b""
    assert len(engine.containers) == 1


async def test_stop_while_pulling(flaky: FlakyRuntime, executor: LocalExecutor) -> None:
    pulling = asyncio.Event()

    async def pull(pull: ImagePull, on_progress: object = None) -> None:
        pulling.set()
        await asyncio.Event().wait()

    flaky.pull = pull  # type: ignore[assignment,method-assign] # never ends
    ref = (await executor.run_pod(request("true"))).ref
    await pulling.wait()
    slow = await until(executor, ref, lambda one: one.pod.status.start_time is not None)
    assert "Pulling" in reasons(slow)
    await executor.stop_pod(ref)
    assert (await ended(executor, ref)).pod.status.reason == "Stopped"


async def test_who_finds_no_room_keeps_nobody_back_and_can_be_stopped(
    flaky: FlakyRuntime, opener: Opener, engine: FakeEngine
) -> None:
    tries = asyncio.Event()

    async def start(spec: ContainerSpec) -> Handle:
        if spec.sandbox.spec.pod_name == "homeless":
            tries.set()
            raise CapacityError("no address is free")
        return await flaky.inner.start(spec)

    flaky.start = start  # type: ignore[method-assign] # as an engine that has no address left
    opener.set(parallel_starts=1, policy=Policy(host_network=True))
    executor = await opener.open()
    homeless = (await executor.run_pod(request("true", "homeless"))).ref
    await tries.wait()
    other = PodSpec(containers=(container("true"),), host_network=True)
    assert (await run(executor, request(name="other", spec=other))).pod.status.phase == "Succeeded"
    await executor.stop_pod(homeless)
    record = await ended(executor, homeless)
    assert (record.pod.status.phase, record.pod.status.reason) == ("Failed", "Stopped")
    await nothing_left(executor, engine)


async def test_few_sandboxes_are_made_at_a_time(flaky: FlakyRuntime, opener: Opener) -> None:
    at_it, most = 0, 0

    async def create_sandbox(spec: SandboxSpec) -> Sandbox:
        nonlocal at_it, most
        at_it += 1
        most = max(most, at_it)
        await asyncio.sleep(0.01)
        at_it -= 1
        return await flaky.inner.create_sandbox(spec)

    flaky.create_sandbox = create_sandbox  # type: ignore[method-assign] # takes its time
    opener.set(parallel_starts=2)
    executor = await opener.open()
    refs = [
        (await executor.run_pod(request("true", f"p{number}"))).ref
        for number in range(opener.settings.room.max_pods)
    ]
    for ref in refs:
        await ended(executor, ref)
    assert most == 2


async def test_more_than_the_host_has_after_it_became_smaller(opener: Opener) -> None:
    opener.set(room=opener.settings.room._replace(max_pods=1))
    executor = await opener.open()
    two = ResourceRequirements(requests={"cpu": "2"})
    spec = PodSpec(containers=(msgspec.structs.replace(container("true"), resources=two),))
    first = (await executor.run_pod(request("sleep 60", "first"))).ref
    await running(executor, first)
    large = (await executor.run_pod(request(name="large", spec=spec))).ref
    small = (await executor.run_pod(request("true", "small"))).ref
    opener.set(room=opener.settings.room._replace(cpu_millicores=1000, max_pods=5))
    executor = await opener.open()
    assert (await ended(executor, large)).pod.status.reason == "Unschedulable"
    assert (await ended(executor, small)).pod.status.phase == "Succeeded"
    assert (await executor.run_pod(request(name="large", spec=spec))).ref == large


async def test_the_queue_has_an_end_but_not_for_what_is_in_it(opener: Opener) -> None:
    opener.set(room=opener.settings.room._replace(max_pods=1), max_queued=2)
    executor = await opener.open()
    await running(executor, (await executor.run_pod(request("sleep 60", "first"))).ref)
    wanted = [request("true", f"pod-{number}") for number in range(10)]
    results = await asyncio.gather(*map(executor.run_pod, wanted), return_exceptions=True)
    refused = [result for result in results if isinstance(result, CapacityError)]
    assert len(refused) == 8
    assert "2 pods are queued already" in refused[0].message
    accepted = [result for result in results if isinstance(result, PodRecord)]
    again = await executor.run_pod(request("true", accepted[0].pod.metadata.name))
    assert again.ref == accepted[0].ref


async def test_a_container_that_somebody_removed_is_lost(
    executor: LocalExecutor, engine: FakeEngine
) -> None:
    ref = (await executor.run_pod(request("echo one; sleep 60"))).ref
    await running(executor, ref)
    await executor.host.runtime.remove((await executor.host.runtime.list())[0].handle)
    record = await ended(executor, ref)
    assert record.pod.status.phase == "Failed"


async def test_lost_while_nobody_watched(
    opener: Opener, executor: LocalExecutor, engine: FakeEngine
) -> None:
    ref = (await executor.run_pod(request("echo one; sleep 60"))).ref
    await running(executor, ref)
    async for chunk in executor.pod_logs(ref, LogQuery(follow=True)):
        if chunk.data:
            break
    await opener.close()
    for one in list(engine.containers.values()):
        one.signal(9)
        await one.wait()
    engine.containers.clear()
    executor = await opener.open()
    record = await ended(executor, ref)
    assert record.pod.status.reason == "Lost"
    assert main_state(record).reason == "ContainerStatusUnknown"
    assert await log(executor, ref) == b"one\n"


async def test_adoption_needs_no_registry(
    opener: Opener, flaky: FlakyRuntime, executor: LocalExecutor
) -> None:
    ref = (await executor.run_pod(request("sleep 2; exit 3"))).ref
    await running(executor, ref)
    flaky.faults["pull"] = 1_000_000
    executor = await opener.open()
    assert (await ended(executor, ref)).outputs.exit_code == "3"


async def test_a_stop_survives_the_executor(
    opener: Opener, executor: LocalExecutor, engine: FakeEngine
) -> None:
    ref = (await executor.run_pod(request("trap '' TERM; echo one; sleep 60"))).ref
    await running(executor, ref)
    await executor.stop_pod(ref, 0.3)
    executor = await opener.open()
    record = await ended(executor, ref)
    assert (record.pod.status.reason, main_state(record).exit_code) == ("Stopped", 137)
    assert await log(executor, ref) == b"one\n"
    await nothing_left(executor, engine)


async def test_a_client_that_leaves_leaves_a_pod_that_runs(executor: LocalExecutor) -> None:
    for turns in range(12):
        wanted = request("true", f"pod-{turns}")
        task = asyncio.ensure_future(executor.run_pod(wanted))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with asyncio.timeout(LIMIT_S):
        for record in (await executor.list_pods(PodQuery())).records:
            assert (await ended(executor, record.ref)).pod.status.phase == "Succeeded"


async def test_a_client_that_leaves_has_stopped_or_not(executor: LocalExecutor) -> None:
    """Either nothing is written, or it happens: a stop that is durable is not forgotten."""
    refs = []
    for turns in range(8):
        ref = (await executor.run_pod(request("sleep 60", f"pod-{turns}"))).ref
        task = asyncio.ensure_future(executor.stop_pod(ref, 0.0))

        async def durable(ref: PodRef = ref) -> bool:
            return (await executor.host.table.get(ref)).stop_grace_s is not None

        await eventually(durable)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        refs.append(ref)
    for ref in refs:
        assert (await ended(executor, ref)).pod.status.reason == "Stopped"


async def test_files_are_there_once_and_whole(executor: LocalExecutor, engine: FakeEngine) -> None:
    main = Container(
        name="main",
        image="busybox:1",
        command=("sleep", "60"),
        volume_mounts=(VolumeMount(name="work", mount_path="/work"),),
    )
    spec = PodSpec(
        containers=(main,), volumes=(Volume(name="work", empty_dir=EmptyDirVolumeSource()),)
    )
    files = (File(volume="work", path="in/script", content="hello", mode=0o755),)
    wanted = PodRequest(pod=request(spec=spec).pod, files=files)
    record = await executor.run_pod(wanted)
    await running(executor, record.ref)
    path = executor.host.settings.data_dir / "pods" / record.ref.uid / "volumes/work/in/script"
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("hello", 0o755)
    await executor.stop_pod(record.ref, 0.0)
    await ended(executor, record.ref)
    await nothing_left(executor, engine)
    assert not path.exists()
