"""What is left of fleets, and what belongs to none."""

from __future__ import annotations

from typing import Any

import pytest

from argoexec_cli.compute.aws import instances, inventory
from argoexec_cli.compute.aws.account import Account
from argoexec_cli.compute.aws.images import parameter
from argoexec_cli.compute.models import Resource
from tests.compute.conftest import OWNER


def tagged(fleet: str, owner: str = OWNER) -> list[dict[str, str]]:
    """Return the tags of everything in *fleet*."""
    return [
        {"Key": "argoexec:fleet", "Value": fleet},
        {"Key": "argoexec:owner", "Value": owner},
        {"Key": "Name", "Value": f"{fleet}-0"},
    ]


def kinds(found: list[Resource]) -> list[str]:
    """Return what kinds were found, each as often as it was."""
    return sorted(each.kind for each in found)


async def public_image(account: Account) -> str:
    """Return an image's id without having all of them described."""
    answer = await account.ask("ssm", "get_parameter", Name=parameter("debian-12", "x86_64"))
    return str(answer["Parameter"]["Value"])


async def run_instance(account: Account, fleet: str, **options: Any) -> str:
    """Start an instance with the fleet's tags on it and its volume."""
    image = await public_image(account)
    specifications = [
        {"ResourceType": kind, "Tags": tagged(fleet)} for kind in ("instance", "volume")
    ]
    answer = await account.ask(
        "ec2",
        "run_instances",
        ImageId=image,
        InstanceType="t3.small",
        MinCount=1,
        MaxCount=1,
        TagSpecifications=specifications,
        **options,
    )
    return str(answer["Instances"][0]["InstanceId"])


async def test_every_kind_that_a_fleet_is_made_of_is_found(account: Account) -> None:
    tags = tagged("kinds")

    def of(kind: str) -> dict[str, Any]:
        return {"TagSpecifications": [{"ResourceType": kind, "Tags": tags}]}

    async def ec2(operation: str, **options: Any) -> dict[str, Any]:
        return await account.ask("ec2", operation, **options)

    vpc = (await ec2("create_vpc", CidrBlock="10.8.0.0/24", **of("vpc")))["Vpc"]["VpcId"]
    await ec2("create_subnet", VpcId=vpc, CidrBlock="10.8.0.0/24", **of("subnet"))
    await ec2("create_internet_gateway", **of("internet-gateway"))
    await ec2("create_route_table", VpcId=vpc, **of("route-table"))
    await ec2(
        "create_security_group",
        GroupName="kinds",
        Description="kinds",
        VpcId=vpc,
        **of("security-group"),
    )
    await ec2("create_key_pair", KeyName="kinds", **of("key-pair"))
    trust = '{"Version": "2012-10-17", "Statement": []}'
    await account.ask(
        "iam",
        "create_role",
        RoleName="kinds",
        Path="/argoexec/",
        AssumeRolePolicyDocument=trust,
        Tags=tags,
    )
    await account.ask(
        "iam", "create_instance_profile", InstanceProfileName="kinds", Path="/argoexec/", Tags=tags
    )
    await run_instance(account, "kinds")
    assert kinds(await inventory.remaining(account, "kinds", OWNER)) == [
        "instance",
        "instance-profile",
        "internet-gateway",
        "key-pair",
        "role",
        "route-table",
        "security-group",
        "subnet",
        "volume",
        "vpc",
    ]
    assert await inventory.remaining(account, "kinds", "somebody@example.com") == []


async def test_a_terminated_instance_is_nothing(account: Account) -> None:
    instance = await run_instance(account, "ended")
    await instances.terminate_instances(account, [instance])
    assert await inventory.remaining(account, "ended", OWNER) == []
    assert await instances.fleet_instances(account, "ended", OWNER) == []


async def test_a_spot_instance_is_found_before_it_has_tags_of_its_own(account: Account) -> None:
    image = await public_image(account)
    await account.ask(
        "ec2",
        "request_spot_instances",
        LaunchSpecification={"ImageId": image, "InstanceType": "t3.small"},
        TagSpecifications=[{"ResourceType": "spot-instances-request", "Tags": tagged("spot-left")}],
    )
    found = await inventory.remaining(account, "spot-left", OWNER)
    assert kinds(found) == ["instance", "spot-request"]


async def test_what_no_fleet_owns_is_a_leak(account: Account) -> None:
    await run_instance(account, "lost")
    found = await inventory.leaks(account, OWNER, fleets=["kept"])
    assert {"lost"} <= {each.fleet for each in found}
    known = {each.fleet for each in found}
    assert await inventory.leaks(account, OWNER, fleets=known) == []
    assert await inventory.leaks(account, "somebody@example.com", fleets=[]) == []
    everybodys = await inventory.leaks(account, "", fleets=["kept"])
    assert {each.id for each in everybodys} >= {each.id for each in found}


async def test_a_stopped_host_is_seen_and_started(account: Account) -> None:
    instance = await run_instance(account, "stopped")
    await account.ask("ec2", "stop_instances", InstanceIds=[instance])
    (host,) = await instances.fleet_instances(account, "stopped", OWNER)
    assert (host.name, host.id, host.state) == ("stopped-0", instance, "stopped")
    await instances.start_instances(account, [host.id])
    (host,) = await instances.fleet_instances(account, "stopped", OWNER)
    assert host.state == "running"
    assert host.instance_type == "t3.small"
    assert host.launched_at is not None


@pytest.mark.parametrize("call", [instances.start_instances, instances.terminate_instances])
async def test_nothing_to_do_asks_nobody(account: Account, call: Any) -> None:
    await call(account, [])


async def test_spot_instances_get_imds_v2_and_their_volumes_get_tags(account: Account) -> None:
    market = {"MarketType": "spot"}
    spot = await run_instance(account, "late", InstanceMarketOptions=market)
    await instances.complete_spot(account, "late", OWNER)
    await instances.complete_spot(account, "late", OWNER)
    (found,) = await instances.describe(account, [{"Name": "instance-id", "Values": [spot]}])
    assert found["MetadataOptions"]["HttpTokens"] == "required"
    assert found["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    volume = found["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    (described,) = (await account.ask("ec2", "describe_volumes", VolumeIds=[volume]))["Volumes"]
    assert instances.tag(described, "argoexec:fleet") == "late"
