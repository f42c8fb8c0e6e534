"""What is removed by time: by age, by count, by bytes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from argoexec_cli.errors import NotFoundError, UnavailableError
from argoexec_cli.executors.local import sweep
from argoexec_cli.executors.local.images.pulls import to_pull
from argoexec_cli.executors.local.manager import LocalExecutor
from argoexec_cli.executors.local.sweep import reap, retire
from argoexec_cli.models.pod import Container
from argoexec_cli.models.record import PodQuery, PodRef
from argoexec_cli.runtime.fake import FakeEngine
from tests.executors.local.opening import Opener
from tests.executors.pods import eventually, request, run, running


async def finished_pods(executor: LocalExecutor, count: int, script: str = "true") -> None:
    """Run pods to their end and wait until they are cleaned up."""

    async def cleaned() -> bool:
        return not await executor.host.table.all("cleaned = 0 AND finished IS NOT NULL")

    for number in range(count):
        await run(executor, request(script, f"pod-{number}"))
    await eventually(cleaned)


async def names(executor: LocalExecutor) -> list[str]:
    """Return the names of all pods."""
    records = (await executor.list_pods(PodQuery())).records
    return [record.pod.metadata.name for record in records]


async def test_the_old_go_and_the_running_stay(opener: Opener) -> None:
    opener.set(retention_s=0.0)
    executor = await opener.open()
    await finished_pods(executor, 2)
    await running(executor, (await executor.run_pod(request("sleep 60", "live"))).ref)
    assert await retire(executor.host, executor.delete_pod) == 2
    assert await names(executor) == ["live"]
    logs = executor.host.settings.data_dir / "logs"
    assert len(list(logs.iterdir())) == 1


async def test_the_oldest_go_beyond_the_count(opener: Opener) -> None:
    opener.set(max_finished=2)
    executor = await opener.open()
    await finished_pods(executor, 4)
    assert await retire(executor.host, executor.delete_pod) == 2
    assert await names(executor) == ["pod-2", "pod-3"]


async def test_the_oldest_go_beyond_the_bytes(opener: Opener) -> None:
    opener.set(max_log_bytes=15_000)
    executor = await opener.open()
    await finished_pods(executor, 3, "fill 100 60")
    assert await retire(executor.host, executor.delete_pod) == 1
    assert await names(executor) == ["pod-1", "pod-2"]


async def test_who_is_deleted_meanwhile_does_not_end_the_sweep(opener: Opener) -> None:
    opener.set(retention_s=0.0)
    executor = await opener.open()
    await finished_pods(executor, 2)

    async def delete(ref: PodRef) -> None:
        await executor.delete_pod(ref)
        raise NotFoundError("somebody was faster")

    assert await retire(executor.host, delete) == 2
    assert not await names(executor)


async def test_a_sweep_that_fails_is_tried_again(
    opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeps = 0
    again = asyncio.Event()

    async def retire_or_fail(*_: object) -> int:
        nonlocal sweeps
        sweeps += 1
        if sweeps == 1:
            raise UnavailableError("not now")
        again.set()
        return 0

    monkeypatch.setattr(sweep, "retire", retire_or_fail)
    opener.set(sweep_s=0.001)
    await opener.open()
    async with asyncio.timeout(30):
        await again.wait()


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("busybox", "Always"),
        ("busybox:latest", "Always"),
        ("host:5000/busybox", "Always"),
        ("host:5000/busybox:1", "IfNotPresent"),
        ("busybox:1.36", "IfNotPresent"),
        (f"busybox@sha256:{'0' * 64}", "IfNotPresent"),
    ],
)
def test_the_pull_policy_follows_from_the_tag(image: str, policy: str) -> None:
    assert to_pull(Container(name="a", image=image)).policy == policy
    assert to_pull(Container(name="a", image=image, image_pull_policy="Never")).policy == "Never"


async def test_deleting_makes_room_when_logs_cannot_be_written(
    executor: LocalExecutor, data_dir: Path
) -> None:
    (data_dir / "logs").write_text("in the way")
    ref = (await executor.run_pod(request("echo lost"))).ref
    await running(executor, ref)
    async with asyncio.timeout(30):
        await executor.delete_pod(ref)
    assert not await names(executor)


async def test_the_reaper_leaves_the_known_and_the_young(
    opener: Opener, executor: LocalExecutor, engine: FakeEngine
) -> None:
    ref = (await executor.run_pod(request("sleep 60"))).ref
    await running(executor, ref)
    (known,) = await executor.host.runtime.list()
    stranger = msgspec.structs.replace(known.handle.key, pod_uid="stranger")
    spec = msgspec.structs.replace(engine.containers[known.handle.id].spec, key=stranger)
    await executor.host.runtime.start(spec)
    assert await reap(executor.host) == 0, "a young container may be about to be known"
    opener.set(reap_grace_s=0.0)
    executor = await opener.open()
    assert await reap(executor.host) == 1
    assert list(engine.containers) == [known.handle.id]
