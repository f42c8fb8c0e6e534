"""A port of the host that is taken, on each runtime: said, and nothing left behind."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from argoexec_cli.conformance.ports import is_free, unused_port
from argoexec_cli.executors.local.manager import LocalExecutor, open_local
from argoexec_cli.models.base import decode
from argoexec_cli.models.pod import PodSpec
from argoexec_cli.runtime.containerd import ContainerdOptions, open_containerd
from argoexec_cli.runtime.docker import DockerOptions, open_docker
from tests.engines.docker import DockerEngine
from tests.executors.local.opening import fast_settings
from tests.executors.pods import IMAGE, eventually, request, run

Open = Callable[[], AbstractAsyncContextManager[LocalExecutor]]
ANSWER = "echo up; while :; do echo answer | nc -l -p 80; done"


@pytest.fixture(
    params=[
        pytest.param("docker", marks=pytest.mark.docker),
        pytest.param("containerd", marks=pytest.mark.containerd),
    ]
)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """What opens a local executor on a real engine, again and again on the same state."""
    engine: Any = request.getfixturevalue(f"{request.param}_engine")

    def runtime(owner: str) -> Any:
        if isinstance(engine, DockerEngine):
            return open_docker(owner, DockerOptions(host=engine.url))
        options = ContainerdOptions(host=engine.url, cgroup_parent=engine.cgroup_parent)
        return open_containerd(owner, tmp_path / "containerd", options)

    @asynccontextmanager
    async def give() -> AsyncIterator[LocalExecutor]:
        async with open_local(fast_settings(tmp_path), runtime) as executor:
            yield executor

    return give


def spec(port: int, *more: dict[str, Any], script: str = "true") -> PodSpec:
    """Return a pod that wants the port of the host."""
    main = {
        "name": "main",
        "image": IMAGE,
        "command": ["sh", "-c", script],
        "ports": [{"containerPort": 80, "hostPort": port, "hostIP": "127.0.0.1"}],
    }
    return decode({"containers": [main, *more], "terminationGracePeriodSeconds": 0}, PodSpec)


async def test_a_port_that_is_taken_is_told(opened: Open) -> None:
    other = {"name": "other", "image": IMAGE, "command": ["true"]}
    async with opened() as executor:
        port = unused_port()
        with socket.create_server(("127.0.0.1", port)):
            alone = await run(executor, request(name="alone", spec=spec(port)))
            several = await run(executor, request(name="several", spec=spec(port, other)))
        after = await run(executor, request(name="after", spec=spec(port)))
        for record in (alone, several):
            assert (record.pod.status.phase, record.pod.status.reason) == ("Failed", "NodePorts")
            assert "in use" in record.pod.status.message
        assert after.pod.status.phase == "Succeeded"
        for record in (alone, several, after):
            await executor.delete_pod(record.ref)
        left = await executor.host.runtime.list()
    assert left == []


async def test_a_port_leads_to_its_pod_across_a_restart_and_is_free_afterwards(
    opened: Open,
) -> None:
    port = unused_port()
    wish = request(name="serves", spec=spec(port, script=ANSWER))
    async with opened() as executor:
        record = await executor.run_pod(wish)
        await eventually(lambda: answers(port))
        taken = await run(executor, request(name="late", spec=spec(port)))
        assert taken.pod.status.reason == "NodePorts"
    await eventually(lambda: answers(port))
    async with opened() as executor:
        await eventually(lambda: answers(port))
        late = await run(executor, request(name="later", spec=spec(port)))
        assert late.pod.status.reason == "NodePorts"
        await executor.delete_pod(record.ref)
        await eventually(lambda: free(port))
        after = await run(executor, request(name="after", spec=spec(port)))
        assert after.pod.status.phase == "Succeeded"
        await eventually(lambda: has_no_rule(port))


async def answers(port: int) -> bool:
    """Tell whether the pod answers on the port: not between two runs of its server."""
    answer = b""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(5):
            answer = await reader.read()
    writer.close()
    return answer == b"answer\n"


async def has_no_rule(port: int) -> bool:
    """Tell whether the kernel leads the port nowhere."""
    argv = ["iptables-save", "--table", "nat"]
    done = await asyncio.to_thread(subprocess.run, argv, capture_output=True, check=True)
    return f"--dport {port} ".encode() not in done.stdout


async def free(port: int) -> bool:
    """Tell whether one may listen on the port."""
    return is_free(port)
