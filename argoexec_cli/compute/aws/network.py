"""Whether hosts of a given subnet reach the internet, and where an instance type is offered."""

from __future__ import annotations

from typing import Any, Final

from argoexec_cli.compute.aws.account import Account
from argoexec_cli.compute.models import Finding, FleetSpec
from argoexec_cli.errors import NotFoundError, PreconditionError

_EVERYWHERE: Final = "0.0.0.0/0"
_VPCS: Final = "aws ec2 describe-vpcs"
_WAYS: Final = (
    "GatewayId",
    "NatGatewayId",
    "TransitGatewayId",
    "NetworkInterfaceId",
    "InstanceId",
    "VpcPeeringConnectionId",
)


async def zones_offering(account: Account, instance_type: str) -> list[str]:
    """Return the zones of the region that have *instance_type*, in order of their names."""
    found = await account.collect(
        "ec2",
        "describe_instance_type_offerings",
        "InstanceTypeOfferings",
        LocationType="availability-zone",
        Filters=[{"Name": "instance-type", "Values": [instance_type]}],
    )
    return sorted(each["Location"] for each in found)


async def find_subnet(account: Account, subnet: str) -> dict[str, Any]:
    """Return a subnet in EC2's form; `NotFoundError` when the region has none of this id."""
    answer = await account.ask("ec2", "describe_subnets", SubnetIds=[subnet])
    found: dict[str, Any] = answer["Subnets"][0]
    return found


async def choose_subnet(account: Account, vpc: str, spec: FleetSpec) -> str:
    """Return a subnet of *vpc* for the hosts of *spec*: of those with a way out, the one with the
    most free addresses. One of the fleet's own, from an earlier run, stays.

    `NotFoundError` where there is no such VPC, `PreconditionError` where no subnet fits.
    """
    filters = [{"Name": "vpc-id", "Values": [vpc]}]
    subnets = await account.collect("ec2", "describe_subnets", "Subnets", Filters=filters)
    if not subnets:
        raise NotFoundError(f"{vpc} has no subnet, or is not in {account.region}", hint=_VPCS)
    if spec.subnet_id in {each["SubnetId"] for each in subnets}:
        return spec.subnet_id
    zones = await zones_offering(account, spec.instance_type)
    offered = [each for each in subnets if not zones or each["AvailabilityZone"] in zones]
    found = [(await check_route(account, spec, each), each) for each in offered]
    fitting = [subnet for finding, subnet in found if finding.state == "ok"]
    if not fitting:
        why = "; ".join(finding.found for finding, _ in found) or "none is in a zone of the type"
        raise PreconditionError(f"no subnet of {vpc} fits: {why}", hint="name one with --subnet")
    best = max(fitting, key=lambda each: (each.get("AvailableIpAddressCount", 0), each["SubnetId"]))
    return str(best["SubnetId"])


async def check_route(account: Account, spec: FleetSpec, subnet: dict[str, Any]) -> Finding:
    """Look for the subnet's way out, which packages and images take."""
    way = await _way_out(account, subnet)
    name = subnet["SubnetId"]
    if not way:
        return Finding(
            check="subnet",
            state="wrong",
            found=f"{name} has no route to the internet",
            fix="add a NAT or internet gateway to its route table, or take another --subnet",
        )
    if way.startswith("igw-") and not spec.public_ip:
        return Finding(
            check="subnet",
            state="wrong",
            found=f"{name} reaches the internet by {way}, which needs public addresses",
            fix="give hosts public addresses, or take a --subnet with a NAT gateway",
        )
    free = subnet.get("AvailableIpAddressCount", spec.count)
    if free < spec.count:
        return Finding(
            check="subnet",
            state="wrong",
            found=f"{name} has {free} free addresses",
            fix=f"--count {free}, or another --subnet",
        )
    return Finding(check="subnet", state="ok", found=f"{name} in {_zone(subnet)}, out by {way}")


async def _way_out(account: Account, subnet: dict[str, Any]) -> str:
    """Return what the default route of the subnet's table, or else of the VPC's main one, names."""
    own = [{"Name": "association.subnet-id", "Values": [subnet["SubnetId"]]}]
    main = [
        {"Name": "vpc-id", "Values": [subnet["VpcId"]]},
        {"Name": "association.main", "Values": ["true"]},
    ]
    for filters in (own, main):
        tables = await account.collect(
            "ec2", "describe_route_tables", "RouteTables", Filters=filters
        )
        if tables:
            return _default_route(tables[0]["Routes"])
    return ""


def _default_route(routes: list[dict[str, Any]]) -> str:
    for route in routes:
        if route.get("DestinationCidrBlock") == _EVERYWHERE and route.get("State") != "blackhole":
            return next((str(route[way]) for way in _WAYS if route.get(way)), "")
    return ""


def _zone(subnet: dict[str, Any]) -> str:
    return str(subnet.get("AvailabilityZone", "an unknown zone"))
