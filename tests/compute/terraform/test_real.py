"""Terraform and the AWS provider themselves, against an account in this process.

The provider waits ten seconds for every instance and every VPC, so these are few and long.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from argoexec_cli.compute.aws import inventory
from argoexec_cli.compute.aws.account import Account
from argoexec_cli.compute.aws.instances import (
    complete_spot,
    describe,
    fleet_instances,
    tags,
    terminate_instances,
)
from argoexec_cli.compute.events import Step
from argoexec_cli.compute.models import FleetSpec, Plan, S3Backend
from argoexec_cli.compute.terraform.adapter import Terraform
from argoexec_cli.compute.terraform.commands import PLAN_FILE
from argoexec_cli.errors import (
    ArgoexecError,
    CapacityError,
    DeniedError,
    InvalidError,
    NotFoundError,
    PreconditionError,
    UnavailableError,
)
from tests.compute.conftest import OWNER, fleet
from tests.compute.terraform.conftest import Steps
from tests.lab.ec2 import REGION, Ec2, Refusal

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


async def converge(terraform: Terraform, spec: FleetSpec) -> Plan:
    """Have what *spec* says; return what that took."""
    await terraform.init(spec)
    plan = await terraform.plan()
    await terraform.apply(plan)
    return plan


def hosts_of(plan: Plan) -> list[tuple[str, str]]:
    """Return what the plan does to which host."""
    return sorted((change.host, change.action) for change in plan.changes if change.host)


async def given_subnet(account: Account) -> str:
    """Return a subnet that exists, which saves the making of a VPC."""
    answer = await account.ask("ec2", "describe_subnets")
    return str(answer["Subnets"][0]["SubnetId"])


async def test_a_fleet_from_nothing_to_nothing(
    account: Account, directory: Path, environment: dict[str, str], steps: Steps
) -> None:
    spec = fleet(
        "life", endpoint_url=environment["AWS_ENDPOINT_URL"], client_cidrs=("203.0.113.7/32",)
    )
    terraform = await Terraform.open(directory, environment, steps.append)

    made = await converge(terraform, spec)
    assert hosts_of(made) == [("life-0", "create")]
    assert made.count("create") == len(made.changes)
    assert steps.of("life-0")[0] == ("create the instance", "started")
    assert steps.of("life-0")[-1] == ("create the instance", "done")
    (host,) = await terraform.hosts()
    assert (host.name, host.ssh_user, host.state) == ("life-0", "admin", "running")
    assert host.private_ip.startswith("10.73.0.")
    await the_first_instance_is_as_promised(account)
    nothing_is_left_behind(directory, environment)

    await terraform.init(spec)
    assert (await terraform.plan()).empty

    await terminate_instances(account, [host.id])
    repaired = await converge(terraform, fleet_of(spec, 2))
    assert hosts_of(repaired) == [("life-0", "create"), ("life-1", "create")]
    assert [each.name for each in await terraform.hosts()] == ["life-0", "life-1"]

    smaller = await converge(terraform, spec)
    assert hosts_of(smaller) == [("life-1", "delete")]
    assert [each.name for each in await fleet_instances(account, "life", OWNER)] == ["life-0"]

    gone = await terraform.destroy()
    assert gone.destroys
    assert await inventory.remaining(account, "life", OWNER) == []
    assert (await terraform.destroy()).empty
    assert await terraform.hosts() == ()


def fleet_of(spec: FleetSpec, count: int) -> FleetSpec:
    """Return the same fleet with another number of hosts."""
    return msgspec.structs.replace(spec, count=count)


async def the_first_instance_is_as_promised(account: Account) -> None:
    """Check what the module's README says of an instance, and that a run cut off leaves no
    untagged thing: tags came with the call that made it.
    """
    (instance,) = await describe(account, tags("life", OWNER))
    assert instance["MetadataOptions"]["HttpTokens"] == "required"
    assert instance["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    assert instance["EbsOptimized"] is True
    behaviour = await account.ask(
        "ec2",
        "describe_instance_attribute",
        InstanceId=instance["InstanceId"],
        Attribute="instanceInitiatedShutdownBehavior",
    )
    assert behaviour["InstanceInitiatedShutdownBehavior"] == {"Value": "terminate"}
    (volume,) = await account.collect(
        "ec2", "describe_volumes", "Volumes", Filters=tags("life", OWNER)
    )
    assert (volume["Encrypted"], volume["VolumeType"]) == (True, "gp3")
    (group,) = [
        each
        for each in await account.collect(
            "ec2", "describe_security_groups", "SecurityGroups", Filters=tags("life", OWNER)
        )
        if each["GroupName"] != "default"
    ]
    assert opened(group["IpPermissions"]) == {(22, "203.0.113.7/32"), (7401, "203.0.113.7/32")}
    out = {port for port, _ in opened(group["IpPermissionsEgress"])}
    assert out == {53, 80, 443}


def opened(permissions: list[dict[str, Any]]) -> set[tuple[int, str]]:
    """Return ports and who may use them."""
    return {(each["FromPort"], cidr["CidrIp"]) for each in permissions for cidr in each["IpRanges"]}


def nothing_is_left_behind(directory: Path, environment: dict[str, str]) -> None:
    """Check that the directory is private, and that no secret and no plan is in it."""
    assert directory.stat().st_mode & 0o777 == 0o700
    assert not (directory / PLAN_FILE).exists()
    for path in directory.rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            assert environment["AWS_SECRET_ACCESS_KEY"].encode() not in data, path


async def test_an_interrupted_apply_is_known_and_continued(
    account: Account, directory: Path, environment: dict[str, str], steps: Steps
) -> None:
    subnet = await given_subnet(account)
    spec = fleet("cut", endpoint_url=environment["AWS_ENDPOINT_URL"], subnet_id=subnet)
    begun = asyncio.Event()

    def on_step(step: Step) -> None:
        steps.append(step)
        if step.subject == "cut-0":
            begun.set()

    terraform = await Terraform.open(directory, environment, on_step)
    other = await Terraform.open(directory, environment, lambda step: None)
    await terraform.init(spec)
    plan = await terraform.plan()
    applying = asyncio.ensure_future(terraform.apply(plan))
    await begun.wait()

    with pytest.raises(PreconditionError, match="an earlier run still writes to"):
        await other.plan()

    applying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await applying
    assert steps.of("cut-0")[-1] == ("create the instance", "done")
    assert [each.name for each in await fleet_instances(account, "cut", OWNER)] == ["cut-0"]

    continued = await converge(terraform, spec)
    assert hosts_of(continued) == []
    assert (await terraform.plan()).empty


class Refused(NamedTuple):
    """What EC2 says, and what becomes of it."""

    code: str
    error: type[ArgoexecError]
    says: str


@pytest.mark.parametrize(
    "refused",
    [
        Refused("InsufficientInstanceCapacity", CapacityError, "no capacity"),
        Refused("VcpuLimitExceeded", CapacityError, "a quota of the AWS account"),
        Refused("UnauthorizedOperation", DeniedError, "Because I say so"),
    ],
    ids=lambda refused: str(refused.code),
)
async def test_what_aws_refuses(
    refused: Refused, ec2: Ec2, account: Account, environment: dict[str, str], directory: Path
) -> None:
    subnet, url = await given_subnet(account), environment["AWS_ENDPOINT_URL"]
    spec = fleet(f"no-{refused.code.lower()[:12]}", endpoint_url=url, subnet_id=subnet)
    steps = Steps()
    terraform = await Terraform.open(directory, environment, steps.append)
    ec2.refuse("RunInstances", Refusal(refused.code, "Because I say so."))
    try:
        with pytest.raises(refused.error, match=refused.says) as caught:
            await converge(terraform, spec)
    finally:
        ec2.refuse("RunInstances")
    assert caught.value.hint
    assert steps.of(spec.host_names[0])[-1] == ("create the instance", "failed")
    assert not (directory / PLAN_FILE).exists()


async def test_what_can_never_be(
    account: Account, directory: Path, environment: dict[str, str], steps: Steps
) -> None:
    subnet = await given_subnet(account)
    url = environment["AWS_ENDPOINT_URL"]
    terraform = await Terraform.open(directory, environment, steps.append)
    with pytest.raises(NotFoundError, match="the image does not exist in this region"):
        await converge(
            terraform, fleet("bad", endpoint_url=url, subnet_id=subnet, ami="ami-00000000")
        )
    with pytest.raises(InvalidError, match="the whole internet"):
        await converge(terraform, fleet("bad", endpoint_url=url, client_cidrs=("0.0.0.0/0",)))
    with pytest.raises(InvalidError, match="cannot be a fleet's name"):
        await terraform.init(fleet("Bad"))


async def test_spot_hosts(
    account: Account, directory: Path, environment: dict[str, str], steps: Steps
) -> None:
    spec = fleet(
        "spot",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        subnet_id=await given_subnet(account),
        spot=True,
    )
    terraform = await Terraform.open(directory, environment, steps.append)
    assert hosts_of(await converge(terraform, spec)) == [("spot-0", "create")]
    await complete_spot(account, "spot", OWNER)
    (host,) = await fleet_instances(account, "spot", OWNER)
    assert (host.name, host.spot) == ("spot-0", True)
    assert [each.id for each in await terraform.hosts()] == [host.id]
    assert (await terraform.plan()).empty
    await terraform.destroy()
    assert await inventory.remaining(account, "spot", OWNER) == []


async def test_a_state_that_others_share(
    account: Account, directory: Path, environment: dict[str, str], steps: Steps
) -> None:
    """Another machine, which has an empty directory, continues from the state in the bucket."""
    await account.ask("s3", "create_bucket", Bucket="states")
    backend = S3Backend(bucket="states", key="shared/terraform.tfstate", region=REGION)
    spec = fleet(
        "shared",
        count=0,
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        subnet_id=await given_subnet(account),
        backend=backend,
    )
    first = await Terraform.open(directory, environment, steps.append)
    assert (await converge(first, spec)).count("create") > 0
    assert not (directory / "terraform.tfstate").exists()

    second = await Terraform.open(directory.with_name("elsewhere"), environment, steps.append)
    await second.init(spec)
    assert (await second.plan()).empty
    await second.destroy()
    assert await inventory.remaining(account, "shared", OWNER) == []

    with pytest.raises(PreconditionError, match="the fleet's state is in another place"):
        await first.init(msgspec.structs.replace(spec, backend=None))
    nowhere = S3Backend(bucket="nowhere", key="x", region=REGION)
    third = await Terraform.open(directory.with_name("nowhere"), environment, steps.append)
    with pytest.raises(UnavailableError, match="does not exist"):
        await third.init(msgspec.structs.replace(spec, backend=nowhere))
