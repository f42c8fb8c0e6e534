"""Hosts that exist already: reached by SSH, or this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from ipaddress import IPv6Address
from typing import Final, Literal

import msgspec

from argoexec_cli.compute.fleet.compute import Preview
from argoexec_cli.compute.fleet.record import Fleet, Host
from argoexec_cli.compute.fleet.ssh import find_program
from argoexec_cli.compute.fleet.store import Place
from argoexec_cli.compute.models import Change, Finding, HostRecord, Resource
from argoexec_cli.errors import AlreadyExistsError, ArgoexecError, DeniedError, InvalidError
from argoexec_cli.models.connection import Ssh
from argoexec_cli.proc import Child, run

_KIND: Final = "host"
_HERE: Final = "localhost"
_PORT: Final = 22
_GIVEN: Final = re.compile(
    r"((?P<user>[^-\s]\S*)@)?"
    r"(((?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]*)|\[(?P<inside>[^\]]+)\])(:(?P<port>[0-9]{1,5}))?"
    r"|(?P<bare>[^\s@]*:\S*))"
)


class GivenHosts:
    """Hosts that somebody else made and keeps (`--provider ssh`)."""

    def __init__(self, fleet: Fleet, place: Place) -> None:
        """Serve the hosts that *fleet* names."""
        self._fleet = fleet
        self._place = place

    async def preflight(self) -> tuple[Finding, ...]:
        """Look for the program `ssh`."""
        return (await find_program(),)

    async def plan(self) -> Preview:
        """Tell which hosts are new to the fleet, and which are no longer in it."""
        known = {(each.address, each.port) for each in self._fleet.hosts}
        new = [each for each in self._fleet.given if (each.host, each.port) not in known]
        made = [_change("create", each) for each in new]
        return Preview(changes=(*made, *(_change("delete", each) for each in self._fleet.dropped)))

    async def apply(self) -> tuple[Host, ...]:
        """Return the hosts that were given."""
        return tuple(
            Host(
                name=f"{self._fleet.name}/{number}",
                id=each.host,
                address=each.host,
                private_ip=each.host,
                user=each.user,
                port=each.port,
            )
            for number, each in enumerate(self._fleet.given)
        )

    async def check_destroy(self) -> None:
        """Ask nobody: the hosts are not ours."""

    async def destroy(self, *, all_tagged: bool = False) -> None:
        """End nothing: the hosts are not ours."""

    async def leftovers(self) -> tuple[Resource, ...]:
        """Return nothing: the hosts are not ours."""
        return ()

    async def states(self) -> dict[str, HostRecord]:
        """Return nothing: nobody keeps account of them."""
        return {}

    def login(self, host: Host) -> Ssh | None:
        """Return the login that was given, with the fleet's own list of host keys."""
        known_hosts = str(self._place.known_hosts)
        left_out = Ssh(host=host.address, user=host.user, port=host.port)
        given = dict(enumerate(self._fleet.given)).get(host.number, left_out)
        return msgspec.structs.replace(given, known_hosts_file=known_hosts)


class ThisMachine:
    """The machine that argoexec runs on (`--provider local`)."""

    def __init__(self, fleet: Fleet) -> None:
        """Serve this machine as the fleet's one host."""
        self._fleet = fleet

    async def preflight(self) -> tuple[Finding, ...]:
        """See that we may become root here."""
        if os.geteuid() == 0:
            return ()
        try:
            refused = (await run(Child(["sudo", "-n", "true"], 10.0))).exit_code != 0
        except ArgoexecError:
            refused = True
        if not refused:
            return ()
        text = "who runs this may not become root without a password"
        fix = "run it as root, or allow it in /etc/sudoers.d: USER ALL=(ALL) NOPASSWD:ALL"
        return (Finding(check="root", state="wrong", found=text, fix=fix, code=DeniedError.code),)

    async def plan(self) -> Preview:
        """Tell whether this machine is new to the fleet."""
        if self._fleet.hosts:
            return Preview()
        change = Change(address=_HERE, kind=_KIND, action="create", host=_HERE)
        return Preview(changes=(change,))

    async def apply(self) -> tuple[Host, ...]:
        """Return this machine."""
        name = f"{self._fleet.name}/0"
        return (Host(name=name, id=_HERE, address="127.0.0.1", private_ip="127.0.0.1"),)

    async def check_destroy(self) -> None:
        """Ask nobody."""

    async def destroy(self, *, all_tagged: bool = False) -> None:
        """End nothing."""

    async def leftovers(self) -> tuple[Resource, ...]:
        """Return nothing."""
        return ()

    async def states(self) -> dict[str, HostRecord]:
        """Return nothing: nobody keeps account of them."""
        return {}

    def login(self, host: Host) -> Ssh | None:
        """Return None: nobody needs to log in."""
        return None


def check_free(fleet: Fleet, before: Fleet | None, others: Iterable[Fleet]) -> None:
    """Raise `AlreadyExistsError` for a host that is new to *fleet*, and that one of the *others*
    has configured: it would lose its daemon and the way to it.
    """
    new = _machines(fleet) - (_machines(before) if before else set())
    for other in others:
        for host in other.hosts:
            taken = (host.id.lower(), host.port or _PORT) in new
            if taken and host.configured and other.name != fleet.name:
                raise AlreadyExistsError(
                    f"{host.id} is {host.name} already",
                    hint=f"use the fleet {other.name}, or first: argoexec destroy {other.name}",
                )


def _machines(fleet: Fleet) -> set[tuple[str, int]]:
    if fleet.provider == "local":
        return {(_HERE, _PORT)}
    return {(each.host.lower(), each.port or _PORT) for each in fleet.given}


def _change(action: Literal["create", "delete"], given: Ssh) -> Change:
    return Change(address=given.host, kind=_KIND, action=action, host=given.host)


def parse_host(text: str, identity: str = "") -> Ssh:
    """Read `[USER@]HOST[:PORT]`; an IPv6 address with a port stands in brackets. `InvalidError`
    otherwise.
    """
    found = _GIVEN.fullmatch(text)
    if found is None or not _possible(found):
        raise InvalidError(f"--host {text!r} is not a host", hint="--host admin@10.0.0.5:22")
    host = found["name"] or found["inside"] or found["bare"]
    port = int(found["port"] or 0)
    return Ssh(host=host, user=found["user"] or "", port=port, identity_file=identity)


def _possible(found: re.Match[str]) -> bool:
    if found["port"] and not 0 < int(found["port"]) < 65536:
        return False
    try:
        return bool(found["name"] or IPv6Address(found["inside"] or found["bare"]))
    except ValueError:
        return False
