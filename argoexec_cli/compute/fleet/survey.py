"""A fleet's hosts as they are now: asked of the cloud, and of their daemons."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from argoexec_cli.compute.aws.prices import cost_so_far
from argoexec_cli.compute.fleet import access, daemon
from argoexec_cli.compute.fleet.provision import Tools
from argoexec_cli.compute.fleet.record import Fleet, Host
from argoexec_cli.compute.models import HostRecord
from argoexec_cli.errors import ArgoexecError
from argoexec_cli.models.base import Model


class HostView(Model, kw_only=True):
    """One host. `problem` says why it is not healthy; `cost` is in US dollars since its launch.

    At `lease_ends` it ends itself if there is neither call nor work until then: the question that
    found it healthy was such a call.
    """

    name: str
    state: str
    healthy: bool
    problem: str = ""
    version: str = ""
    runtime: str = ""
    running_pods: int = 0
    address: str = ""
    instance_type: str = ""
    cost: float | None = None
    lease_ends: datetime | None = None


class Survey(NamedTuple):
    """The hosts, and why the provider could not be asked of them, where that is so: then their
    states are unknown, and their daemons were asked all the same.
    """

    views: tuple[HostView, ...]
    unasked: ArgoexecError | None


async def survey(fleet: Fleet, tools: Tools) -> Survey:
    """Look at all hosts of *fleet* at once; none of what is wrong with them is raised."""
    states, unasked = dict[str, HostRecord](), None
    try:
        states = await tools.compute.states()
    except ArgoexecError as exc:
        unasked = exc
        states = {each.name: HostRecord(name=each.name) for each in fleet.hosts}
    views = await asyncio.gather(*(_look(fleet, tools, each, states) for each in fleet.hosts))
    return Survey((*views, *_halves(fleet, states)), unasked)


def _halves(fleet: Fleet, states: Mapping[str, HostRecord]) -> list[HostView]:
    """Return the hosts that were made by a run which did not come to write them down.

    What is older than the fleet is another's of the same name and owner, made elsewhere.
    """
    unknown = sorted(states.keys() - {each.name for each in fleet.hosts})
    found = ((name, states[name]) for name in unknown)
    return [
        _half(fleet, name, known)
        for name, known in found
        if known.launched_at is not None and known.launched_at >= fleet.created
    ]


def _half(fleet: Fleet, name: str, known: HostRecord) -> HostView:
    verb = "destroy" if fleet.phase == "destroying" else "provision"
    return HostView(
        name=name,
        state=known.state,
        healthy=False,
        problem=f"a run was cut off; to go on: argoexec {verb} {fleet.name}",
        address=known.public_ip or known.private_ip,
        instance_type=known.instance_type,
        cost=_cost(fleet, known),
    )


async def _look(
    fleet: Fleet, tools: Tools, host: Host, states: Mapping[str, HostRecord]
) -> HostView:
    known = states.get(host.name)
    state = known.state if known else ("gone" if fleet.provider == "aws" else "given")
    cost = _cost(fleet, known)
    view = HostView(
        name=host.name,
        state=state,
        healthy=False,
        address=host.address,
        instance_type=host.instance_type,
        cost=cost,
    )
    if fleet.provider == "aws" and state not in ("running", "unknown"):
        return msgspec.structs.replace(view, problem=f"the instance is {state}")
    try:
        way = access.endpoint(fleet, tools.place, host, tools.compute.login(host))
        info = await daemon.ask(way)
    except ArgoexecError as exc:
        return msgspec.structs.replace(view, problem=exc.message)
    return msgspec.structs.replace(
        view,
        healthy=True,
        version=info.version,
        runtime=f"{info.runtime} {info.runtime_version}".strip(),
        running_pods=info.capacity.running_pods,
        lease_ends=_lease_ends(fleet),
    )


def _lease_ends(fleet: Fleet) -> datetime | None:
    """Return when the lease ends that has just been renewed; None where it never does."""
    lease_s = fleet.spec.lease_s if fleet.spec else 0
    return datetime.now(UTC) + timedelta(seconds=lease_s) if lease_s else None


def _cost(fleet: Fleet, known: HostRecord | None) -> float | None:
    if fleet.spec is None or known is None or known.launched_at is None:
        return None
    price = cost_so_far([known], fleet.spec.region, datetime.now(UTC))
    return round(price.high, 4) if price else None
