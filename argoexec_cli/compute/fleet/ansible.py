"""`Configure` by the project's own playbooks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from argoexec_cli.aio import to_the_end
from argoexec_cli.compute.ansible import Configuration, configure
from argoexec_cli.compute.ansible.playbooks import find_program
from argoexec_cli.compute.events import OnStep, told
from argoexec_cli.compute.fleet import access
from argoexec_cli.compute.fleet.certificates import bring_certificates
from argoexec_cli.compute.fleet.configure import Around, as_root, last_words, pull_image
from argoexec_cli.compute.fleet.record import Fleet, Host
from argoexec_cli.compute.fleet.run import Run, Steps
from argoexec_cli.compute.fleet.store import Place
from argoexec_cli.compute.package import Package, packages_for
from argoexec_cli.errors import PreconditionError
from argoexec_cli.models.connection import Ssh

Logins = Mapping[str, Ssh | None]
_CACHE: Final = "packages"
_REMOVE_S: Final = 120.0
# The reverse of the roles argoexec and firewall, with their paths.
_REMOVE: Final = """\
set -eu
systemctl stop argoexec-firewall-undo.timer 2>/dev/null || true
systemctl disable --now argoexec.service 2>/dev/null || true
systemctl disable --now argoexec-firewall.service 2>/dev/null || true
rm -rf /etc/systemd/system/argoexec.service /etc/systemd/system/argoexec.service.d
rm -rf /etc/systemd/system/argoexec-firewall.service
# What a daemon that was killed keeps mounted could not be removed.
while read -r _ place _; do
  case $place in /var/lib/argoexec/*) umount -l "$place" ;; esac
done < /proc/mounts
rm -rf /opt/argoexec /etc/argoexec /var/lib/argoexec /usr/local/bin/argoexec /run/argoexec
systemctl daemon-reload
"""


class AnsibleConfigure:
    """See `Configure`. Archives to install are kept beside all fleets, and used again."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """*environment* is what Ansible and pip get: `config.load.child_environment`."""
        self._environment = environment

    def check(self) -> None:
        """See `Configure.check`."""
        find_program()

    async def apply(
        self,
        fleet: Fleet,
        place: Place,
        hosts: Sequence[Host],
        logins: Logins,
        around: Around,
        on_step: OnStep,
    ) -> None:
        """See `Configure.apply`. Raises what `compute.ansible.configure` and packages do."""

        async def packages() -> Mapping[str, Package]:
            return await self._packages(fleet, place, logins, around.reach)

        steps = Steps(
            packages,
            lambda host: _certify(fleet, place, host, logins, on_step),
            lambda host: _finish(fleet, host, logins, around, on_step),
        )
        run = Run(hosts, logins, steps)
        await run.until_ended(
            configure(
                run.targets, _configuration(fleet), self._environment, on_step, run.configured
            )
        )

    async def _packages(
        self,
        fleet: Fleet,
        place: Place,
        logins: Logins,
        reach: Callable[[], Awaitable[object]],
    ) -> dict[str, Package]:
        """Return what each host installs, when all are reached; what they are asked for that."""
        cache = _cache(place)
        if fleet.offline:
            await reach()
            return await packages_for(logins, cache, self._environment, offline=True)
        building = packages_for(logins, cache, self._environment)
        packages, _ = await asyncio.gather(building, reach())
        return packages

    async def remove(
        self,
        fleet: Fleet,
        place: Place,
        hosts: Sequence[Host],
        logins: Logins,
        on_step: OnStep,
    ) -> None:
        """See `Configure.remove`."""
        await to_the_end(*(_remove(host, logins[host.name], on_step) for host in hosts))


def _configuration(fleet: Fleet) -> Configuration:
    return Configuration(
        runtime=fleet.runtime,
        port=fleet.daemon_port,
        # Who alone uses this machine's daemon is here.
        only_here=fleet.provider == "local" and not fleet.allow,
        client_cidrs=fleet.spec.client_cidrs if fleet.spec else fleet.allow,
        # What else somebody's own host does, and for whom, is not ours to restrict.
        guards="host" if fleet.spec else "daemon",
        lease_s=fleet.spec.lease_s if fleet.spec else None,
    )


def _cache(place: Place) -> Path:
    return place.directory.parent.parent / _CACHE


async def _certify(fleet: Fleet, place: Place, host: Host, logins: Logins, on_step: OnStep) -> None:
    files = access.host_certificates(fleet, place, host)
    await bring_certificates(host.name, logins[host.name], files, on_step)


async def _finish(
    fleet: Fleet, host: Host, logins: Logins, around: Around, on_step: OnStep
) -> None:
    """Do what comes after Ansible on one host, whatever the others are doing."""
    login = logins[host.name]
    await to_the_end(*(_pull(fleet, host, login, image, on_step) for image in fleet.prepull))
    await around.then(host)


async def _pull(fleet: Fleet, host: Host, login: Ssh | None, image: str, on_step: OnStep) -> None:
    with told(on_step, "probe", f"pull {image}", host.name):
        await pull_image(fleet.runtime, login, image)


async def _remove(host: Host, login: Ssh | None, on_step: OnStep) -> None:
    with told(on_step, "daemon", "remove the daemon", host.name):
        done = await as_root(login, "sh -s", _REMOVE.encode(), timeout_s=_REMOVE_S)
        if done.exit_code:
            raise PreconditionError(
                f"{host.name}: the daemon cannot be removed: {last_words(done)}",
                hint="if the host is gone for good: leave it out with --force"
                if login
                else "be root, or one whom sudo asks for no password, and run this again",
            )
