"""The engines of this machine that can run containers: ask them, choose one, open it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from argoexec_cli.errors import ArgoexecError, PreconditionError, TimedOutError

if TYPE_CHECKING:
    from argoexec_cli.runtime.base import Runtime
    from argoexec_cli.runtime.docker.engine import Engine

Name = Literal["docker", "containerd", "fake"]
Choice = Literal["auto", "docker", "containerd", "fake"]
PATIENCE_S: Final = 5.0
_CHOSEN: Final = "runtime"
_CONTAINERD: Final = "containerd"


class _Used(NamedTuple):
    """The engine that a data directory was used with, as far as that is known."""

    name: str = ""
    address: str = ""


class Engines(NamedTuple):
    """What a daemon is told about engines. An empty address is the engine's own default.

    `wants_docker`: `docker_host` is somebody's wish, so with `auto` nothing else will do.
    """

    data_dir: Path
    choice: Choice = "auto"
    docker_host: str = ""
    wants_docker: bool = False
    containerd_host: str = ""
    warm_networks: int = 16
    pull_stall_s: float = 120.0

    @asynccontextmanager
    async def open(self, owner: str) -> AsyncIterator[Runtime]:
        """Choose a runtime and give it; raises what the runtime's own opening does.

        The choice is kept in the data directory: a daemon that starts before Docker does must not
        look for its containers elsewhere. `PreconditionError` while pods are in another engine:
        they would be taken for lost, and run on.
        """
        name = await self._choose() if self.choice == "auto" else self.choice
        await self._check_left(name)
        async with self._opened(name, owner) as runtime:
            if name != "fake":
                used = _Used(name, self._address(name))
                await asyncio.to_thread(_keep, self.data_dir / _CHOSEN, used)
            yield runtime

    async def _check_left(self, name: Name) -> None:
        """Raise when pods of the data directory are in another engine than the one to be opened."""
        path, address = self.data_dir / _CHOSEN, self._address(name)
        before = _kept(path)
        if before.name in ("", name) and before.address in ("", address):
            return
        from argoexec_cli.executors.local.unfinished import count_unfinished

        if not (count := await count_unfinished(self.data_dir)):
            return
        pods = "a pod of it is" if count == 1 else f"{count} pods of it are"
        where = f"{before.name} at {before.address}" if before.address else before.name
        raise PreconditionError(
            f"{self.data_dir} was used with {where}, and {pods} there yet",
            hint=f"serve with --runtime {before.name} as before, and delete them; or with another "
            f"--data-dir; or, where that engine is gone for good: rm {path}",
        )

    async def _choose(self) -> Name:
        """Return what was chosen before, else the first that answers; Docker when none does."""
        before = _kept(self.data_dir / _CHOSEN).name
        if before == "docker" or self.wants_docker:
            return "docker"
        if before == "containerd":
            return "containerd"
        try:
            async with _docker(self.docker_host):
                pass
        except ArgoexecError:
            try:
                await ask_containerd(self.containerd_host)
            except ArgoexecError:
                return "docker"
            return "containerd"
        return "docker"

    def _address(self, name: Name) -> str:
        """Return where the engine *name* answers, the same for every way to write it."""
        if name == "fake":
            return ""
        if name == "docker":
            address = self.docker_host or _docker_host()
        else:
            address = self.containerd_host or _containerd_host()
        path = address.removeprefix("unix://")
        return address if path == address else f"unix://{os.path.realpath(path)}"

    def _opened(self, name: Name, owner: str) -> AbstractAsyncContextManager[Runtime]:
        if name == "fake":
            from argoexec_cli.runtime.fake.runtime import open_fake

            return open_fake(owner)
        if name == "containerd":
            from argoexec_cli.runtime.containerd import ContainerdOptions, open_containerd

            address = self.containerd_host or _containerd_host()
            chosen = ContainerdOptions(
                host=address, warm_networks=self.warm_networks, pull_stall_s=self.pull_stall_s
            )
            return open_containerd(owner, self.data_dir / _CONTAINERD, chosen)
        from argoexec_cli.runtime.docker import DockerOptions, open_docker

        host = self.docker_host or _docker_host()
        options = DockerOptions(
            host=host, warm_networks=self.warm_networks, pull_stall_s=self.pull_stall_s
        )
        return open_docker(owner, options)


# Each loads its engine's client, and that of the one that is not used takes half of a start.
def _docker_host() -> str:
    from argoexec_cli.runtime.docker import DockerOptions

    return DockerOptions().host


def _containerd_host() -> str:
    from argoexec_cli.runtime.containerd import ContainerdOptions

    return ContainerdOptions().host


async def ask_docker(host: str) -> str:
    """Return version and address of Docker Engine; raises why it cannot be used."""
    from argoexec_cli.runtime.docker.opening import ask_info

    async with _docker(host) as engine:
        return f"{(await ask_info(engine)).server_version} at {host or _docker_host()}"


@asynccontextmanager
async def _docker(host: str) -> AsyncIterator[Engine]:
    """Give Docker Engine, which has answered."""
    from argoexec_cli.runtime.docker.engine import connect

    async with _patience(), connect(host or _docker_host()) as engine:
        await engine.negotiate()
        yield engine


async def ask_containerd(host: str) -> str:
    """Return name, version and address of a runtime that can run pods; raises why it cannot."""
    from argoexec_cli.runtime.containerd.channel import connect
    from argoexec_cli.runtime.containerd.opening import first_contact

    host = host or _containerd_host()
    async with _patience(), connect(host) as channel:
        contact = await first_contact(channel)
        if contact.network_fault:
            raise PreconditionError(
                f"containerd {contact.version} has no network for pods: {contact.network_fault}",
                hint=f"ls {contact.surroundings.network_conf}",
            )
        return f"containerd {contact.version} at {host}"


@asynccontextmanager
async def _patience() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield
    except TimeoutError as exc:
        raise TimedOutError(f"no answer within {PATIENCE_S:g} s", hint="argoexec doctor") from exc


def _kept(path: Path) -> _Used:
    try:
        name, _, address = path.read_text().strip().partition(" ")
    except OSError:
        return _Used()
    return _Used(name, address)


def _keep(path: Path, used: _Used) -> None:
    if _kept(path) == used:
        return
    try:
        path.write_text(f"{used.name} {used.address}\n")
    except OSError as exc:
        raise PreconditionError(
            f"cannot write {path}: {exc.strerror}", hint=f"ls -ld {path.parent}"
        ) from exc
