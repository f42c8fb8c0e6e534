"""From nothing, or from wherever the last run was cut off, to a fleet whose every host runs pods.

Every step may be repeated, so continuing is running it again: what is done already is found done.
The record says how far a run came; nothing is believed that can be asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from argoexec_cli.aio import to_the_end
from argoexec_cli.compute.connection import shared
from argoexec_cli.compute.events import OnStep, Step
from argoexec_cli.compute.fleet import access, daemon
from argoexec_cli.compute.fleet.compute import Compute, Preview
from argoexec_cli.compute.fleet.configure import (
    Around,
    Configure,
    configuration_digest,
    load_stand_in,
)
from argoexec_cli.compute.fleet.record import Fleet, Host, Phase
from argoexec_cli.compute.fleet.ssh import Limits, forget_host_key, wait_for_login
from argoexec_cli.compute.fleet.store import Place
from argoexec_cli.compute.trust.fleet import forget_host, open_trust
from argoexec_cli.errors import (
    ArgoexecError,
    CapacityError,
    DeniedError,
    InvalidError,
    NotFoundError,
    PreconditionError,
    UnauthenticatedError,
    UnavailableError,
)
from argoexec_cli.models.connection import Endpoint, Ssh

# An instance boots, and lets nobody in before cloud-init has written the key down; a host that
# is given is up, or somebody has just switched it on.
_LIMITS: Final = {
    "aws": Limits(600.0, 90.0, "; where this machine's address has changed: --allow none"),
    "ssh": Limits(120.0, 0.0),
}
_CHECKS: Final = "check tools and access"
_AS_IT_IS: Final = "as it should be"

# What a shell sees then says as much as AWS's own answer would.
_ERRORS: Final[dict[str, type[ArgoexecError]]] = {
    kind.code: kind
    for kind in (
        CapacityError,
        DeniedError,
        InvalidError,
        NotFoundError,
        UnauthenticatedError,
        UnavailableError,
    )
}


class Tools(NamedTuple):
    """What a run works with."""

    place: Place
    compute: Compute
    configure: Configure
    on_step: OnStep


class Provisioning:
    """One run for one fleet, whose directory the caller holds. Cancel it any time; run it again."""

    def __init__(self, fleet: Fleet, tools: Tools) -> None:
        """Do nothing yet."""
        self.fleet = fleet
        self._place, self._compute, self._configure, self._on_step = tools

    async def preview(self) -> Preview:
        """Check what is needed and find out what would be done; makes nothing.

        `PreconditionError` names the first thing that is wrong, with its fix.
        """
        self._on_step(Step(source="preflight", action=_CHECKS, state="started"))
        self._configure.check()
        for finding in await self._compute.preflight():
            if finding.state == "wrong":
                text = f"{finding.check}: {finding.found}"
                self._on_step(Step(source="preflight", action=_CHECKS, state="failed", detail=text))
                raise _ERRORS.get(finding.code, PreconditionError)(text, hint=finding.fix)
        self._on_step(Step(source="preflight", action=_CHECKS, state="done"))
        return await self._compute.plan()

    def outdated(self) -> tuple[str, ...]:
        """Return the hosts that were configured, and would now be configured differently."""
        hosts = (host for host in self.fleet.hosts if host.configured)
        return tuple(host.name for host in hosts if host.configured != self._digest(host))

    async def run(self) -> dict[str, Endpoint]:
        """Do all that is left to do; return the way to each host's daemon, in order.

        When a host fails, the others are finished first. Raises that host's error.
        """
        self._save(phase="planned")
        self._take_over(await self._compute.apply())
        self._save(phase="applied")
        ways = {host.name: self._way(host) for host in self.fleet.hosts}
        stale = await self._stale(ways)
        if stale:
            await self._configured(stale, ways)
        self._save(phase="ready")
        return ways

    def _take_over(self, found: tuple[Host, ...]) -> None:
        """Write down the hosts that there are now; forget what belonged to those that are gone."""
        known = {host.name: host for host in self.fleet.hosts}
        kept = tuple(_merged(known.get(host.name), host) for host in found)
        trust = open_trust(self._place.trust, self.fleet.name)
        for name in known.keys() - {host.name for host in kept}:
            forget_host(trust, known[name].key)
        for host in kept:
            before = known.get(host.name)
            if before is not None and before.id != host.id and before.address:
                forget_host_key(self._place.known_hosts, before.address)
        self.fleet = msgspec.structs.replace(self.fleet, hosts=kept)

    async def _stale(self, ways: dict[str, Endpoint]) -> list[Host]:
        """Return the hosts that are not as they should be: other configuration, or no answer."""

        async def fresh(host: Host) -> bool:
            if not host.proved or host.configured != self._digest(host):
                return False
            try:
                await daemon.ask(ways[host.name])
            except ArgoexecError:
                return False
            return True

        hosts = self.fleet.hosts
        answers = await asyncio.gather(*map(fresh, hosts))
        for host, good in zip(hosts, answers, strict=True):
            if good:
                found = Step(source="record", action=_AS_IT_IS, state="skipped", subject=host.name)
                self._on_step(found)
        return [host for host, good in zip(hosts, answers, strict=True) if not good]

    async def _configured(self, hosts: Sequence[Host], ways: dict[str, Endpoint]) -> None:
        """Configure *hosts*, all at once, and see of each as soon as it is that it runs a pod."""

        async def reach(host: Host) -> None:
            if (login := logins[host.name]) is not None:
                limits = _LIMITS[self.fleet.provider]
                await wait_for_login(login, host.name, self._on_step, limits)

        async def prove(host: Host) -> None:
            done = msgspec.structs.replace(host, configured=self._digest(host), proved=False)
            self.fleet = self.fleet.with_host(done)
            self._save()
            await self._prove(done, logins[host.name], ways[host.name])

        async def reach_all() -> None:
            await asyncio.gather(to_the_end(*map(reach, hosts)), asyncio.to_thread(daemon.load))

        around = Around(reach_all, prove)
        async with shared({host.name: self._compute.login(host) for host in hosts}) as logins:
            told = (self.fleet, self._place, hosts, logins, around, self._on_step)
            await self._configure.apply(*told)

    async def _prove(self, host: Host, login: Ssh | None, way: Endpoint) -> None:
        """See that the daemon of *host* answers and runs a pod."""
        runtime = self.fleet.runtime
        images = daemon.PROBE_IMAGES[runtime]

        async def stand_in() -> None:
            await load_stand_in(runtime, login, images[-1])

        async with daemon.reached(way, host.name, self._on_step) as connection:
            await daemon.probe(connection, host.name, self._on_step, images, stand_in)
        now = next(each for each in self.fleet.hosts if each.name == host.name)
        self.fleet = self.fleet.with_host(msgspec.structs.replace(now, proved=True))
        self._save()

    def _way(self, host: Host) -> Endpoint:
        return access.endpoint(self.fleet, self._place, host, self._compute.login(host))

    def _digest(self, host: Host) -> str:
        certificates = access.host_certificates(self.fleet, self._place, host)
        return configuration_digest(self.fleet, host, certificates)

    def _save(self, *, phase: Phase | None = None) -> None:
        if phase is not None:
            self.fleet = msgspec.structs.replace(self.fleet, phase=phase)
        self._place.save(self.fleet)


def _merged(before: Host | None, now: Host) -> Host:
    """Return *now* with what is known of the same machine from before."""
    if before is None or before.id != now.id:
        return now
    return msgspec.structs.replace(now, configured=before.configured, proved=before.proved)
