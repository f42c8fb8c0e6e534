"""Puts together what a fleet is worked on with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from argoexec_cli.cli.session import Session

if TYPE_CHECKING:
    from argoexec_cli.compute.events import OnStep, Step
    from argoexec_cli.compute.fleet.compute import Compute
    from argoexec_cli.compute.fleet.provision import Tools
    from argoexec_cli.compute.fleet.record import Fleet
    from argoexec_cli.compute.fleet.store import Fleets, FleetStore, Place


def fleet_store(session: Session) -> FleetStore:
    """Return the fleets of whoever has the config file: they are kept beside it."""
    from argoexec_cli.compute.fleet.store import FleetStore

    return FleetStore(Path(session.settings.config.value).parent / "fleets")


def fleets_here(session: Session) -> Fleets:
    """Return all fleets, and say of each that cannot be read why, and what to do about it."""
    from argoexec_cli.cli.boundary import show_message

    found = fleet_store(session).fleets()
    for name, error in found.broken.items():
        show_message(f"{name}: {error.message}", error.hint)
    return found


def unheard(step: Step) -> None:
    """Take no note of a step."""


def tools_for(session: Session, fleet: Fleet, on_step: OnStep = unheard) -> Tools:
    """Return what works on *fleet*; opens nothing."""
    from argoexec_cli.compute.fleet.ansible import AnsibleConfigure
    from argoexec_cli.compute.fleet.provision import Tools
    from argoexec_cli.config.load import silence_grpc

    silence_grpc()
    place = fleet_store(session).place(fleet.name)
    configure = AnsibleConfigure(_environment(session))
    return Tools(place, _compute(session, fleet, place, on_step), configure, on_step)


def _compute(session: Session, fleet: Fleet, place: Place, on_step: OnStep) -> Compute:
    from argoexec_cli.compute.fleet.given import GivenHosts, ThisMachine

    if fleet.provider == "ssh":
        return GivenHosts(fleet, place)
    if fleet.provider == "local":
        return ThisMachine(fleet)
    from argoexec_cli.compute.fleet.aws import AwsCompute, Surroundings

    around = Surroundings(session.settings, _environment(session))
    return AwsCompute(fleet, place, around, on_step)


def _environment(session: Session) -> dict[str, str]:
    from argoexec_cli.config.load import child_environment

    return child_environment()
