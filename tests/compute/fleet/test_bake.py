"""An image that is baked of a host, hosts that are made of it, and its end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.compute.fleet.program import Program
from tests.lab.ec2 import REGION, Ec2
from tests.lab.network import GATEWAY

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1800)]
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


def test_hosts_of_a_baked_image_install_nothing(aws: Program, ec2: Ec2) -> None:
    image = output(aws, "provision", "golden", "--bake", *WHERE)
    assert (image["name"], image["state"], image["runtime"]) == ("golden", "available", "docker")
    assert output(aws, "amis") == [image]
    # The host was only there meanwhile, and nothing of it is in the image.
    assert not ec2.hosts
    assert output(aws, "leaks") == output(aws, "fleets") == []
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

    fleet = output(aws, "provision", "quick", "--ami", "golden", *WHERE, "--timings")
    done = {
        span["action"]
        for span in fleet["timings"]
        if span["source"] == "ansible" and span["state"] != "skipped"
    }
    assert done
    assert not [each for each in done if each.startswith(("Install ", "Copy the package"))]
    aws.run_echo("quick")

    aws("amis", "--delete", image["id"]).good()
    assert output(aws, "amis") == []
    left = client.describe_snapshots(Filters=[{"Name": "tag-key", "Values": ["argoexec:image"]}])
    assert left["Snapshots"] == []
    aws.run_echo("quick")
    aws("destroy", "quick", "--yes").good()
    assert not ec2.hosts
