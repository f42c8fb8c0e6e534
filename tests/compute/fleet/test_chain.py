"""The whole chain, with real tools: from an AWS account to serving fleets, and back to nothing.

Terraform and the AWS provider are HashiCorp's, the API is moto's, the instances are machines.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.compute.fleet.program import Program, finish
from tests.lab.ec2 import Ec2
from tests.lab.network import GATEWAY

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1800)]
RUNTIMES = {"dock": "docker", "cont": "containerd"}
WHERE = ("--connect", "private", "--allow", f"{GATEWAY}/32", "--instance-type", "t3.small")


def provision(aws: Program, *fleets: str) -> dict[str, dict[str, Any]]:
    """Provision *fleets* side by side, and return what each says in JSON."""
    children = {
        name: aws.start(
            *("provision", name, "--runtime", RUNTIMES[name], *WHERE),
            *("--yes", "--timings", "-o", "json"),
        )
        for name in fleets
    }
    ended = {name: finish(child) for name, child in children.items()}
    return {name: json.loads(each.good().out) for name, each in ended.items()}


def test_from_an_account_to_serving_fleets_and_back(aws: Program, ec2: Ec2) -> None:
    first = provision(aws, *RUNTIMES)
    for fleet in first.values():
        # Each is a way there and back for every host: what a new one costs beside its packages.
        done = [span for span in fleet["timings"] if span["source"] == "ansible"]
        assert len([span for span in done if span["state"] != "skipped"]) <= 18
    ids = {name: fleet["hosts"][0]["id"] for name, fleet in first.items()}
    assert len(ec2.instances("running")) == 2
    # The first zone with the instance type; left alone, AWS would take any.
    assert {each.availability_zone for each in ec2.instances("running")} == {"us-east-1a"}
    for name in RUNTIMES:
        aws.run_echo(name)
        aws.run_echo(f"{name}/0")
    listed = json.loads(aws("hosts", "-o", "json").good().out)
    assert {host["name"]: host["healthy"] for host in listed} == {"cont/0": True, "dock/0": True}
    assert all(host["runtime"].startswith(RUNTIMES[host["name"][:4]]) for host in listed)
    now = datetime.now(UTC)
    assert all(datetime.fromisoformat(host["leaseEnds"]) > now for host in listed)

    again = provision(aws, *RUNTIMES)
    for name, fleet in again.items():
        assert fleet["hosts"] == first[name]["hosts"]
        assert "ansible" not in {span["source"] for span in fleet["timings"]}

    # One is taken away, the other is stopped: the same command repairs both.
    by_id = {instance.id: instance for instance in ec2.instances()}
    by_id[ids["dock"]].terminate()
    by_id[ids["cont"]].stop()
    assert aws("hosts").code == 1
    repaired = provision(aws, *RUNTIMES)
    assert repaired["dock"]["hosts"][0]["id"] != ids["dock"]
    assert repaired["cont"]["hosts"][0]["id"] == ids["cont"]
    for name in RUNTIMES:
        aws.run_echo(name)

    for child in [aws.start("destroy", name, "--yes") for name in RUNTIMES]:
        finish(child).good()
    assert {instance.state for instance in ec2.instances()} == {"terminated"}
    assert json.loads(aws("leaks", "-o", "json").good().out) == []
    assert not list((aws.home / "fleets").iterdir())
    assert "contexts: []" in aws.config.read_text()
    assert not ec2.hosts
