"""Secrets are in memory only, there for the next process, and gone with the pod."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from argoexec_cli.errors import AlreadyExistsError
from argoexec_cli.executors.local.manager import LocalExecutor
from argoexec_cli.executors.local.mounting import unmount
from argoexec_cli.models.base import decode
from argoexec_cli.models.config import Secret
from argoexec_cli.models.meta import ObjectMeta
from argoexec_cli.models.pod import Pod, PodSpec
from argoexec_cli.models.record import OutputsWanted, PodRecord, PodRequest
from tests.executors.local.opening import Opener
from tests.executors.pods import IMAGE, ended, log, request, running, until

VALUE = b"hush-hush-value"
SPEC = {
    "initContainers": [{"name": "init", "image": IMAGE, "command": ["sleep", "2"]}],
    "containers": [
        {
            "name": "main",
            "image": IMAGE,
            "command": ["sh", "-c", "echo it is $(TOKEN)"],
            "env": [
                {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "token"}}}
            ],
            "volumeMounts": [{"name": "v", "mountPath": "/v"}],
        }
    ],
    "volumes": [{"name": "v", "secret": {"secretName": "s"}}],
}

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount memory")


@pytest.fixture(autouse=True)
def unmounted(data_dir: Path) -> Iterator[None]:
    """Unmount what the pods of a test that ends before them have."""
    yield
    for place in mounted(data_dir):
        with suppress(FileNotFoundError):  # the executor, which is still open, was faster
            unmount(Path(place))


def wanted(value: bytes = VALUE, uid: str = "") -> PodRequest:
    """Return a request whose pod needs a Secret."""
    secret = Secret(metadata=ObjectMeta(name="s"), data={"token": value})
    pod = Pod(metadata=ObjectMeta(name="a", uid=uid), spec=decode(SPEC, PodSpec))
    return PodRequest(pod=pod, outputs=OutputsWanted(), secrets=(secret,))


def mounted(data_dir: Path) -> list[str]:
    """Return what is mounted below the executor's directory."""
    lines = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    return [line.split()[1] for line in lines if str(data_dir) in line]


def starts(record: PodRecord) -> bool:
    """Whether the pod's init container runs."""
    return any(one.state.running for one in record.pod.status.init_container_statuses)


def files_with(data_dir: Path, value: bytes) -> list[Path]:
    """Return the files on the disk that hold *value*, which a tmpfs is not.

    A daemon at work may delete some meanwhile: a file that is gone holds nothing.
    """
    device = data_dir.stat().st_dev
    found = []
    for directory, _, names in os.walk(data_dir):
        for path in (Path(directory, name) for name in names):
            with suppress(FileNotFoundError):
                if path.is_file() and path.stat().st_dev == device and value in path.read_bytes():
                    found.append(path)
    return found


async def test_another_process_has_them_and_no_disk(
    executor: LocalExecutor, opener: Opener, data_dir: Path
) -> None:
    ref = (await executor.run_pod(wanted())).ref
    await until(executor, ref, starts)
    root = data_dir / "pods" / ref.uid
    assert (root / "mounts/secrets").stat().st_mode & 0o777 == 0o700
    assert not await asyncio.to_thread(files_with, data_dir, VALUE)
    executor = await opener.open()
    record = await ended(executor, ref)
    assert record.pod.status.phase == "Succeeded"
    assert await log(executor, ref) == b"it is hush-hush-value\n"
    await opener.close()
    logs = data_dir / "logs"
    found = await asyncio.to_thread(files_with, data_dir, VALUE)
    assert all(path.is_relative_to(logs) for path in found), "what the task printed is its own"


async def test_nothing_stays_mounted(executor: LocalExecutor, data_dir: Path) -> None:
    ref = (await executor.run_pod(wanted())).ref
    await until(executor, ref, starts)  # its main container may have ended before we look
    assert len(mounted(data_dir)) == 2
    await ended(executor, ref)
    await executor.delete_pod(ref)
    assert mounted(data_dir) == []
    assert not (data_dir / "pods" / ref.uid).exists()


async def test_a_refused_pod_changes_no_secrets(executor: LocalExecutor, data_dir: Path) -> None:
    ref = (await executor.run_pod(wanted(uid="mine"))).ref
    assert (await executor.run_pod(wanted(uid="mine"))).ref == ref
    with pytest.raises(AlreadyExistsError, match="another spec"):
        await executor.run_pod(wanted(b"other", uid="mine"))
    with pytest.raises(AlreadyExistsError):
        await executor.run_pod(wanted(b"other", uid="another"))
    assert not (data_dir / "pods" / "another").exists()
    await ended(executor, ref)
    assert await log(executor, ref) == b"it is hush-hush-value\n"


async def test_a_refused_pod_takes_nothing_from_the_one_that_has_its_uid(
    executor: LocalExecutor, data_dir: Path
) -> None:
    main = {"name": "main", "image": IMAGE, "command": ["sleep", "60"]}
    spec = decode({"containers": [main], "volumes": [{"name": "v", "emptyDir": {}}]}, PodSpec)
    ref = (await executor.run_pod(request(spec=spec, name="there", uid="mine"))).ref
    volume = data_dir / "pods" / "mine" / "volumes" / "v"
    await running(executor, ref)
    with pytest.raises(AlreadyExistsError, match="uid mine"):
        await executor.run_pod(wanted(uid="mine"))
    assert volume.exists()
    await executor.stop_pod(ref, 0)


async def test_two_calls_at_once_keep_the_secrets(executor: LocalExecutor, data_dir: Path) -> None:
    calls = (executor.run_pod(wanted(uid="mine")) for _ in range(4))
    ref = (await asyncio.gather(*calls))[0].ref
    assert (data_dir / "pods/mine/mounts/secrets/secrets.json").exists()
    await ended(executor, ref)
    assert await log(executor, ref) == b"it is hush-hush-value\n"


async def test_leftovers_of_a_crash_go(opener: Opener, data_dir: Path) -> None:
    executor = await opener.open()
    await executor.host.secrets.keep("never-accepted", wanted().secrets)
    assert len(mounted(data_dir)) == 1
    await opener.open()
    assert mounted(data_dir) == []


def test_a_secret_does_not_show_its_values() -> None:
    assert "hush" not in repr(wanted())
