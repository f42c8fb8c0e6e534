"""The connection breaks while the engine runs on: waits, logs and ends survive it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from argoexec_cli.errors import InvalidError, UnavailableError
from argoexec_cli.runtime.docker import DockerOptions, open_docker
from argoexec_cli.runtime.docker.runtime import DockerRuntime
from tests.engines.docker import DockerEngine
from tests.runtime.conformance.harness import read, read_until, text, within
from tests.runtime.docker.test_recovery import begin, counted, ticks

pytestmark = pytest.mark.docker


class Proxy:
    """A unix socket in front of the engine's, whose connections can be cut."""

    def __init__(self, path: Path, target: Path) -> None:
        """Pass on what comes to *path*, once `open` was called."""
        self.path = path
        self.requests = 0
        self.asked: list[str] = []
        self._target = target
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Accept connections."""
        self._server = await asyncio.start_unix_server(self._serve, self.path)

    async def cut(self) -> None:
        """Break every connection and accept no more."""
        assert self._server is not None
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()
        self.path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            theirs, to_them = await asyncio.open_unix_connection(self._target)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_on(reader, to_them))
                both.create_task(self._pass_on(theirs, writer))
        except asyncio.CancelledError:
            pass  # cut
        finally:
            writer.transport.abort()
            self._serving.discard(task)

    async def _pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(1 << 16):
                paths = re.findall(rb"^[A-Z]+ (\S+) HTTP/1.1\r$", data, re.MULTILINE)
                self.requests += len(paths)
                self.asked += [path.decode() for path in paths]
                target.write(data)
                await target.drain()
        except ConnectionError:
            pass
        finally:
            target.transport.abort()


@pytest_asyncio.fixture
async def proxy(docker_engine: DockerEngine, short_tmp: Path) -> AsyncIterator[Proxy]:
    """A proxy that is open."""
    proxy = Proxy(short_tmp / "proxy.sock", docker_engine.socket_path)
    await proxy.open()
    yield proxy
    await proxy.cut()


@pytest_asyncio.fixture(params=[True, False], ids=["file", "api"])
async def runtime(
    request: pytest.FixtureRequest, docker_engine: DockerEngine, proxy: Proxy
) -> AsyncIterator[DockerRuntime]:
    """A runtime behind the proxy."""
    options = DockerOptions(
        host=f"unix://{proxy.path}", read_log_files=request.param, warm_networks=0
    )
    async with open_docker("connection", options) as runtime:
        yield runtime
    docker_engine.remove_containers()


async def test_the_engine_is_asked_once_about_itself(proxy: Proxy, runtime: DockerRuntime) -> None:
    # It runs two programs for each answer.
    assert re.fullmatch(r"\d+\.\d+.*", runtime.capabilities.version)
    assert [path for path in proxy.asked if "info" in path or "version" in path] == ["/v1.41/info"]


async def test_a_cut_connection_loses_neither_line_nor_end(
    proxy: Proxy, runtime: DockerRuntime
) -> None:
    handle = await begin(runtime, ticks(40))
    log = asyncio.ensure_future(read(runtime, handle))
    wait = asyncio.ensure_future(runtime.wait(handle))
    await read_until(runtime, handle, b"\n5\n")
    await proxy.cut()
    await proxy.open()
    assert (await within(wait)).exit_code == 7
    assert text(await within(log)) == counted(40)


async def test_an_end_that_came_meanwhile_is_found(
    docker_engine: DockerEngine, proxy: Proxy, runtime: DockerRuntime
) -> None:
    handle = await begin(runtime, "echo ready; sleep 600")
    position = await read_until(runtime, handle, b"ready")
    wait = asyncio.ensure_future(runtime.wait(handle))
    await asyncio.sleep(0)
    await proxy.cut()
    with pytest.raises(UnavailableError, match="does not answer"):
        await runtime.remove(handle)
    docker_engine.api.call("POST", f"/containers/{handle.id}/kill")
    await proxy.open()
    end = await within(wait)
    assert (end.exit_code, end.reason) == (137, "Error")
    assert end.started_at is not None
    assert await within(read(runtime, handle, position)) == []


async def test_waiting_costs_no_request(proxy: Proxy, runtime: DockerRuntime) -> None:
    handle = await begin(runtime, "sleep 600")
    before = proxy.requests
    waits = [asyncio.ensure_future(runtime.wait(handle)) for _ in range(100)]
    await asyncio.sleep(0.2)
    assert proxy.requests == before
    await runtime.stop(handle, grace_s=0)
    assert {(await within(wait)).exit_code for wait in waits} == {137}


@pytest.mark.parametrize("host", ["/var/run/docker.sock", "ssh://host"])
async def test_an_address_of_another_kind_is_refused(host: str) -> None:
    with pytest.raises(InvalidError, match=host):
        async with open_docker("connection", DockerOptions(host=host)):
            pass
