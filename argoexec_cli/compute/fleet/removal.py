"""From a fleet to nothing: drained, ended, looked for, and forgotten."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

import msgspec

from argoexec_cli.aio import to_the_end
from argoexec_cli.compute.events import OnStep, Source, State, Step
from argoexec_cli.compute.fleet import access
from argoexec_cli.compute.fleet.clearing import end_all
from argoexec_cli.compute.fleet.provision import Tools
from argoexec_cli.compute.fleet.record import Fleet, Host
from argoexec_cli.compute.models import Resource
from argoexec_cli.errors import ArgoexecError, PreconditionError, TimedOutError
from argoexec_cli.models.connection import Endpoint

_DRAIN: Final = "wait for running pods"
_PAUSE_S: Final = 2.0
_LEFT_S: Final = 120.0


async def destroy(fleet: Fleet, tools: Tools, *, drain_s: float, force: bool) -> None:
    """Remove *fleet*, whose directory the caller holds; repeatable, also after a failure.

    Without *force* running pods are waited for, `TimedOutError` when they do not end within
    *drain_s*. With it, everything on AWS that has the fleet's tags goes, whoever made it.
    `PreconditionError` lists what is still there after everything was ended.
    """
    place, compute, _, on_step = tools
    await compute.check_destroy()
    if not force:
        await _drain(fleet, tools, drain_s)
    place.save(msgspec.structs.replace(fleet, phase="destroying"))
    if fleet.provider != "aws":
        await _remove_daemons(fleet, tools, force=force)
    await compute.destroy(all_tagged=force)
    await _see_it_gone(fleet, tools, force=force)
    on_step(Step(source="record", action="forget keys and record", state="done"))


async def _drain(fleet: Fleet, tools: Tools, limit_s: float) -> None:
    """Wait until no host has a running pod. One that does not answer has nothing to wait for."""
    deadline = time.monotonic() + limit_s
    ways = {
        host.name: access.endpoint(fleet, tools.place, host, tools.compute.login(host))
        for host in fleet.hosts
    }
    _tell(tools.on_step, "daemon", _DRAIN, "started")
    while True:
        counts = await asyncio.gather(*map(running_pods, ways.values()))
        busy = {name: count for name, count in zip(ways, counts, strict=True) if count}
        if not busy:
            _tell(tools.on_step, "daemon", _DRAIN, "done")
            return
        detail = ", ".join(f"{name}: {count}" for name, count in busy.items())
        _tell(tools.on_step, "daemon", _DRAIN, "waiting", detail)
        if time.monotonic() > deadline:
            _tell(tools.on_step, "daemon", _DRAIN, "failed", detail)
            raise TimedOutError(
                f"pods still run after {limit_s:g} s: {detail}",
                hint=f"argoexec destroy {fleet.name} --force ends them",
            )
        await asyncio.sleep(_PAUSE_S)


async def running_pods(way: Endpoint) -> int:
    """Return how many pods run or wait there; 0 where nobody answers."""
    from argoexec_cli.compute.fleet.daemon import ask

    try:
        capacity = (await ask(way)).capacity
    except ArgoexecError:
        return 0
    return capacity.running_pods + capacity.queued_pods


async def _remove_daemons(fleet: Fleet, tools: Tools, *, force: bool) -> None:
    """Take the daemon away from every host, all at once.

    Where it may never have been, and with *force* anywhere, it is no error when that is impossible.
    """

    async def remove(host: Host) -> None:
        login = tools.compute.login(host)
        if force:
            await end_all(access.endpoint(fleet, tools.place, host, login))
        try:
            logins = {host.name: login}
            await tools.configure.remove(fleet, tools.place, (host,), logins, tools.on_step)
        except ArgoexecError:
            if host.configured and not force:
                raise

    await to_the_end(*map(remove, fleet.hosts))


async def _see_it_gone(fleet: Fleet, tools: Tools, *, force: bool) -> None:
    """Ask the provider until nothing of the fleet is left, which takes EC2 a moment."""
    action = "see that nothing is left"
    _tell(tools.on_step, "record", action, "started")
    deadline = time.monotonic() + _LEFT_S
    while left := await tools.compute.leftovers():
        if force:
            await tools.compute.destroy(all_tagged=True)
        if time.monotonic() > deadline:
            detail = describe(left)
            _tell(tools.on_step, "record", action, "failed", detail)
            raise PreconditionError(
                f"still there: {detail}",
                hint=f"if no other machine has a fleet {fleet.name}: "
                f"argoexec destroy {fleet.name} --force",
            )
        await asyncio.sleep(_PAUSE_S)
    _tell(tools.on_step, "record", action, "done")


def describe(resources: Sequence[Resource]) -> str:
    """Return what there is, in one line."""
    return ", ".join(f"{each.kind} {each.id}" for each in resources)


def _tell(on_step: OnStep, source: Source, action: str, state: State, detail: str = "") -> None:
    on_step(Step(source=source, action=action, state=state, detail=detail))
