"""An image that is baked of a host, by runs that are killed; hosts that are made of it; its end."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.compute.fleet.program import Program, finish
from tests.engines import images
from tests.engines.availability import need
from tests.engines.docker import DockerEngine
from tests.engines.registry import Registry
from tests.lab.ec2 import REGION, Ec2
from tests.lab.machine import Machine
from tests.lab.network import GATEWAY
from tests.lab.rootfs import PROGRAMS, put

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1800)]
MIRROR = "mirror.example"
PULLED = f"{MIRROR}/baked/busybox:1"
WHERE = ("--connect", "private", "--allow", f"{GATEWAY}/32", "--yes")
# What belongs to one host, and must be in no image.
OWN = (
    "etc/argoexec",
    "etc/ssh/ssh_host_*",
    "home/*/.ssh/authorized_keys",
    "root/.ssh/authorized_keys",
    "etc/systemd/system/argoexec*",
    "usr/local/sbin/argoexec-lease",
    "var/lib/argoexec",
    "var/lib/argoexec-lease",
    "var/lib/cloud/instance*",
    "var/lib/systemd/random-seed",
)


def files(disk: Path, pattern: str) -> list[Path]:
    """Return what is on a disk; what an overlay marks as deleted is not."""
    return [each for each in disk.glob(pattern) if not each.is_char_device()]


def output(aws: Program, *arguments: str) -> Any:
    """Return what a command says in JSON."""
    return json.loads(aws(*arguments, "-o", "json").good().out)


@pytest.fixture(scope="module")
def ec2(
    pytestconfig: pytest.Config, docker_engine: DockerEngine, open_registry: Registry
) -> Iterator[Ec2]:
    """Give an EC2 whose new machines reach a registry, by a mirror's name."""
    need(pytestconfig, "terraform", *PROGRAMS)
    docker_engine.api.push(images.BUSYBOX.name, PULLED.replace(MIRROR, open_registry.host))

    def make(address: str = "", disk: Path | None = None) -> Machine:
        machine = Machine(address, disk)
        if disk is None:  # else it has what it needs
            open_registry.serve_in(machine.name)
            told = f'[host."http://{open_registry.host}"]\n'
            put(machine.root, f"etc/containerd/certs.d/{MIRROR}/hosts.toml", told.encode())
        return machine

    with Ec2(make) as running:
        yield running


def killed(aws: Program, phase: str, *arguments: str) -> None:
    """Run a command about the fleet `golden`; kill it as soon as the record has that phase."""
    child = aws.start(*arguments)
    deadline = time.monotonic() + 400
    record = aws.home / "fleets/golden/fleet.json"
    while not record.exists() or json.loads(record.read_text()).get("phase") != phase:
        assert child.poll() is None and time.monotonic() < deadline, finish(child)
        time.sleep(0.02)
    os.killpg(child.pid, signal.SIGKILL)
    child.communicate()


def leaks(program: Program) -> list[dict[str, Any]]:
    """Return what somebody sees of it in the account."""
    found: list[dict[str, Any]] = json.loads(program("leaks", "-o", "json").out)
    return found


def test_hosts_of_a_baked_image_install_nothing(aws: Program, ec2: Ec2, tmp_path: Path) -> None:
    stranger = Program(tmp_path, ec2.environment)
    wanted = ("provision", "golden", "--bake", "--runtime", "containerd", "--prepull", PULLED)
    for phase in ("applied", "sealed"):
        killed(aws, phase, *wanted, *WHERE)
        assert [each["name"] for each in output(aws, "fleets")] == ["golden"]
        assert {"instance"} <= {each["kind"] for each in leaks(stranger)}
    image = output(aws, *wanted, *WHERE)
    assert len(ec2.instances()) == 1
    assert (image["name"], image["state"], image["runtime"]) == (
        "golden",
        "available",
        "containerd",
    )
    assert output(aws, "amis") == [image]
    # The host was only there meanwhile, and nothing of it is in the image.
    assert not ec2.hosts
    assert leaks(stranger) == output(aws, "fleets") == []
    assert not (aws.home / "fleets/golden").exists()
    disk = ec2.disks[image["id"]] / "upper"
    assert [each for pattern in OWN for each in files(disk, pattern)] == []
    assert (disk / "etc/machine-id").read_bytes() == b""
    assert (disk / "opt/argoexec/current").is_symlink()
    client = boto3.client(
        "ec2",
        endpoint_url=ec2.url,
        region_name=REGION,
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
    snapshots = client.describe_snapshots(SnapshotIds=image["snapshots"])["Snapshots"]
    tags = {tag["Key"]: tag["Value"] for each in snapshots for tag in each["Tags"]}
    assert tags["argoexec:image"] == "golden"

    like = ("--ami", "golden", "--runtime", "containerd")
    fleet = output(aws, "provision", "quick", *like, *WHERE, "--timings")
    done = {
        span["action"]
        for span in fleet["timings"]
        if span["source"] == "ansible" and span["state"] != "skipped"
    }
    assert done
    assert not [each for each in done if each.startswith(("Install ", "Copy the package"))]
    aws.run_echo("quick")
    aws.run_echo("quick", PULLED)

    aws("amis", "--delete", image["id"]).good()
    assert output(aws, "amis") == []
    left = client.describe_snapshots(Filters=[{"Name": "tag-key", "Values": ["argoexec:image"]}])
    assert left["Snapshots"] == []
    aws.run_echo("quick")
    aws("destroy", "quick", "--yes").good()
    assert not ec2.hosts
