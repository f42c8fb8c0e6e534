"""What no state knows any more is removed by its tags."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from argoexec_cli.compute.aws import inventory
from argoexec_cli.compute.aws.account import Account
from argoexec_cli.compute.aws.removal import remove
from argoexec_cli.compute.models import Resource
from argoexec_cli.compute.terraform.adapter import Terraform
from argoexec_cli.errors import DeniedError
from tests.compute.conftest import OWNER, fleet
from tests.compute.provider import need_terraform, terraform_environment
from tests.lab.ec2 import Ec2


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_fleet_whose_state_was_lost(
    ec2: Ec2, account: Account, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    need_terraform(pytestconfig)
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(tmp_path),
        **ec2.environment,
        **terraform_environment(tmp_path),
    }
    terraform = await Terraform.open(tmp_path / "lost", environment, lambda step: None)
    await terraform.init(fleet("orphan", endpoint_url=ec2.url))
    await terraform.apply(await terraform.plan())
    shutil.rmtree(tmp_path / "lost")

    kinds = {each.kind for each in await inventory.remaining(account, "orphan", OWNER)}
    assert kinds >= {"instance", "role", "instance-profile", "key-pair", "vpc", "security-group"}
    for _ in range(5):
        left = await inventory.remaining(account, "orphan", OWNER)
        await remove(account, left)
    assert await inventory.remaining(account, "orphan", OWNER) == []


async def test_only_the_key_pair_that_is_meant(account: Account) -> None:
    kept = await account.ask("ec2", "create_key_pair", KeyName="somebody-elses")
    meant = await account.ask("ec2", "create_key_pair", KeyName="a-lost-fleets")
    assert await remove(account, [Resource(kind="key-pair", id=meant["KeyPairId"])]) == []
    found = await account.collect("ec2", "describe_key_pairs", "KeyPairs")
    names = {each["KeyName"] for each in found}
    assert kept["KeyName"] in names
    assert meant["KeyName"] not in names


async def test_what_still_hangs_on_something_is_told(account: Account) -> None:
    vpc = (await account.ask("ec2", "create_vpc", CidrBlock="10.7.0.0/24"))["Vpc"]["VpcId"]
    await account.ask("ec2", "create_security_group", GroupName="x", Description="x", VpcId=vpc)
    group = Resource(kind="vpc", id=vpc)
    gone = Resource(kind="subnet", id="subnet-00000000")
    left = await remove(account, [group, gone])
    assert {each.id for each in left} >= {"subnet-00000000"}


async def test_who_may_not_is_told_so(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    from moto.ec2.exceptions import EC2ClientError
    from moto.ec2.responses.vpcs import VPCs

    def refuse(self: VPCs) -> None:
        raise EC2ClientError("UnauthorizedOperation", "You are not authorized.")

    monkeypatch.setattr(VPCs, "delete_vpc", refuse)
    with pytest.raises(DeniedError, match="You are not authorized"):
        await remove(account, [Resource(kind="vpc", id="vpc-1")])
