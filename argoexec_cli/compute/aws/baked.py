"""Machine images that were baked: made of a stopped host, found by their tags, and removed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, cast

from argoexec_cli.compute.aws import instances
from argoexec_cli.compute.aws.account import Account
from argoexec_cli.compute.models import OWNER_TAG, Arch, Os
from argoexec_cli.errors import NotFoundError, PreconditionError, TimedOutError
from argoexec_cli.models.base import Model

IMAGE_TAG: Final = "argoexec:image"
_FACTS: Final = ("os", "runtime", "version")
_STOPPED_S: Final = 600.0
_AVAILABLE_S: Final = 3600.0
_KNOWN_S: Final = 60.0
_PAUSE_S: Final = 2.0


class BakedImage(Model, kw_only=True):
    """An image as it is now. `name` is what it was baked as, which several may share; `size_gib`
    is its disk, of which the snapshots hold at most as much.
    """

    id: str
    name: str
    owner: str = ""
    state: str = ""
    region: str = ""
    os: Os = "debian-12"
    arch: Arch = "x86_64"
    runtime: str = ""
    version: str = ""
    size_gib: int = 0
    snapshots: tuple[str, ...] = ()
    created: datetime | None = None


async def stop_instance(account: Account, instance: str) -> None:
    """Stop *instance* in good order, and wait until it is off; repeatable."""
    deadline = time.monotonic() + _STOPPED_S
    filters = [{"Name": "instance-id", "Values": [instance]}]
    while (state := await _state(account, filters)) != "stopped":
        if state not in ("running", "stopping", "pending"):
            raise PreconditionError(f"{instance} is {state}", hint="destroy it, and bake again")
        if time.monotonic() > deadline:
            raise TimedOutError(f"{instance} is still {state}", hint="run the same command again")
        if state == "running":
            await account.ask("ec2", "stop_instances", InstanceIds=[instance])
        await asyncio.sleep(_PAUSE_S)


async def make_image(account: Account, instance: str, tags: dict[str, str]) -> str:
    """Begin to make an image of a stopped instance, and return its id; tags come with the call.

    One that an earlier run began is returned instead. *tags* has `IMAGE_TAG`.
    """
    filters = [{"Name": "source-instance-id", "Values": [instance]}]
    if begun := await _described(account, filters):
        return str(begun[0]["ImageId"])
    name = tags[IMAGE_TAG]
    listed = [{"Key": key, "Value": value} for key, value in {"Name": name, **tags}.items()]
    answer = await account.ask(
        "ec2",
        "create_image",
        InstanceId=instance,
        Name=f"argoexec-{name}-{instance}",  # the account's images have different names
        Description=f"Hosts of argoexec, baked as {name}",
        TagSpecifications=[
            {"ResourceType": kind, "Tags": listed} for kind in ("image", "snapshot")
        ],
    )
    return str(answer["ImageId"])


async def wait_available(account: Account, image: str, waits: Callable[[str], None]) -> BakedImage:
    """Return the image as soon as hosts can be made of it; *waits* is told its state meanwhile."""
    began = time.monotonic()
    while True:
        state, waited = "pending", time.monotonic() - began
        try:
            found = await find_baked(account, image)
            state = found.state
        except NotFoundError:
            if waited > _KNOWN_S:  # at first EC2 may not know what it has just begun
                raise
        else:
            if state == "available":
                return found
        if state != "pending":
            raise PreconditionError(
                f"the image {image} is {state}", hint=f"argoexec amis --delete {image}"
            )
        if waited > _AVAILABLE_S:
            raise TimedOutError(f"{image} is still pending", hint="run the same command again")
        waits(state)
        await asyncio.sleep(_PAUSE_S)


async def baked_images(account: Account, name: str = "") -> list[BakedImage]:
    """Return all images that were baked (as *name*) in the region, the newest first."""
    wanted: dict[str, Any] = {"Name": "tag-key", "Values": [IMAGE_TAG]}
    if name:
        wanted = {"Name": f"tag:{IMAGE_TAG}", "Values": [name]}
    found = [_image(account, each) for each in await _described(account, [wanted])]
    return sorted(found, key=lambda each: str(each.created), reverse=True)


async def find_baked(account: Account, wanted: str) -> BakedImage:
    """Return the image with the id *wanted*, or the newest that was baked under that name."""
    if not wanted.startswith("ami-"):
        found = await baked_images(account, wanted)
    else:
        filters = [{"Name": "image-id", "Values": [wanted]}]
        described = await _described(account, filters)
        found = [_image(account, each) for each in described if instances.tag(each, IMAGE_TAG)]
    if not found:
        raise NotFoundError(
            f"no image was baked as {wanted} in {account.region}", hint="argoexec amis"
        )
    return found[0]


async def remove_image(account: Account, image: BakedImage) -> None:
    """Deregister *image* and delete what it is made of; hosts that run stay as they are."""
    await account.ask("ec2", "deregister_image", ImageId=image.id)
    for snapshot in image.snapshots:
        await account.ask("ec2", "delete_snapshot", SnapshotId=snapshot)


async def _described(account: Account, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return await account.collect(
        "ec2", "describe_images", "Images", Owners=["self"], Filters=filters
    )


async def _state(account: Account, filters: list[dict[str, Any]]) -> str:
    found = await instances.describe(account, filters)
    return str(found[0]["State"]["Name"]) if found else "gone"


def fact_tag(fact: str) -> str:
    """Return the tag that tells a fact about an image."""
    return f"argoexec:{fact}"


def _image(account: Account, found: dict[str, Any]) -> BakedImage:
    disks = [each["Ebs"] for each in found.get("BlockDeviceMappings", ()) if "Ebs" in each]
    facts = {fact: instances.tag(found, fact_tag(fact)) for fact in _FACTS}
    return BakedImage(
        id=found["ImageId"],
        name=instances.tag(found, IMAGE_TAG),
        owner=instances.tag(found, OWNER_TAG),
        state=str(found.get("State", "")),
        region=account.region,
        os=cast("Os", facts["os"] or "debian-12"),
        arch=cast("Arch", found.get("Architecture", "x86_64")),
        runtime=facts["runtime"],
        version=facts["version"],
        size_gib=sum(int(each.get("VolumeSize", 0)) for each in disks),
        snapshots=tuple(each["SnapshotId"] for each in disks if each.get("SnapshotId")),
        created=_time(str(found.get("CreationDate", ""))),
    )


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
