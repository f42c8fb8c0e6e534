"""What an account has that carries our tags: nothing of a fleet after `destroy`, and no leaks."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any, Final, NamedTuple

from argoexec_cli.compute.aws import instances
from argoexec_cli.compute.aws.account import Account
from argoexec_cli.compute.models import FLEET_TAG, OWNER_TAG, Resource

IAM_PATH: Final = "/argoexec/"


class _Kind(NamedTuple):
    """A kind of resource in EC2 whose list can be filtered by tags."""

    name: str
    operation: str
    key: str
    id: str


_KINDS: Final = (
    _Kind("volume", "describe_volumes", "Volumes", "VolumeId"),
    _Kind(
        "network-interface",
        "describe_network_interfaces",
        "NetworkInterfaces",
        "NetworkInterfaceId",
    ),
    _Kind("security-group", "describe_security_groups", "SecurityGroups", "GroupId"),
    _Kind("key-pair", "describe_key_pairs", "KeyPairs", "KeyPairId"),
    _Kind("launch-template", "describe_launch_templates", "LaunchTemplates", "LaunchTemplateId"),
    _Kind("subnet", "describe_subnets", "Subnets", "SubnetId"),
    _Kind("route-table", "describe_route_tables", "RouteTables", "RouteTableId"),
    _Kind(
        "internet-gateway", "describe_internet_gateways", "InternetGateways", "InternetGatewayId"
    ),
    _Kind("vpc", "describe_vpcs", "Vpcs", "VpcId"),
)
_ENDED: Final = ("terminated", "shutting-down")
_ENDED_REQUEST: Final = ("closed", "cancelled", "failed")


class _Right(NamedTuple):
    """A kind of thing in IAM, which tells the tags of one only when it is asked for that one."""

    name: str
    list: str
    key: str
    get: str
    one: str

    @property
    def id(self) -> str:
        """The parameter and the field that hold its name."""
        return f"{self.one}Name"


_RIGHTS: Final = (
    _Right("role", "list_roles", "Roles", "get_role", "Role"),
    _Right(
        "instance-profile",
        "list_instance_profiles",
        "InstanceProfiles",
        "get_instance_profile",
        "InstanceProfile",
    ),
)


async def remaining(account: Account, fleet: str, owner: str) -> list[Resource]:
    """Return everything of *fleet* that exists in the region, and its rights, which have none.

    Instances that are being terminated do not count. Reads only; needs the same rights as the
    removal did.
    """
    found = await _everything(account, instances.tags(fleet, owner))
    return [each for each in found if each.fleet == fleet and each.owner == owner]


async def leaks(account: Account, owner: str, fleets: Collection[str]) -> list[Resource]:
    """Return what carries *owner*'s tag and belongs to none of *fleets*, in the region.

    An empty *owner* means everybody, for whoever pays the bill.
    """
    filters = [{"Name": "tag-key", "Values": [FLEET_TAG]}]
    found = await _everything(account, filters)
    return [
        each
        for each in found
        if each.fleet and each.fleet not in fleets and (not owner or each.owner == owner)
    ]


async def _everything(account: Account, filters: list[dict[str, Any]]) -> list[Resource]:
    parts = await asyncio.gather(
        _instances(account, filters),
        _spot_requests(account, filters),
        *(_of_kind(account, kind, filters) for kind in _KINDS),
        *(_rights(account, kind) for kind in _RIGHTS),
    )
    return [resource for part in parts for resource in part]


async def _instances(account: Account, filters: list[dict[str, Any]]) -> list[Resource]:
    found = await instances.describe(account, filters)
    return [
        _resource(account, "instance", each["InstanceId"], each)
        for each in found
        if each["State"]["Name"] not in _ENDED
    ]


async def _spot_requests(account: Account, filters: list[dict[str, Any]]) -> list[Resource]:
    """Return open requests, and the instances of any request that never got their own tags."""
    found = await account.collect(
        "ec2", "describe_spot_instance_requests", "SpotInstanceRequests", Filters=filters
    )
    requests = [
        _resource(account, "spot-request", each["SpotInstanceRequestId"], each)
        for each in found
        if each.get("State") not in _ENDED_REQUEST
    ]
    started = {each["InstanceId"]: each for each in found if each.get("InstanceId")}
    if not started:
        return requests
    running = await instances.describe(
        account, [{"Name": "instance-id", "Values": sorted(started)}]
    )
    untagged = [
        _resource(account, "instance", each["InstanceId"], started[each["InstanceId"]])
        for each in running
        if each["State"]["Name"] not in _ENDED and not instances.tag(each, FLEET_TAG)
    ]
    return requests + untagged


async def _of_kind(account: Account, kind: _Kind, filters: list[dict[str, Any]]) -> list[Resource]:
    found = await account.collect("ec2", kind.operation, kind.key, Filters=filters)
    return [_resource(account, kind.name, each[kind.id], each) for each in found]


async def _rights(account: Account, kind: _Right) -> list[Resource]:
    """Return the roles or profiles under our path."""
    listed = await account.collect("iam", kind.list, kind.key, PathPrefix=IAM_PATH)
    names = [each[kind.id] for each in listed]
    found = await asyncio.gather(
        *(account.ask("iam", kind.get, **{kind.id: name}) for name in names)
    )
    return [
        _resource(account, kind.name, name, answer[kind.one])
        for name, answer in zip(names, found, strict=True)
    ]


def _resource(account: Account, kind: str, name: str, tagged: dict[str, Any]) -> Resource:
    return Resource(
        kind=kind,
        id=name,
        fleet=instances.tag(tagged, FLEET_TAG),
        owner=instances.tag(tagged, OWNER_TAG),
        region=account.region,
    )
