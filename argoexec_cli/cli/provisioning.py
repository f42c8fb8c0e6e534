"""`provision`, from the wish to the last word."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from argoexec_cli.cli.asking import confirmed
from argoexec_cli.cli.fleetplaces import fleet_store, tools_for
from argoexec_cli.cli.fleetwish import wanted_fleet
from argoexec_cli.cli.items import now
from argoexec_cli.cli.output import write, write_data
from argoexec_cli.cli.preview import preview_data, render_preview
from argoexec_cli.cli.session import Session
from argoexec_cli.cli.steps import StepDisplay
from argoexec_cli.cli.waterfall import render_waterfall
from argoexec_cli.compute.events import Step
from argoexec_cli.compute.fleet.access import write_contexts
from argoexec_cli.compute.fleet.given import check_free
from argoexec_cli.compute.fleet.provision import Provisioning
from argoexec_cli.compute.fleet.releasing import release
from argoexec_cli.compute.fleet.timings import Timings
from argoexec_cli.errors import AlreadyExistsError, StoppedError, UnsupportedError
from argoexec_cli.models.base import encode

if TYPE_CHECKING:
    from argoexec_cli.cli.commands.provision import Doing, Hosts, Network, Software
    from argoexec_cli.compute.fleet.record import Fleet
    from argoexec_cli.compute.fleet.store import Place
    from argoexec_cli.models.connection import Endpoint


_REFUSAL: Final = "this would make or change hosts"


class Wish(NamedTuple):
    """Everything that the command line says about a fleet."""

    name: str
    hosts: Hosts
    network: Network
    software: Software
    doing: Doing


async def provision(session: Session, wish: Wish) -> None:
    """Make, continue or change the fleet as *wish* says, and tell how to use it."""
    store, doing = fleet_store(session), wish.doing
    timings = Timings(began=now())
    with store.held(wish.name) as place, StepDisplay(session) as display:

        def on_step(step: Step) -> None:
            timings.add(step)
            display.show(step)

        before = place.load()
        if before is None:
            _check_context(session, wish.name, place)
        fleet = await wanted_fleet(session, wish, before, place)
        check_free(fleet, before, store.fleets().read)
        _check_register(fleet, doing)
        tools = tools_for(session, fleet, on_step)
        work = Provisioning(fleet, tools)
        preview = await work.preview()
        if doing.plan and doing.output is not None:
            write_data(preview_data(fleet, preview, work.outdated()), doing.output)
            return
        session.say_text(render_preview(fleet, preview, work.outdated()))
        if doing.plan:
            return
        if not (preview.empty or doing.yes) and not confirmed(
            "Do this?", _REFUSAL, hint="say --yes, or see --plan"
        ):
            raise StoppedError("nothing was made", hint="say --yes, or answer y")
        asked = now()
        ways = await work.run()
        made, left = await release(work.fleet, tools)
        config = Path(session.settings.config.value)
        write_contexts(config, made, ways, current=not session.settings.current_context)
        _keep_registered(session, made, ways, place, doing)
    for host in left:
        session.say(f"{host.host} is out of the fleet, but what was installed there stays")
    _conclude(session, wish, made, timings, (now() - asked).total_seconds())


def _conclude(session: Session, wish: Wish, fleet: Fleet, timings: Timings, took_s: float) -> None:
    doing = wish.doing
    if doing.output is not None:
        data = encode(fleet)
        if doing.timings:
            data["timings"] = msgspec.to_builtins(timings.spans)
        write_data(data, doing.output)
    elif doing.timings:
        write(render_waterfall(timings, (now() - timings.began).total_seconds()))
    count = len(fleet.hosts)
    session.say(f"{fleet.name}: {count} host{'s' if count != 1 else ''} ready in {took_s:.0f} s")
    session.say(f"to use it: argoexec --context {fleet.name} submit FILE --executor local --log")


def _keep_registered(
    session: Session, fleet: Fleet, ways: dict[str, Endpoint], place: Place, doing: Doing
) -> None:
    from argoexec_cli.cli.fleetregistry import refresh_fleet, register_fleet

    if doing.register or doing.default:
        register_fleet(session, fleet, ways, default=doing.default)
    if not fleet.via:
        refresh_fleet(session, fleet, ways, place)


def _check_context(session: Session, name: str, place: Place) -> None:
    """Refuse a new fleet whose contexts would take the place of somebody else's."""
    directory = place.directory.resolve()
    for context in session.settings.contexts:
        if context.name != name and not context.name.startswith(f"{name}/"):
            continue
        if context.tls is None or not Path(context.tls.ca).resolve().is_relative_to(directory):
            raise AlreadyExistsError(
                f"there is a context {context.name}, and it is of no fleet",
                hint=f"take another name, or: argoexec context delete {context.name}",
            )


def _check_register(fleet: Fleet, doing: Doing) -> None:
    if (doing.register or doing.default) and fleet.via:
        raise UnsupportedError(
            "an executor that is reached by SSH cannot be registered: the controller has no key",
            hint="say --via direct, or leave out --register",
        )
