"""Given hosts that a fleet no longer names: its daemon and its pods leave them."""

from __future__ import annotations

import asyncio

import msgspec

from argoexec_cli.compute.fleet import access
from argoexec_cli.compute.fleet.clearing import end_all
from argoexec_cli.compute.fleet.provision import Tools
from argoexec_cli.compute.fleet.record import Fleet, Host
from argoexec_cli.errors import ArgoexecError
from argoexec_cli.models.connection import Ssh


def dropped(before: Fleet, given: tuple[Ssh, ...]) -> tuple[Ssh, ...]:
    """Return what was given *before*, or dropped and not released yet, and is not in *given*."""
    named = {(each.host, each.port) for each in given}
    had = {(each.host, each.port): each for each in (*before.dropped, *before.given)}
    return tuple(each for key, each in had.items() if key not in named)


async def release(fleet: Fleet, tools: Tools) -> tuple[Fleet, tuple[Ssh, ...]]:
    """Take away what the fleet put on its dropped hosts; return the record, saved, and those where
    that was not possible.

    They are forgotten all the same: a host is often left out because it is gone.
    """
    if not fleet.dropped:
        return fleet, ()
    ends = await asyncio.gather(*(_release(fleet, tools, each) for each in fleet.dropped))
    left = tuple(each for each, good in zip(fleet.dropped, ends, strict=True) if not good)
    fleet = msgspec.structs.replace(fleet, dropped=())
    tools.place.save(fleet)
    return fleet, left


async def _release(fleet: Fleet, tools: Tools, given: Ssh) -> bool:
    login = msgspec.structs.replace(given, known_hosts_file=str(tools.place.known_hosts))
    host = Host(name=given.host, address=given.host, user=given.user, port=given.port)
    await end_all(access.endpoint(fleet, tools.place, host, login))
    try:
        logins = {host.name: login}
        await tools.configure.remove(fleet, tools.place, (host,), logins, tools.on_step)
    except ArgoexecError:
        return False
    return True
