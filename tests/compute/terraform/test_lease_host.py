"""The dead-man's switch on a machine with systemd and cloud-init, from first boot to end."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator

import boto3
import pytest

from argoexec_cli.compute.terraform.module import find_module
from tests.engines.availability import need
from tests.lab.ec2 import REGION, Ec2
from tests.lab.machine import Machine
from tests.lab.rootfs import PROGRAMS

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]

IMAGE = "/aws/service/debian/release/12/latest/amd64"


@pytest.fixture
def machines(pytestconfig: pytest.Config) -> Iterator[Ec2]:
    """Give an EC2 of machines."""
    need(pytestconfig, *PROGRAMS)
    with Ec2(Machine) as running:
        yield running


def launch(ec2: Ec2) -> tuple[str, Machine]:
    """Start an instance as the module does, as far as the lease is concerned."""
    session = boto3.Session("key", "secret", region_name=REGION)
    image = session.client("ssm", endpoint_url=ec2.url).get_parameter(Name=IMAGE)
    template = (find_module() / "files" / "lease.sh.tftpl").read_text()
    user_data = template.replace("${lease_seconds}", "900").replace("$${", "${")
    answer = session.client("ec2", endpoint_url=ec2.url).run_instances(
        ImageId=image["Parameter"]["Value"],
        InstanceType="t3.small",
        MinCount=1,
        MaxCount=1,
        UserData=user_data,
        InstanceInitiatedShutdownBehavior="terminate",
    )
    instance = answer["Instances"][0]["InstanceId"]
    until(lambda: instance in ec2.hosts)
    machine = ec2.hosts[instance]
    assert isinstance(machine, Machine)
    return instance, machine


def until(ready: Callable[[], bool], limit_s: float = 180) -> None:
    """Wait for something that happens on the machine."""
    deadline = time.monotonic() + limit_s
    while not ready():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


def works(machine: Machine, *argv: str) -> bool:
    """Tell whether a command succeeds; a machine that is still starting has none that do."""
    try:
        machine.run(*argv)
    except (AssertionError, FileNotFoundError, ProcessLookupError):
        return False
    return True


def test_a_host_that_nobody_renews_ends_itself(machines: Ec2) -> None:
    instance, machine = launch(machines)
    until(lambda: works(machine, "systemctl", "is-active", "argoexec-lease.timer"))
    assert machine.run("systemctl", "is-enabled", "argoexec-lease.timer") == "enabled\n"
    assert machine.run("cat", "/etc/argoexec/lease-seconds") == "900\n"
    assert 0 < int(machine.run("argoexec-lease", "left")) <= 900

    machine.run("systemctl", "start", "argoexec-lease.service")
    assert machine.running, "a lease that runs keeps the host"

    # What the file says now survives the next boot's user data, and so does a renewal.
    machine.run("sh", "-c", "echo 600 > /etc/argoexec/lease-seconds")
    data = base64.b64decode(str(machines.instances()[0].user_data)).decode()
    machine.run("sh", "-c", data)
    assert machine.run("cat", "/etc/argoexec/lease-seconds") == "600\n"

    # The host's uptime counts, too: a machine of the lab has that of the computer below it.
    machine.run("touch", "-d", "3 hours ago", "/var/lib/argoexec-lease/renewed")
    machine.run("sh", "-c", "echo 1 > /etc/argoexec/lease-seconds")
    machine.run("systemctl", "start", "--no-block", "argoexec-lease.service")
    until(lambda: machines.instances()[0].state == "terminated")
    assert machines.instances()[0].id == instance
