"""A restart of the host: what was in memory is gone, what is on the disk is not."""

from __future__ import annotations

import os

import msgspec
import pytest

from argoexec_cli.executors.local.manager import LocalExecutor
from argoexec_cli.executors.local.mounting import unmount_all
from argoexec_cli.models.config import Secret
from argoexec_cli.models.meta import ObjectMeta
from argoexec_cli.models.pod import (
    Container,
    EmptyDirVolumeSource,
    PodSpec,
    Volume,
    VolumeMount,
)
from argoexec_cli.models.record import PodRecord
from argoexec_cli.runtime.fake import FakeEngine
from tests.executors.local.opening import Opener
from tests.executors.pods import container, ended, log, request, running, until

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount memory")
LONG = container("echo one; sleep 60")


async def restart_host(opener: Opener, engine: FakeEngine) -> LocalExecutor:
    """Do to the executor what a restart of its host does; return the next one."""
    data_dir = opener.settings.data_dir
    await opener.close()
    for one in list(engine.containers.values()):
        one.signal(9)
        await one.wait()
    for pod in (data_dir / "pods").iterdir() if (data_dir / "pods").exists() else ():
        left = list((pod / "mounts").glob("*"))
        unmount_all(pod / "mounts")
        for place in left:
            place.mkdir()
    (data_dir / "boot").write_text("another boot")
    return await opener.open()


def has_restarted(record: PodRecord) -> bool:
    """Tell whether the pod's container runs for the second time."""
    status = record.pod.status.container_statuses[0]
    return status.restart_count == 1 and status.state.running is not None


async def test_what_ran_is_lost_and_says_why(
    opener: Opener, executor: LocalExecutor, engine: FakeEngine
) -> None:
    ref = (await executor.run_pod(request(spec=PodSpec(containers=(LONG,))))).ref
    await running(executor, ref)
    executor = await restart_host(opener, engine)
    status = (await ended(executor, ref)).pod.status
    assert status.reason == "Lost"
    assert status.message == "the host was restarted while container main ran"
    state = status.container_statuses[0].state.terminated
    assert state is not None
    assert state.exit_code == 137
    assert await log(executor, ref) == b"one\n"


async def test_a_restart_of_the_daemon_alone_is_none_of_the_host(
    opener: Opener, executor: LocalExecutor, engine: FakeEngine
) -> None:
    ref = (await executor.run_pod(request("echo one; sleep 60"))).ref
    await running(executor, ref)
    await opener.close()
    for one in list(engine.containers.values()):
        one.signal(9)
        await one.wait()
    executor = await opener.open()
    assert (await ended(executor, ref)).pod.status.reason == ""


async def test_what_ended_well_before_it_has_ended_well(
    opener: Opener, executor: LocalExecutor, engine: FakeEngine
) -> None:
    ref = (await executor.run_pod(request("sleep 3"))).ref
    await running(executor, ref)
    await opener.close()
    for one in list(engine.containers.values()):
        await one.wait()
    executor = await restart_host(opener, engine)
    assert (await ended(executor, ref)).pod.status.phase == "Succeeded"


@as_root
async def test_what_is_to_be_restarted_is_with_its_volumes(
    opener: Opener, executor: LocalExecutor, engine: FakeEngine
) -> None:
    memory = EmptyDirVolumeSource(medium="Memory")
    volumes = (
        Volume(name="memory", empty_dir=memory),
        Volume(name="disk", empty_dir=EmptyDirVolumeSource()),
    )
    mounts = (
        VolumeMount(name="memory", mount_path="/memory"),
        VolumeMount(name="disk", mount_path="/disk"),
        VolumeMount(name="disk", mount_path="/part", sub_path="part"),
    )
    main = Container(name="main", image=LONG.image, command=LONG.command, volume_mounts=mounts)
    spec = PodSpec(containers=(main,), volumes=volumes, restart_policy="OnFailure")
    ref = (await executor.run_pod(request(spec=spec))).ref
    await running(executor, ref)
    root = opener.settings.data_dir / "pods" / ref.uid
    (root / "volumes/disk/kept").write_text("here")
    (root / "mounts/volume-memory/gone").write_text("not here")
    executor = await restart_host(opener, engine)
    await until(executor, ref, has_restarted)
    assert (root / "volumes/disk/kept").read_text() == "here"
    there = root / "mounts/volume-memory"
    assert list(there.iterdir()) == []
    assert there.stat().st_dev != root.stat().st_dev
    (root / "volumes/disk/part/new").touch()
    assert (root / "mounts/main-2/new").exists()
    await executor.delete_pod(ref)  # or its mounts stay on the machine of the tests


@as_root
async def test_secrets_are_not_made_up(
    opener: Opener, executor: LocalExecutor, engine: FakeEngine
) -> None:
    spec = PodSpec(containers=(LONG,), restart_policy="OnFailure")
    secret = Secret(metadata=ObjectMeta(name="s"), data={"token": b"1"})
    wanted = msgspec.structs.replace(request(spec=spec), secrets=(secret,))
    ref = (await executor.run_pod(wanted)).ref
    await running(executor, ref)
    executor = await restart_host(opener, engine)
    status = (await ended(executor, ref)).pod.status
    assert status.reason == "Lost"
    assert "Secrets are kept in its memory only" in status.message
