"""A fleet's instances as EC2 knows them, which sees what Terraform does not: a stopped host."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, get_args

from argoexec_cli.compute.aws.account import Account
from argoexec_cli.compute.models import FLEET_TAG, OWNER_TAG, HostRecord, HostState


async def fleet_instances(account: Account, fleet: str, owner: str) -> list[HostRecord]:
    """Return the fleet's instances that are not terminated, by name and then by age.

    More than one of a name is possible for a moment, while one replaces the other.
    """
    found = [record(each) for each in await describe(account, tags(fleet, owner))]
    living = [host for host in found if host.state not in ("terminated", "shutting-down")]
    return sorted(living, key=lambda host: (len(host.name), host.name, str(host.launched_at)))


async def start_instances(account: Account, ids: Sequence[str]) -> None:
    """Start stopped instances; running ones stay as they are. Does not wait."""
    if ids:
        await account.ask("ec2", "start_instances", InstanceIds=list(ids))


async def terminate_instances(account: Account, ids: Sequence[str]) -> None:
    """Terminate instances that Terraform does not know (any more); repeatable, does not wait."""
    if ids:
        await account.ask("ec2", "terminate_instances", InstanceIds=list(ids))


async def complete_spot(account: Account, fleet: str, owner: str) -> None:
    """Give Spot instances what their request could not: IMDSv2 alone, one hop, tags on volumes.

    Call it after an apply with `spot`; repeatable.
    """
    for instance in await describe(account, tags(fleet, owner)):
        if instance.get("InstanceLifecycle") != "spot" or not _alive(instance):
            continue
        await account.ask(
            "ec2",
            "modify_instance_metadata_options",
            InstanceId=instance["InstanceId"],
            HttpEndpoint="enabled",
            HttpTokens="required",
            HttpPutResponseHopLimit=1,
        )
        if volumes := _volumes(instance):
            copied = [tag for tag in instance["Tags"] if not tag["Key"].startswith("aws:")]
            await account.ask("ec2", "create_tags", Resources=volumes, Tags=copied)


async def describe(account: Account, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return instances in EC2's own form, of every state."""
    reservations = await account.collect(
        "ec2", "describe_instances", "Reservations", Filters=filters
    )
    return [instance for each in reservations for instance in each["Instances"]]


def tags(fleet: str, owner: str) -> list[dict[str, Any]]:
    """Return the filters that find what belongs to *fleet* of *owner*."""
    return [
        {"Name": f"tag:{FLEET_TAG}", "Values": [fleet]},
        {"Name": f"tag:{OWNER_TAG}", "Values": [owner]},
    ]


def tag(item: dict[str, Any], key: str) -> str:
    """Return the value of a tag in any of EC2's and IAM's forms, or nothing."""
    given: Iterable[dict[str, str]] = item.get("Tags") or item.get("TagSet") or ()
    return next((each["Value"] for each in given if each["Key"] == key), "")


def record(instance: dict[str, Any]) -> HostRecord:
    """Return *instance* in our own words. Who logs in is not known to EC2."""
    state = instance.get("State", {}).get("Name")
    return HostRecord(
        name=tag(instance, "Name"),
        id=instance["InstanceId"],
        state=next((one for one in get_args(HostState) if one == state), "unknown"),
        private_ip=instance.get("PrivateIpAddress", ""),
        public_ip=instance.get("PublicIpAddress", ""),
        availability_zone=instance.get("Placement", {}).get("AvailabilityZone", ""),
        instance_type=instance.get("InstanceType", ""),
        spot=instance.get("InstanceLifecycle") == "spot",
        launched_at=instance.get("LaunchTime"),
    )


def _alive(instance: dict[str, Any]) -> bool:
    return instance.get("State", {}).get("Name") in ("pending", "running")


def _volumes(instance: dict[str, Any]) -> list[str]:
    mappings = instance.get("BlockDeviceMappings", ())
    return [each["Ebs"]["VolumeId"] for each in mappings if "Ebs" in each]
