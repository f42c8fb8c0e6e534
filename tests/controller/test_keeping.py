"""What comes beside a run is there for its pods, and its Secrets are in memory alone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from argoexec_cli.controller.keeping import LOST
from argoexec_cli.errors import AlreadyExistsError, UnavailableError
from argoexec_cli.executors.local.mounting import unmount
from argoexec_cli.models.companions import Companions
from argoexec_cli.models.config import ConfigMap, Secret
from argoexec_cli.models.meta import ObjectMeta
from argoexec_cli.models.workflow import WorkflowRun
from tests.controller.conftest import Open
from tests.controller.executor import MemoryExecutor
from tests.controller.runs import make_run, ref, until
from tests.executors.local.test_secrets import files_with, mounted
from tests.executors.pods import eventually

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount memory")


@pytest.fixture(autouse=True)
def unmounted(tmp_path: Path) -> Iterator[None]:
    """Unmount what a test that ends before its runs has."""
    yield
    for place in mounted(tmp_path):
        with suppress(FileNotFoundError):
            unmount(Path(place))


def run(name: str = "echo") -> WorkflowRun:
    """Return a run whose pod refers to a ConfigMap and a Secret."""
    volumes = [
        {"name": "c", "configMap": {"name": "c"}},
        {"name": "s", "secret": {"secretName": "s"}},
    ]
    return make_run(name, volumes=volumes)


def beside(value: bytes = b"hush-hush-value") -> Companions:
    """Return them, and another Secret that nobody asks for."""
    return Companions(
        (ConfigMap(metadata=ObjectMeta(name="c"), data={"key": "value"}),),
        tuple(Secret(metadata=ObjectMeta(name=name), data={"k": value}) for name in ("s", "other")),
    )


async def nothing_mounted(tmp_path: Path) -> None:
    async def gone() -> bool:
        return not mounted(tmp_path)

    await eventually(gone)


async def test_the_pod_gets_what_it_refers_to_and_no_disk_the_secret(
    open_it: Open, executor: MemoryExecutor, tmp_path: Path
) -> None:
    async with open_it() as controller:
        await controller.submit(run(), beside())
        await executor.until(lambda: executor.requests)
        (request,) = executor.requests.values()
        assert request.config_maps == beside().config_maps
        assert request.secrets == beside().secrets[:1]
        assert len(mounted(tmp_path)) == 1
        assert not await asyncio.to_thread(files_with, tmp_path, b"hush-hush-value")
        executor.finish("echo")
        await until(controller, "echo", lambda run: run.finished)
        await nothing_mounted(tmp_path)
        await controller.delete_run(ref())


async def test_a_restart_of_the_daemon_loses_nothing(
    open_it: Open, executor: MemoryExecutor, tmp_path: Path
) -> None:
    executor.fail_with = UnavailableError("nobody there")
    async with open_it() as controller:
        await controller.submit(run(), beside())
        await executor.until(lambda: executor.run_calls)
        assert not executor.requests
    executor.fail_with = None
    async with open_it() as controller:
        await executor.until(lambda: executor.requests)
        (request,) = executor.requests.values()
        assert request.config_maps == beside().config_maps
        assert request.secrets == beside().secrets[:1]
        await controller.delete_run(ref())
        await nothing_mounted(tmp_path)


async def test_a_restart_of_the_host_ends_what_was_not_handed_over(
    open_it: Open, executor: MemoryExecutor, tmp_path: Path
) -> None:
    executor.fail_with = UnavailableError("nobody there")
    async with open_it() as controller:
        await controller.submit(run(), beside())
    for place in mounted(tmp_path):
        unmount(Path(place))
    executor.fail_with = None
    async with open_it() as controller:
        ended = await until(controller, "echo", lambda run: run.finished)
    assert (ended.status.phase, ended.status.message) == ("Error", LOST)
    assert not executor.requests


async def test_a_restart_of_the_host_finds_the_pod_that_another_host_has(
    open_it: Open, executor: MemoryExecutor, tmp_path: Path
) -> None:
    async with open_it() as controller:
        await controller.submit(run(), beside())
        await executor.until(lambda: executor.requests)
        executor.start("echo")
        await until(controller, "echo", lambda run: run.status.phase == "Running")
    for place in mounted(tmp_path):
        unmount(Path(place))
    async with open_it() as controller:
        executor.finish("echo")
        ended = await until(controller, "echo", lambda run: run.finished)
    assert ended.status.phase == "Succeeded"


async def test_the_same_name_with_another_secret_is_refused(
    open_it: Open, executor: MemoryExecutor, tmp_path: Path
) -> None:
    async with open_it() as controller:
        first = await controller.submit(run(), beside())
        again = await controller.submit(run(), beside())
        assert again.metadata.uid == first.metadata.uid
        with pytest.raises(AlreadyExistsError, match="with other ConfigMaps or Secrets"):
            await controller.submit(run(), beside(b"other"))
        assert len(mounted(tmp_path)) == 1
        await controller.delete_run(ref())
        await nothing_mounted(tmp_path)
