"""What is found before anything is made."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from argoexec_cli.compute.aws.account import Account
from argoexec_cli.compute.aws.images import parameter
from argoexec_cli.compute.aws.instances import fleet_instances
from argoexec_cli.compute.aws.preflight import preflight
from argoexec_cli.compute.models import Arch, Finding, FleetSpec, Os
from argoexec_cli.compute.terraform.module import find_module
from argoexec_cli.errors import DeniedError
from tests.compute.conftest import OWNER, fleet


async def find(account: Account, spec: FleetSpec) -> dict[str, Finding]:
    """Return the findings by what was looked at."""
    return {finding.check: finding for finding in await preflight(account, spec)}


async def default_subnet(account: Account) -> dict[str, str]:
    """Return a subnet of the account's default VPC, which moto gives no way out."""
    subnet: dict[str, str] = (await account.ask("ec2", "describe_subnets"))["Subnets"][0]
    return subnet


async def test_a_fleet_that_can_be_made(account: Account) -> None:
    found = await find(account, fleet("fine"))
    assert [name for name, each in found.items() if each.state == "wrong"] == []
    assert found["rights"].found == "instances may be started"
    assert found["credentials"].found.startswith("arn:aws:")
    assert re.fullmatch(r"ami-\w+ \(debian-12-amd64-.*\)", found["image"].found)
    assert found["instance type"].found == "t3.small: 2 vCPUs, 2 GiB"
    assert found["subnet"].found == "a VPC with a public subnet is made"


async def test_asking_for_rights_starts_nothing(account: Account) -> None:
    assert (await find(account, fleet("dry")))["rights"].state == "ok"
    assert await fleet_instances(account, "dry", OWNER) == []


async def test_rights_that_are_missing(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    from moto.ec2.exceptions import EC2ClientError
    from moto.ec2.responses.instances import InstanceResponse

    def refuse(self: InstanceResponse) -> None:
        raise EC2ClientError("UnauthorizedOperation", "You are not authorized.")

    monkeypatch.setattr(InstanceResponse, "run_instances", refuse)
    rights = (await find(account, fleet("denied")))["rights"]
    assert rights.state == "wrong"
    assert rights.code == DeniedError.code
    assert rights.found == "UnauthorizedOperation: You are not authorized."
    assert "terraform/README.md" in rights.fix


async def test_a_quota_that_nobody_tells_is_a_note(account: Account) -> None:
    """Moto's server does not know the service."""
    quota = (await find(account, fleet("quota")))["quota"]
    assert quota.state == "note"
    assert quota.found.startswith("not checked: ")


async def test_an_image_that_does_not_exist(account: Account) -> None:
    image = (await find(account, fleet("image", ami="ami-00000000000000000")))["image"]
    assert (image.state, image.found) == (
        "wrong",
        "the image does not exist in this region: ami-00000000000000000 in us-east-1",
    )


async def test_a_public_image_that_the_region_does_not_have(account: Account) -> None:
    image = (await find(account, fleet("parameter", arch="arm64")))["image"]
    assert image.state == "wrong"
    assert image.found == (
        "the public image parameter does not exist in this region: debian-12 on arm64 in us-east-1"
    )
    assert image.fix == "name an image with --ami"


async def test_image_and_type_must_be_of_one_architecture(account: Account) -> None:
    answer = await account.ask("ssm", "get_parameter", Name=parameter("debian-12", "x86_64"))
    other = answer["Parameter"]["Value"]
    found = await find(account, fleet("arch", arch="arm64", ami=other, instance_type="t4g.small"))
    assert found["image"].found.endswith(" is for x86_64, not arm64")
    assert found["image"].fix == "--arch x86_64, or another --ami"
    assert found["instance type"].state == "ok"
    found = await find(account, fleet("arch", instance_type="t4g.small"))
    assert found["instance type"].found == "t4g.small is arm64, not x86_64"


async def test_a_type_that_does_not_exist(account: Account) -> None:
    found = (await find(account, fleet("type", instance_type="t3.tiny")))["instance type"]
    assert found.state == "wrong"
    assert found.found == (
        "the instance type does not exist, or not in this zone: t3.tiny in us-east-1"
    )


async def test_a_zone_that_does_not_offer_the_type(account: Account) -> None:
    spec = fleet("zone", availability_zone="us-east-1z")
    found = (await find(account, spec))["instance type"]
    assert found.found == "t3.small is not offered in us-east-1z"
    assert "us-east-1a" in found.fix


async def test_a_subnet_without_a_way_out(account: Account) -> None:
    subnet = (await default_subnet(account))["SubnetId"]
    found = (await find(account, fleet("route", subnet_id=subnet)))["subnet"]
    assert found.found == f"{subnet} has no route to the internet"


async def test_a_way_out_that_needs_public_addresses(account: Account) -> None:
    vpc = (await account.ask("ec2", "create_vpc", CidrBlock="10.9.0.0/24"))["Vpc"]["VpcId"]
    # Without a zone it gets any, also one that has no t3.small.
    made = await account.ask(
        "ec2",
        "create_subnet",
        VpcId=vpc,
        CidrBlock="10.9.0.0/28",
        AvailabilityZone="us-east-1a",
    )
    subnet = made["Subnet"]["SubnetId"]
    gateway = (await account.ask("ec2", "create_internet_gateway"))["InternetGateway"][
        "InternetGatewayId"
    ]
    await account.ask("ec2", "attach_internet_gateway", VpcId=vpc, InternetGatewayId=gateway)
    # Only the VPC's main table has the route: the subnet has none of its own.
    (table,) = (
        await account.ask(
            "ec2", "describe_route_tables", Filters=[{"Name": "vpc-id", "Values": [vpc]}]
        )
    )["RouteTables"]
    await account.ask(
        "ec2",
        "create_route",
        RouteTableId=table["RouteTableId"],
        DestinationCidrBlock="0.0.0.0/0",
        GatewayId=gateway,
    )
    found = (await find(account, fleet("public", subnet_id=subnet)))["subnet"]
    assert found.state == "ok"
    assert found.found.endswith(f"out by {gateway}")
    found = (await find(account, fleet("private", subnet_id=subnet, public_ip=False)))["subnet"]
    assert (
        found.found == f"{subnet} reaches the internet by {gateway}, which needs public addresses"
    )
    found = (await find(account, fleet("many", subnet_id=subnet, count=50)))["subnet"]
    assert found.found == f"{subnet} has 11 free addresses"


async def test_a_subnet_that_does_not_exist(account: Account) -> None:
    found = (await find(account, fleet("subnet", subnet_id="subnet-00000000")))["subnet"]
    assert found.found == "the subnet does not exist in this region: subnet-00000000 in us-east-1"


async def test_where_nobody_is_known_nothing_else_is_asked(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    (only,) = await preflight(account, fleet("nobody"))
    assert (only.check, only.state) == ("credentials", "wrong")
    assert only.found == "there are no AWS credentials"


def test_the_parameters_are_the_modules() -> None:
    text = (find_module() / "image.tf").read_text()
    names = re.findall(r'= "(/aws/service/.*)"', text)
    built = {
        name.replace("${var.arch}", arch).replace(
            "${local.debian_arch}", {"x86_64": "amd64", "arm64": "arm64"}[arch]
        )
        for name in names
        for arch in get_args(Arch)
    }
    assert built == {parameter(one, arch) for one in get_args(Os) for arch in get_args(Arch)}
