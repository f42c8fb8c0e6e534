"""What policy grants, a pod on Docker really has."""

from __future__ import annotations

import dataclasses
import socket
from pathlib import Path

import pytest

from argoexec_cli.executors.local.manager import open_local
from argoexec_cli.executors.local.policy import Policy
from argoexec_cli.runtime.docker import DockerOptions, open_docker
from tests.engines.docker import DockerEngine
from tests.executors.conformance_case import Case, check, main
from tests.executors.local.opening import fast_settings

TRACE = {"capabilities": {"drop": ["ALL"], "add": ["SYS_PTRACE"]}}
MOUNT = [{"name": "v", "mountPath": "/v"}]


@pytest.mark.docker
async def test_what_is_granted_is_given(docker_engine: DockerEngine, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    policy = Policy(
        host_network=True,
        capabilities=frozenset({"SYS_PTRACE"}),
        host_paths=(str(shared),),
    )
    host_path = {"path": str(shared), "type": "DirectoryOrCreate"}
    cases = (
        Case(
            name="host-path",
            spec={
                "containers": [main("echo x > /v/made", volumeMounts=MOUNT)],
                "volumes": [{"name": "v", "hostPath": host_path}],
            },
        ),
        Case(
            name="host-network",
            spec={"hostNetwork": True, "containers": [main("hostname")]},
            logs={"main": f"{socket.gethostname()}\n"},
        ),
        Case(
            name="host-network-of-several",
            spec={"hostNetwork": True, "containers": [main("hostname", "a"), main("true", "b")]},
            logs={"a": f"{socket.gethostname()}\n"},
        ),
        Case(
            name="capability",
            spec={"containers": [main("grep CapEff /proc/self/status", securityContext=TRACE)]},
            logs={"main": "CapEff:\\s+0{11}80000\n"},
        ),
    )
    settings = dataclasses.replace(fast_settings(tmp_path / "data"), policy=policy)
    options = DockerOptions(host=docker_engine.url)
    async with open_local(settings, lambda owner: open_docker(owner, options)) as executor:
        for case in cases:
            await check(executor, case)
    assert (shared / "made").read_text(encoding="utf-8") == "x\n"
    docker_engine.remove_containers()
