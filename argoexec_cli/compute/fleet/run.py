"""Hosts on their way through one run of Ansible: nobody waits for another, every end is known."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, NamedTuple

from argoexec_cli.compute.ansible import Target
from argoexec_cli.compute.fleet.record import Host
from argoexec_cli.compute.package import Package
from argoexec_cli.errors import PreconditionError
from argoexec_cli.models.connection import Ssh

_NOT_ALL: Final = "Ansible has ended, and not every host was configured to the end"


class Steps(NamedTuple):
    """What is done around Ansible: for all hosts, before it with each, and after it with each."""

    packages: Callable[[], Awaitable[Mapping[str, Package]]]
    certify: Callable[[Host], Coroutine[Any, Any, None]]
    finish: Callable[[Host], Coroutine[Any, Any, None]]


class Run:
    """Used once. A host that fails stops no other; then `until_ended` raises the first error."""

    def __init__(
        self, hosts: Sequence[Host], logins: Mapping[str, Ssh | None], steps: Steps
    ) -> None:
        """Begin nothing yet."""
        self._hosts = hosts
        self._logins = logins
        self._steps = steps
        self._by_name = {host.name: host for host in hosts}
        self._ends: list[object] = []
        self._finishing: list[asyncio.Task[None]] = []

    async def targets(self) -> list[Target]:
        """Return the hosts that have their certificates, with what each installs."""
        packages = await self._steps.packages()
        brought = await asyncio.gather(
            *map(self._steps.certify, self._hosts), return_exceptions=True
        )
        self._ends.extend(brought)
        return [
            Target(host.name, self._logins[host.name], packages[host.name])
            for host, refused in zip(self._hosts, brought, strict=True)
            if refused is None
        ]

    def configured(self, name: str) -> None:
        """Go on with a host that Ansible has done with."""
        work = self._steps.finish(self._by_name[name])
        self._finishing.append(asyncio.create_task(work, name=f"finish {name}"))

    async def until_ended(self, ansible: Awaitable[object]) -> None:
        """Wait for *ansible* and then for every host; cancelling ends what is under way."""
        try:
            self._ends += await asyncio.gather(ansible, return_exceptions=True)
            self._ends += await asyncio.gather(*self._finishing, return_exceptions=True)
        finally:
            for task in self._finishing:
                task.cancel()
        for end in self._ends:
            if isinstance(end, BaseException):
                raise end
        if len(self._finishing) < len(self._hosts):
            raise PreconditionError(
                _NOT_ALL, hint="run the same command again: it goes on from where the hosts are"
            )
