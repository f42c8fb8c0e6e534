"""What makes a host run pods: its engine, the daemon, certificates; Ansible, for all at once."""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from argoexec_cli import __version__
from argoexec_cli.compute.events import OnStep
from argoexec_cli.compute.fleet.record import Fleet, Host, Runtime
from argoexec_cli.compute.fleet.ssh import ssh
from argoexec_cli.compute.fleet.store import Place
from argoexec_cli.errors import PreconditionError, UnavailableError
from argoexec_cli.executors.local.credentials.names import canonical
from argoexec_cli.models.connection import Ssh
from argoexec_cli.proc import Child, Finished, run
from argoexec_cli.runtime.standin import StandInImage, docker_archive

_PACKAGE: Final = Path(__file__).parents[2]
_LOAD_S: Final = 120.0
_PULL_S: Final = 900.0
_LOADERS: Final[dict[Runtime, str]] = {
    "docker": "docker load --quiet",
    "containerd": "ctr --namespace k8s.io images import --all-platforms -",
}
_PULLERS: Final[dict[Runtime, str]] = {
    "docker": "docker pull --quiet",
    # As the daemon's own pulls do, it asks the mirrors that the host has been told of.
    "containerd": "ctr --namespace k8s.io images pull --hosts-dir /etc/containerd/certs.d",
}


class Around(NamedTuple):
    """What comes before hosts are configured, and after each: `reach` returns when one can log in
    to all of them, `then` is told of one that has its engine and the daemon.
    """

    reach: Callable[[], Awaitable[object]]
    then: Callable[[Host], Awaitable[None]]


class Configure(Protocol):
    """Configures hosts; one run for all, which may be repeated and then changes nothing."""

    def check(self) -> None:
        """Look at what `apply` needs on this machine: `PreconditionError` when it is missing."""
        ...

    async def apply(
        self,
        fleet: Fleet,
        place: Place,
        hosts: Sequence[Host],
        logins: Mapping[str, Ssh | None],
        around: Around,
        on_step: OnStep,
    ) -> None:
        """Have every host run its engine and the daemon.

        What needs no host is done while they are reached; that they are not is the end. Then no
        host waits for another. When one fails, or its `then`, the others are finished first;
        `PreconditionError` names what failed.
        """
        ...

    async def remove(
        self,
        fleet: Fleet,
        place: Place,
        hosts: Sequence[Host],
        logins: Mapping[str, Ssh | None],
        on_step: OnStep,
    ) -> None:
        """Take the daemon away again; the engine stays."""
        ...


def configuration_digest(fleet: Fleet, host: Host, certificates: Path) -> str:
    """Return what differs as soon as *host* would be configured differently."""
    digest = hashlib.sha256(_code().encode())
    told = (host.id, host.key, fleet.runtime, fleet.daemon_port, fleet.offline, fleet.prepull)
    spec = fleet.spec
    of_spec = (spec.client_cidrs, spec.lease_s) if spec else fleet.allow
    digest.update(repr((*told, *of_spec)).encode())
    for path in sorted(certificates.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def _code() -> str:
    """Return what differs between two versions of the program and its playbooks."""
    digest = hashlib.sha256(__version__.encode())
    for top in (_PACKAGE, _PACKAGE.parent / "ansible"):
        for path in sorted(top.rglob("*")):
            if path.suffix in (".py", ".yml", ".j2", ".sh"):
                digest.update(path.read_bytes())
    return digest.hexdigest()


async def load_stand_in(runtime: Runtime, login: Ssh | None, image: str) -> None:
    """Give the engine of a host *image*, made of this machine's static busybox.

    `PreconditionError` when this machine has none, or the engine there refuses it.
    """
    archive = _stand_in(image if runtime == "docker" else canonical(image))
    done = await as_root(login, _LOADERS[runtime], archive, timeout_s=_LOAD_S)
    if done.exit_code:
        raise PreconditionError(
            f"the stand-in image cannot be loaded: {last_words(done)}",
            hint="have a registry that hosts reach",
        )


@cache
def _stand_in(name: str) -> bytes:
    return docker_archive([StandInImage(name=name)])


async def pull_image(runtime: Runtime, login: Ssh | None, image: str) -> None:
    """Have the engine of a host pull *image*, unless it has it. `UnavailableError`."""
    name = image if runtime == "docker" else canonical(image)
    done = await as_root(login, f"{_PULLERS[runtime]} {shlex.quote(name)}", timeout_s=_PULL_S)
    if done.exit_code:
        raise UnavailableError(
            f"{image} cannot be pulled: {last_words(done)}",
            hint="name those that can: --prepull IMAGE …, or --prepull none",
        )


async def as_root(
    login: Ssh | None, command: str, stdin: bytes = b"", *, timeout_s: float, strict: bool = False
) -> Finished:
    """Run *command* as root on a host, or on this machine where there is no login; `ssh.ssh`."""
    if login is not None:
        prefix = "" if login.user == "root" else "sudo -n "
        return await ssh(login, prefix + command, stdin=stdin, timeout_s=timeout_s, strict=strict)
    prefix = "" if os.geteuid() == 0 else "sudo -n "
    return await run(Child(shlex.split(prefix + command), timeout_s, stdin=stdin))


def last_words(done: Finished) -> str:
    """Return the last line that a program said on stderr."""
    return done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
