"""Images of stopped instances: begun once, found by name or id, removed with their snapshots."""

from __future__ import annotations

import pytest

from argoexec_cli.compute.aws.account import Account
from argoexec_cli.compute.aws.baked import (
    IMAGE_TAG,
    baked_images,
    find_baked,
    make_image,
    remove_image,
    stop_instance,
    wait_available,
)
from argoexec_cli.compute.aws.images import parameter
from argoexec_cli.compute.aws.instances import terminate_instances
from argoexec_cli.errors import NotFoundError, PreconditionError

TAGS = {IMAGE_TAG: "ready", "argoexec:owner": "me", "argoexec:os": "debian-12"}


async def launch(account: Account) -> str:
    """Return a new instance."""
    answer = await account.ask("ssm", "get_parameter", Name=parameter("debian-12", "x86_64"))
    made = await account.ask(
        "ec2",
        "run_instances",
        ImageId=answer["Parameter"]["Value"],
        InstanceType="t3.small",
        MinCount=1,
        MaxCount=1,
    )
    return str(made["Instances"][0]["InstanceId"])


async def test_an_image_from_its_making_to_its_end(account: Account) -> None:
    instance = await launch(account)
    await stop_instance(account, instance)
    await stop_instance(account, instance)
    image = await make_image(account, instance, TAGS)
    assert await make_image(account, instance, TAGS) == image
    waited: list[str] = []
    made = await wait_available(account, image, waited.append)
    assert (made.id, made.name, made.owner, made.os) == (image, "ready", "me", "debian-12")
    assert (made.state, made.arch) == ("available", "x86_64")
    assert await find_baked(account, "ready") == made
    assert await baked_images(account) == [made]

    found = await account.ask("ec2", "describe_snapshots", SnapshotIds=list(made.snapshots))
    assert {"Key": IMAGE_TAG, "Value": "ready"} in found["Snapshots"][0]["Tags"]
    await remove_image(account, made)
    assert await baked_images(account, "ready") == []
    left = await account.collect(
        "ec2",
        "describe_snapshots",
        "Snapshots",
        Filters=[{"Name": "tag-key", "Values": [IMAGE_TAG]}],
    )
    assert left == []
    await terminate_instances(account, [instance])
    with pytest.raises(PreconditionError, match=f"{instance} is terminated"):
        await stop_instance(account, instance)


async def test_what_was_not_baked_is_not_found(account: Account) -> None:
    answer = await account.ask("ssm", "get_parameter", Name=parameter("debian-12", "x86_64"))
    for wanted in ("nonesuch", str(answer["Parameter"]["Value"])):
        with pytest.raises(NotFoundError, match="no image was baked as") as caught:
            await find_baked(account, wanted)
        assert caught.value.hint == "argoexec amis"
