"""A port of the host that is taken, on Docker: said, and nothing left behind."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from argoexec_cli.executors.local.manager import open_local
from argoexec_cli.models.base import decode
from argoexec_cli.models.pod import PodSpec
from argoexec_cli.runtime.docker import DockerOptions, open_docker
from tests.engines.docker import DockerEngine
from tests.executors.local.opening import fast_settings
from tests.executors.pods import IMAGE, request, run


def spec(port: int, *more: dict[str, Any]) -> PodSpec:
    """Return a pod that wants the port of the host."""
    main = {
        "name": "main",
        "image": IMAGE,
        "command": ["true"],
        "ports": [{"containerPort": 80, "hostPort": port, "hostIP": "127.0.0.1"}],
    }
    return decode({"containers": [main, *more]}, PodSpec)


@pytest.mark.docker
async def test_a_port_that_is_taken_is_told(docker_engine: DockerEngine, tmp_path: Path) -> None:
    options = DockerOptions(host=docker_engine.url)
    other = {"name": "other", "image": IMAGE, "command": ["true"]}
    async with open_local(
        fast_settings(tmp_path), lambda owner: open_docker(owner, options)
    ) as executor:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
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
