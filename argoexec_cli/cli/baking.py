"""`provision --bake`, from the wish to the image."""

from __future__ import annotations

from argoexec_cli.cli.asking import confirmed
from argoexec_cli.cli.fleetplaces import fleet_store, tools_for
from argoexec_cli.cli.fleetwish import wanted_fleet
from argoexec_cli.cli.output import write, write_data
from argoexec_cli.cli.preview import render_preview
from argoexec_cli.cli.provisioning import Wish
from argoexec_cli.cli.session import Session
from argoexec_cli.cli.steps import StepDisplay
from argoexec_cli.compute.aws.account import open_account
from argoexec_cli.compute.aws.baked import BakedImage
from argoexec_cli.compute.fleet.bake import bake
from argoexec_cli.compute.fleet.provision import Provisioning
from argoexec_cli.compute.fleet.record import Fleet
from argoexec_cli.compute.fleet.removal import destroy
from argoexec_cli.errors import InvalidError, StoppedError
from argoexec_cli.models.base import encode


async def bake_image(session: Session, wish: Wish) -> None:
    """Make an image as *wish* says its hosts should be: with a host that exists only meanwhile."""
    doing = wish.doing
    with fleet_store(session).held(wish.name) as place, StepDisplay(session) as display:
        fleet = await wanted_fleet(session, wish, place.load(), place)
        if fleet.spec is None or fleet.spec.count != 1 or fleet.spec.spot:
            raise InvalidError(
                "an image is baked of one host on AWS, and not of a Spot one",
                hint="leave out --provider, --host, --count and --spot",
            )
        tools = tools_for(session, fleet, display.show)
        work = Provisioning(fleet, tools)
        if fleet.phase != "sealed":
            preview = await work.preview()
            if doing.plan and doing.output is not None:
                write_data(encode(preview), doing.output)
                return
            session.say_text(render_preview(fleet, preview))
            if doing.plan:
                return
            if not doing.yes and not confirmed(
                "Make this, and an image of it?", _REFUSAL, hint="say --yes, or see --plan"
            ):
                raise StoppedError("nothing was made", hint="say --yes, or answer y")
            await work.run()
        image = await bake(
            work.fleet, tools, await open_account(session.settings, fleet.spec.region)
        )
        await destroy(work.fleet, tools, drain_s=0.0, force=False)
        place.forget()
    _conclude(session, wish, work.fleet, image)


_REFUSAL = "this would make a host and an image"


def _conclude(session: Session, wish: Wish, fleet: Fleet, image: BakedImage) -> None:
    if wish.doing.output is not None:
        write_data(encode(image), wish.doing.output)
    else:
        write(f"{image.id}\n")
    command = f"argoexec provision NAME --ami {image.name} --runtime {fleet.runtime}"
    session.say(f"baked {image.id} as {image.name}; to use it: {command}")
    session.say(
        f"it costs money as long as it exists; to remove it: argoexec amis --delete {image.id}"
    )
