"""The lab itself: its machines are what the tests that stand on it believe they are."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engines.availability import need
from tests.lab.ec2 import REGION, Ec2, Refusal
from tests.lab.machine import Machine
from tests.lab.rootfs import PROGRAMS

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(400)]
IMAGE = "/aws/service/debian/release/12/latest/amd64"


@pytest.fixture
def ec2(pytestconfig: pytest.Config) -> Iterator[Ec2]:
    """Give an EC2 of machines."""
    need(pytestconfig, *PROGRAMS)
    with Ec2(Machine) as running:
        yield running


@pytest.fixture
def client(ec2: Ec2) -> Callable[[str], Any]:
    """Give clients of its services."""
    import boto3

    session: Any = boto3.Session("key", "secret", region_name=REGION)
    return lambda service: session.client(service, endpoint_url=ec2.url)


def until(ready: Callable[[], bool], limit_s: float = 120) -> None:
    """Wait for something that happens in the background."""
    deadline = time.monotonic() + limit_s
    while not ready():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def image(client: Callable[[str], Any]) -> str:
    """Return the image that the public parameter names."""
    found: str = client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]
    return found


def test_an_instance_is_a_machine(ec2: Ec2, client: Callable[[str], Any], tmp_path: Path) -> None:
    key = tmp_path / "key"
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
    subprocess.run(argv, check=True)
    api = client("ec2")
    public = key.with_suffix(".pub").read_bytes()
    api.import_key_pair(KeyName="lab", PublicKeyMaterial=public)
    launched = api.run_instances(
        ImageId=image(client),
        InstanceType="t3.small",
        MinCount=1,
        MaxCount=1,
        KeyName="lab",
        UserData="#!/bin/sh\necho 'user data ran' > /run/user-data\n",
        InstanceInitiatedShutdownBehavior="terminate",
    )
    instance = launched["Instances"][0]
    address = instance["PrivateIpAddress"]

    def ssh(command: str) -> subprocess.CompletedProcess[str]:
        options = ["-o", "StrictHostKeyChecking=accept-new", "-o", "BatchMode=yes"]
        options += ["-o", "ConnectTimeout=2"]
        options += ["-o", f"UserKnownHostsFile={tmp_path / 'known'}", "-i", str(key)]
        argv = ["ssh", *options, f"admin@{address}", command]
        return subprocess.run(argv, capture_output=True, text=True, check=False)

    until(lambda: ssh("sudo cat /run/user-data").stdout == "user data ran\n")
    assert ssh("systemctl is-system-running --wait").stdout == "running\n"
    assert ssh("sudo apt-get update").returncode == 0

    api.stop_instances(InstanceIds=[instance["InstanceId"]])
    assert ssh("true").returncode == 255
    api.start_instances(InstanceIds=[instance["InstanceId"]])
    until(lambda: ssh("true").returncode == 0)

    ssh("sudo systemctl poweroff")
    until(lambda: not ec2.instances("running"))
    assert [each.state for each in ec2.instances()] == ["terminated"]
    until(lambda: not ec2.hosts)


def test_refuses_a_launch_when_told_to(ec2: Ec2, client: Callable[[str], Any]) -> None:
    ec2.refuse("RunInstances", Refusal("InsufficientInstanceCapacity", "no t3.small here"))
    api, chosen = client("ec2"), image(client)
    with pytest.raises(api.exceptions.ClientError, match="InsufficientInstanceCapacity"):
        api.run_instances(ImageId=chosen, InstanceType="t3.small", MinCount=1, MaxCount=1)
    assert not ec2.instances()
