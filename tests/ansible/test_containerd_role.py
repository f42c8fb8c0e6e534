"""The role `containerd`, applied for real to this machine, with paths of the test's own.

The containerd that it starts shares nothing with one that the machine may run.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from argoexec_cli.runtime.base import (
    ContainerKey,
    ContainerSpec,
    Handle,
    ImagePull,
    SandboxSpec,
)
from argoexec_cli.runtime.containerd import ContainerdOptions, open_containerd
from tests.engines import containerd, images, kernel
from tests.engines.availability import need
from tests.engines.containerd import ContainerdEngine
from tests.engines.registry import Registry

pytestmark = [pytest.mark.containerd, pytest.mark.slow, pytest.mark.timeout(240)]

ANSIBLE = Path(__file__).parents[2] / "ansible"
without_service_manager = pytest.mark.skipif(
    Path("/run/systemd/system").exists(),
    reason="this machine has a service manager, whose one containerd is not ours",
)


class Role:
    """The role with every path below one directory, and a network of the directory's name."""

    def __init__(self, directory: Path) -> None:
        """Apply nothing yet."""
        self.directory = directory
        self.network = directory.name.replace("_", "")
        self.pid = directory / "run/containerd.pid"
        self.socket = directory / "containerd.sock"
        self.mirrors = directory / "etc/certs.d"
        self._variables = {
            "containerd_config_path": str(directory / "etc/config.toml"),
            "containerd_mirrors_path": str(self.mirrors),
            "containerd_network_path": str(directory / "net.d"),
            "containerd_root_path": str(directory / "root"),
            "containerd_run_path": str(directory / "state"),
            "containerd_socket_path": str(self.socket),
            "containerd_pid_path": str(self.pid),
            "containerd_log_path": str(directory / "log/containerd.log"),
            "containerd_shim_path": str(directory / "lib/shim"),
            "containerd_network_name": self.network,
            "containerd_network_bridge": self.network,
            "containerd_network_subnet": "10.214.77.0/24",
            "containerd_network_masquerade": False,  # no rules in the machine's iptables
            "containerd_start_limit_s": 90,
        }

    def apply(self, *flags: str, **variables: object) -> tuple[int, str]:
        """Run the playbook; return how many tasks changed something, and all that it said."""
        argv = [str(Path(sys.executable).with_name("ansible-playbook")), *flags]
        argv += ["-i", "localhost,", "-c", "local", str(ANSIBLE / "playbooks/containerd.yml")]
        argv += ["-e", json.dumps({**self._variables, **variables})]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        changed = re.search(r"changed=(\d+) .*failed=0", done.stdout)
        if changed is None:
            raise AssertionError(done.stdout + done.stderr)
        return int(changed[1]), done.stdout

    async def run_pod(self, image: str) -> int:
        """Run one task as the program does; return its exit code."""
        options = ContainerdOptions(host=f"unix://{self.socket}")
        async with open_containerd("role", self.directory / "pods", options) as runtime:
            sandbox = await runtime.create_sandbox(
                SandboxSpec(
                    key=ContainerKey(pod_uid="pod", container=""),
                    pod_name="pod",
                    pod_namespace="default",
                    hostname="pod",
                )
            )
            handle = await runtime.start(
                ContainerSpec(
                    key=ContainerKey(pod_uid="pod", container="main"),
                    sandbox=sandbox,
                    image=await runtime.pull(ImagePull(image=image)),
                    command=("sh", "-c", "ip route | grep -q default && exit 7"),
                )
            )
            end = await runtime.wait(handle)
            await runtime.remove(handle)
            await runtime.remove(Handle(id=sandbox.id, key=sandbox.spec.key))
            return end.exit_code


@pytest.fixture
def role(pytestconfig: pytest.Config, short_tmp: Path) -> Iterator[Role]:
    """The role over an empty directory; whatever it started there is gone afterwards."""
    need(pytestconfig, *containerd.PROGRAMS, "iptables", "crun")
    role = Role(short_tmp)
    yield role
    kernel.kill_naming(short_tmp)
    kernel.unmount_below(short_tmp)
    kernel.remove_bridge(role.network)
    shutil.rmtree(f"/var/lib/cni/networks/{role.network}", ignore_errors=True)


@without_service_manager
async def test_pods_run_and_a_second_run_changes_nothing(
    role: Role, containerd_engine: ContainerdEngine, open_registry: Registry
) -> None:
    # The mirror is the only place from where this machine has images.
    containerd_engine.push(images.BUSYBOX.name, f"{open_registry.host}/library/mirrored:1")
    mirrors = {"registry.example": [f"http://{open_registry.host}"]}
    assert role.apply(containerd_mirrors=mirrors)[0] > 0
    pid = role.pid.read_text()
    assert await role.run_pod("registry.example/library/mirrored:1") == 7

    assert role.apply(containerd_mirrors=mirrors)[0] == 0
    assert role.pid.read_text() == pid

    # Another program that makes containers is a setting that needs a restart.
    assert role.apply(containerd_mirrors=mirrors, containerd_oci_runtime="crun")[0] > 0
    assert role.pid.read_text() != pid
    assert await role.run_pod("registry.example/library/mirrored:1") == 7

    assert role.apply(containerd_state="stopped")[0] > 0
    assert not role.pid.exists()
    assert not kernel.processes_naming(role.directory)
    assert role.apply(containerd_state="stopped")[0] == 0


@without_service_manager
def test_check_mode_tells_of_changes_and_makes_none(role: Role) -> None:
    assert role.apply("--check", containerd_start_limit_s=1)[0] > 0
    assert not list(role.directory.iterdir())


@without_service_manager
def test_tells_from_the_log_why_containerd_does_not_start(role: Role) -> None:
    role.socket.mkdir()
    (role.socket / "in the way").touch()
    with pytest.raises(AssertionError, match=r"end of its log: .*containerd\.sock"):
        role.apply(containerd_start_limit_s=6)


def test_refuses_a_state_that_it_does_not_know(role: Role) -> None:
    with pytest.raises(AssertionError, match="value of containerd_state must be one of: started"):
        role.apply(containerd_state="absent")
