"""The engine stops, crashes and comes back while tasks run; and what only an engine can show."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from itertools import cycle
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from argoexec_cli.errors import AlreadyExistsError, NotFoundError, UnavailableError
from argoexec_cli.runtime.base import ContainerKey, ContainerSpec, Handle, ImagePull
from argoexec_cli.runtime.docker import DockerOptions, open_docker
from argoexec_cli.runtime.docker.render import render_container
from argoexec_cli.runtime.docker.runtime import DockerRuntime
from tests.engines import docker, images
from tests.engines.availability import need
from tests.engines.docker import DockerEngine
from tests.processes import ends
from tests.runtime.conformance.harness import (
    next_batch,
    read,
    read_until,
    sandbox_spec,
    text,
    within,
)

pytestmark = pytest.mark.docker
OWNER = "recovery"


@pytest.fixture(scope="module")
def engine(pytestconfig: pytest.Config) -> Iterator[DockerEngine]:
    """An engine of this module's own, to be broken; every test leaves it running."""
    need(pytestconfig, *docker.PROGRAMS)
    with DockerEngine() as engine:
        yield engine


@pytest_asyncio.fixture(params=[True, False], ids=["file", "api"])
async def runtime(
    request: pytest.FixtureRequest, engine: DockerEngine
) -> AsyncIterator[DockerRuntime]:
    """A runtime for each way of reading logs."""
    async with opened(engine, read_log_files=request.param) as runtime:
        yield runtime
    engine.start()
    engine.remove_containers()


def opened(
    engine: DockerEngine, *, read_log_files: bool = True
) -> AbstractAsyncContextManager[DockerRuntime]:
    """Open a runtime on *engine*."""
    return open_docker(
        OWNER, DockerOptions(host=engine.url, read_log_files=read_log_files, warm_networks=0)
    )


async def spec(runtime: DockerRuntime, script: str) -> ContainerSpec:
    """Describe a container that runs *script*."""
    uid = uuid.uuid4().hex[:12]
    return ContainerSpec(
        key=ContainerKey(pod_uid=uid, container="main"),
        sandbox=await runtime.create_sandbox(sandbox_spec(uid)),
        image=await runtime.pull(ImagePull(image=images.BUSYBOX.name)),
        command=("sh", "-c", script),
    )


async def begin(runtime: DockerRuntime, script: str) -> Handle:
    """Start a container that runs *script*."""
    return await runtime.start(await spec(runtime, script))


def ticks(count: int) -> str:
    """Return a script that prints numbers, 20 in a second, and ends with 7."""
    return f"for i in $(seq 1 {count}); do echo $i; sleep 0.05; done; exit 7"


def counted(count: int) -> bytes:
    """Return what `ticks` prints."""
    return b"".join(b"%d\n" % number for number in range(1, count + 1))


async def test_a_crash_of_the_engine_costs_no_line_and_no_exit_code(
    engine: DockerEngine, runtime: DockerRuntime
) -> None:
    handle = await begin(runtime, ticks(120))
    log = asyncio.ensure_future(read(runtime, handle))
    wait = asyncio.ensure_future(runtime.wait(handle))
    await read_until(runtime, handle, b"\n10\n")
    engine.kill9()
    with pytest.raises(UnavailableError, match="does not answer"):
        await runtime.list()
    await asyncio.to_thread(engine.start)
    end = await within(wait)
    assert (end.exit_code, end.reason) == (7, "Error")
    assert text(await within(log)) == counted(120)


async def test_a_task_that_ends_while_the_engine_is_away(
    engine: DockerEngine, runtime: DockerRuntime
) -> None:
    handle = await begin(runtime, ticks(40))
    pid = engine.api.call_json("GET", f"/containers/{handle.id}/json")["State"]["Pid"]
    log = asyncio.ensure_future(read(runtime, handle))
    wait = asyncio.ensure_future(runtime.wait(handle))
    await read_until(runtime, handle, b"3\n")
    engine.kill9()
    assert await asyncio.to_thread(ends, pid), "the task does not end without its engine"
    await asyncio.to_thread(engine.start)
    assert (await within(wait)).exit_code == 7
    # The engine throws away what such a task wrote after the crash (dockerd 20.10 attaches to its
    # output, but starts no log driver for a container that has ended).
    output = text(await within(log))
    assert counted(40).startswith(output)
    assert output.startswith(counted(3))


async def test_an_orderly_restart_of_the_engine(
    engine: DockerEngine, runtime: DockerRuntime
) -> None:
    handle = await begin(runtime, ticks(120))
    log = asyncio.ensure_future(read(runtime, handle))
    await read_until(runtime, handle, b"\n10\n")
    await asyncio.to_thread(engine.restart)
    assert (await within(runtime.wait(handle))).exit_code == 7
    assert text(await within(log)) == counted(120)


async def test_stop_goes_on_after_the_engine_is_back(
    engine: DockerEngine, runtime: DockerRuntime
) -> None:
    handle = await begin(runtime, "trap '' TERM; echo ready; sleep 600")
    await read_until(runtime, handle, b"ready")
    stop = asyncio.ensure_future(runtime.stop(handle, grace_s=4))
    await asyncio.sleep(0.2)
    engine.kill9()
    await asyncio.sleep(2)
    assert not stop.done()
    await asyncio.to_thread(engine.start)
    await within(stop)
    assert (await within(runtime.wait(handle))).exit_code == 137


async def test_a_container_whose_start_containerd_crashed_in_is_made_anew(
    engine: DockerEngine, runtime: DockerRuntime
) -> None:
    """What is left of such a start takes the container's name there for good."""
    wanted = await spec(runtime, "exit 3")
    path = f"/containers/create?name={wanted.key.object_name}"
    created = engine.api.call_json("POST", path, render_container(wanted, OWNER))["Id"]
    (engine.bundle(created) / "rootfs").mkdir(parents=True)
    with pytest.raises(UnavailableError, match="file exists"):
        await runtime.start(wanted)
    handle = await runtime.start(wanted)
    assert handle.id != created
    assert (await within(runtime.wait(handle))).exit_code == 3


async def test_a_container_that_was_created_only_is_used_or_never_runs(
    engine: DockerEngine, runtime: DockerRuntime
) -> None:
    for stopped in (False, True):
        wanted = await spec(runtime, "echo ran")
        path = f"/containers/create?name={wanted.key.object_name}"
        created = engine.api.call_json("POST", path, render_container(wanted, OWNER))["Id"]
        handle = Handle(id=created, key=wanted.key)
        assert [found.state for found in await runtime.list()] == ["created"]
        if stopped:
            await runtime.stop(handle, grace_s=1)
            assert (await within(runtime.wait(handle))).reason == "ContainerStatusUnknown"
            assert await runtime.list() == []
        else:
            assert await runtime.start(wanted) == handle
            assert text(await read(runtime, handle)) == b"ran\n"
            await runtime.remove(handle)


async def test_a_strangers_container_of_our_name_is_left_alone(
    engine: DockerEngine, runtime: DockerRuntime
) -> None:
    wanted = await spec(runtime, "true")
    path = f"/containers/create?name={wanted.key.object_name}"
    engine.api.call_json("POST", path, {"Image": images.BUSYBOX.name})
    with pytest.raises(AlreadyExistsError, match=wanted.key.object_name):
        await runtime.start(wanted)
    assert await runtime.list() == []
    stranger = engine.api.call_json("GET", f"/containers/{wanted.key.object_name}/json")
    assert stranger["Config"]["Labels"] == {}


async def test_the_two_ways_of_reading_continue_each_other(engine: DockerEngine) -> None:
    async with opened(engine) as by_file, opened(engine, read_log_files=False) as by_api:
        handle = await begin(by_file, ticks(60))
        seen, position = b"", ""
        for reader in cycle((by_file, by_api)):
            batch = await next_batch(reader, handle, position)
            if batch is None:
                break
            seen, position = seen + text([batch]), batch.position
        assert seen == counted(60)
        await by_file.remove(handle)


async def test_opening_without_an_engine_says_what_to_do(tmp_path: Path) -> None:
    options = DockerOptions(host=f"unix://{tmp_path}/none.sock")
    with pytest.raises(UnavailableError) as caught:
        async with open_docker(OWNER, options):
            pass
    assert caught.value.message == (
        f"Docker Engine at {options.host} does not answer: no such file or directory"
    )
    assert caught.value.hint == "argoexec doctor"


async def test_a_sandbox_that_a_boot_has_ended_is_started_again(
    engine: DockerEngine, runtime: DockerRuntime
) -> None:
    shared = msgspec.structs.replace(sandbox_spec(uuid.uuid4().hex[:12]), shared=True)
    sandbox = await runtime.create_sandbox(shared)
    engine.api.call("POST", f"/containers/{sandbox.id}/kill")
    again = await runtime.create_sandbox(shared)
    assert (again.id, bool(again.ip)) == (sandbox.id, True)
    main = await spec(runtime, "sleep 60")
    key = ContainerKey(pod_uid=shared.key.pod_uid, container="main")
    await runtime.start(msgspec.structs.replace(main, key=key, sandbox=again))
    engine.api.call("POST", f"/containers/{sandbox.id}/kill")
    with pytest.raises(NotFoundError, match="has ended"):
        await runtime.create_sandbox(shared)
