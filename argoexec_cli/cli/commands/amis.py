"""`argoexec amis`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from argoexec_cli.cli.declare import Option
from argoexec_cli.cli.durations import render_age
from argoexec_cli.cli.items import now
from argoexec_cli.cli.output import Data, write, write_data
from argoexec_cli.cli.session import Session
from argoexec_cli.cli.table import render_table
from argoexec_cli.models.base import encode

if TYPE_CHECKING:
    from argoexec_cli.compute.aws.baked import BakedImage

_HEADER = ["ID", "NAME", "STATE", "OS", "RUNTIME", "VERSION", "MONTH", "AGE", "OWNER"]


async def amis_(
    session: Session,
    region: Annotated[str, Option(metavar="NAME", help="AWS's; default: AWS_REGION.")] = "",
    delete: Annotated[
        list[str] | None,
        Option(metavar="ID", help="Remove this one, with its snapshots. Hosts of it stay."),
    ] = None,
    output: Annotated[
        Data | None, Option("--output", "-o", metavar="FORMAT", help="json or yaml.")
    ] = None,
) -> None:
    """List the machine images that provision --bake made, or remove some.

    MONTH is the most that an image costs in a month, by list prices: its snapshots hold what is
    written on the disk, not all of its size.
    """
    from argoexec_cli.compute.aws.account import open_account
    from argoexec_cli.compute.aws.baked import baked_images, find_baked, remove_image

    account = await open_account(session.settings, region)
    for image in [await find_baked(account, each) for each in delete or ()]:
        await remove_image(account, image)
        session.say(f"removed {image.id} ({image.name}) and its snapshots")
    if delete:
        return
    found = await baked_images(account)
    if output is not None:
        write_data([encode(image) for image in found], output)
    elif not found:
        session.say("there is no baked image; to make one: argoexec provision NAME --bake")
    else:
        write(render_table([_row(each) for each in found], header=_HEADER, color=session.color))


def _row(image: BakedImage) -> list[str]:
    from argoexec_cli.compute.aws.prices import snapshot_month

    old = render_age((now() - image.created).total_seconds()) if image.created else ""
    cost = f"${snapshot_month(image.size_gib, image.region):.2f}"
    told = [image.id, image.name, image.state, image.os, image.runtime, image.version]
    return [*told, cost, old, image.owner]
