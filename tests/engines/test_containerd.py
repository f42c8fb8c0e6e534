"""The private containerd really runs pods, survives what tests do to it, and leaves no trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from argoexec_cli.conformance.ports import unused_port
from argoexec_cli.runtime.base import ContainerKey, ContainerSpec, ImagePull, Port, SandboxSpec
from argoexec_cli.runtime.containerd import ContainerdOptions, open_containerd
from tests.engines import containerd, images, kernel
from tests.engines.availability import need
from tests.engines.containerd import ContainerdEngine

pytestmark = pytest.mark.containerd


async def begin(engine: ContainerdEngine) -> None:
    """Leave a pod of two containers' worth running: a shared sandbox, its port and a task."""
    options = ContainerdOptions(host=engine.url, cgroup_parent=engine.cgroup_parent)
    async with open_containerd("engine", engine.pods, options) as runtime:
        sandbox = await runtime.create_sandbox(
            SandboxSpec(
                key=ContainerKey(pod_uid="pod", container=""),
                pod_name="pod",
                pod_namespace="default",
                hostname="pod",
                shared=True,
                ports=(Port(host_port=unused_port(), container_port=80, host_ip="127.0.0.1"),),
            )
        )
        await runtime.start(
            ContainerSpec(
                key=ContainerKey(pod_uid="pod", container="main"),
                sandbox=sandbox,
                image=await runtime.pull(ImagePull(image=images.BUSYBOX.name)),
                command=("sleep", "600"),
            )
        )


@pytest.mark.parametrize("crashed", [False, True], ids=["running", "crashed"])
@pytest.mark.parametrize("runtime", ["runc", "crun"])
async def test_close_leaves_no_trace(
    pytestconfig: pytest.Config, runtime: str, crashed: bool
) -> None:
    need(pytestconfig, *containerd.PROGRAMS, runtime)
    with ContainerdEngine(runtime="crun" if runtime == "crun" else "runc") as engine:
        await begin(engine)
        assert len(kernel.processes_naming(engine.directory)) > 1
        assert kernel.cgroups_of(engine.bridge)
        assert kernel.mounts_below(engine.pods)
        assert kernel.port_rules(engine.bridge)
        if crashed:
            engine.kill9()
    places = [engine.directory, Path("/sys/class/net") / engine.bridge]
    assert [place for place in places if place.exists()] == []
    assert kernel.mounts_below(engine.directory) == []
    assert kernel.port_rules(engine.bridge) == []
    assert kernel.cgroups_of(engine.bridge) == []
    assert kernel.processes_naming(engine.directory) == []
