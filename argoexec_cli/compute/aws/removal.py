"""Removes what carries a fleet's tags and no state knows: a run was killed, a state was lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from argoexec_cli.compute.aws.account import Account
from argoexec_cli.compute.models import Resource
from argoexec_cli.errors import ArgoexecError, DeniedError, UnauthenticatedError, UnavailableError

_Remover = Callable[[Account, str], Awaitable[None]]
# What no other resource can be the reason for.
_FINAL: Final = (DeniedError, UnauthenticatedError, UnavailableError)


async def remove(account: Account, resources: Iterable[Resource]) -> list[Resource]:
    """Remove *resources* as far as they depend on nothing any more; return what is still there.

    Terminating takes EC2 a while, and what an instance used cannot go before it: call it again
    with what `inventory.remaining` finds until that is nothing. Each call is harmless to repeat.
    Raises when AWS does not answer, or does not allow it.
    """
    left = []
    for resource in sorted(resources, key=lambda each: _ORDER.index(each.kind)):
        try:
            await _REMOVERS[resource.kind](account, resource.id)
        except _FINAL:
            raise
        except ArgoexecError:
            left.append(resource)
    return left


def _ec2(operation: str, parameter: str, *, many: bool = False) -> _Remover:
    """Return what removes a thing by one call, which takes its id or a list of them."""

    async def call(account: Account, name: str) -> None:
        await account.ask("ec2", operation, **{parameter: [name] if many else name})

    return call


async def _key_pair(account: Account, name: str) -> None:
    answer = await account.ask(
        "ec2", "describe_key_pairs", Filters=[{"Name": "key-pair-id", "Values": [name]}]
    )
    for pair in answer["KeyPairs"]:
        await account.ask("ec2", "delete_key_pair", KeyName=pair["KeyName"])


async def _route_table(account: Account, name: str) -> None:
    answer = await account.ask("ec2", "describe_route_tables", RouteTableIds=[name])
    for association in answer["RouteTables"][0].get("Associations", ()):
        if not association.get("Main"):
            await account.ask(
                "ec2",
                "disassociate_route_table",
                AssociationId=association["RouteTableAssociationId"],
            )
    await account.ask("ec2", "delete_route_table", RouteTableId=name)


async def _internet_gateway(account: Account, name: str) -> None:
    answer = await account.ask("ec2", "describe_internet_gateways", InternetGatewayIds=[name])
    for attachment in answer["InternetGateways"][0].get("Attachments", ()):
        vpc = attachment["VpcId"]
        await account.ask("ec2", "detach_internet_gateway", InternetGatewayId=name, VpcId=vpc)
    await account.ask("ec2", "delete_internet_gateway", InternetGatewayId=name)


async def _security_group(account: Account, name: str) -> None:
    """Delete a group; a VPC's default one goes with its VPC, and only then."""
    answer = await account.ask("ec2", "describe_security_groups", GroupIds=[name])
    if answer["SecurityGroups"][0]["GroupName"] != "default":
        await account.ask("ec2", "delete_security_group", GroupId=name)


async def _profile(account: Account, name: str) -> None:
    found = await account.ask("iam", "get_instance_profile", InstanceProfileName=name)
    for role in found["InstanceProfile"]["Roles"]:
        await account.ask(
            "iam",
            "remove_role_from_instance_profile",
            InstanceProfileName=name,
            RoleName=role["RoleName"],
        )
    await account.ask("iam", "delete_instance_profile", InstanceProfileName=name)


async def _role(account: Account, name: str) -> None:
    role: dict[str, Any] = {"RoleName": name}
    attached = await account.collect(
        "iam", "list_attached_role_policies", "AttachedPolicies", **role
    )
    for policy in attached:
        await account.ask("iam", "detach_role_policy", **role, PolicyArn=policy["PolicyArn"])
    inline = (await account.ask("iam", "list_role_policies", **role))["PolicyNames"]
    for policy_name in inline:
        await account.ask("iam", "delete_role_policy", **role, PolicyName=policy_name)
    await account.ask("iam", "delete_role", **role)


# In the order in which they let go of each other.
_REMOVERS: Final[dict[str, _Remover]] = {
    "spot-request": _ec2("cancel_spot_instance_requests", "SpotInstanceRequestIds", many=True),
    "instance": _ec2("terminate_instances", "InstanceIds", many=True),
    "volume": _ec2("delete_volume", "VolumeId"),
    "network-interface": _ec2("delete_network_interface", "NetworkInterfaceId"),
    "launch-template": _ec2("delete_launch_template", "LaunchTemplateId"),
    "key-pair": _key_pair,
    "instance-profile": _profile,
    "role": _role,
    "security-group": _security_group,
    "internet-gateway": _internet_gateway,
    "route-table": _route_table,
    "subnet": _ec2("delete_subnet", "SubnetId"),
    "vpc": _ec2("delete_vpc", "VpcId"),
}
_ORDER: Final = tuple(_REMOVERS)
