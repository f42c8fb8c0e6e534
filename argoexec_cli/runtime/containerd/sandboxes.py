"""What the containers of a pod share.

A pod with one container borrows a network. Where several run, the network is theirs for the pod's
life, with a namespace of IPC and the memory of /dev/shm; and if they ask for it, the process that
holds their pid namespace. No container is needed to hold the rest: mounts keep namespaces.
"""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

import msgspec

from argoexec_cli.errors import NotFoundError
from argoexec_cli.runtime.base import ContainerKey, Found, Handle, Sandbox, SandboxSpec, Security
from argoexec_cli.runtime.containerd import namespaces
from argoexec_cli.runtime.containerd.files import making
from argoexec_cli.runtime.containerd.holder import Holders
from argoexec_cli.runtime.containerd.layout import Layout, container_id
from argoexec_cli.runtime.containerd.networks import Networks
from argoexec_cli.runtime.containerd.oci import Shared
from argoexec_cli.runtime.containerd.rootfs import mount, unmount
from argoexec_cli.runtime.pool import Network, Pool, may_change_network

_SHM_OPTIONS: Final = ("nosuid", "nodev", "noexec", "mode=1777", "size=64m")


class Kept(msgspec.Struct, frozen=True):
    """What is written down about a sandbox of several containers."""

    key: ContainerKey
    created_at: datetime
    network: str = ""
    share_processes: bool = False


class Sandboxes:
    """The sandboxes of one owner."""

    def __init__(self, layout: Layout, networks: Networks, pool: Pool, holders: Holders) -> None:
        """Use the parts, which somebody else starts and ends."""
        self._layout = layout
        self._networks = networks
        self._pool = pool
        self._holders = holders
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def adopt(self, users: dict[str, str]) -> None:
        """Take over the networks of a process before us; *users* are the uids of the pods that
        run in them, by the networks' ids.
        """
        for kept in await asyncio.to_thread(self._all_kept):
            if kept.network:
                users = {**users, kept.network: kept.key.pod_uid}
        await self._pool.adopt(await self._networks.find_all(), users)

    async def create(self, spec: SandboxSpec) -> Sandbox:
        """Do what `Runtime.create_sandbox` promises."""
        async with self._lock(spec.key.pod_uid):
            network = await self._network(spec)
            sandbox = _sandbox(spec, network)
            if not spec.shared:
                return sandbox
            name = container_id(spec.key)
            wanted = Kept(
                spec.key, datetime.now(UTC), network.id if network else "", spec.share_processes
            )
            await asyncio.to_thread(_begin, self._layout.sandboxes / name, wanted)
            if spec.share_processes:
                await self._holders.hold(spec)
            return msgspec.structs.replace(sandbox, id=name)

    async def _network(self, spec: SandboxSpec) -> Network | None:
        if spec.host_network:
            return None
        make = partial(self._networks.make, spec.ports) if spec.ports else None
        return await self._pool.lend(spec.key.pod_uid, make)

    async def shared(self, sandbox: Sandbox, security: Security) -> Shared:
        """Return what a container in *sandbox* shares. `NotFoundError`: it is gone.

        A network that the container may change is nobody else's afterwards.
        """
        spec = sandbox.spec
        if not spec.shared:
            return Shared(self._namespace(sandbox.id, security) if sandbox.id else "")
        directory = self._layout.sandboxes / sandbox.id
        kept = await asyncio.to_thread(_read, directory)
        if kept is None or not namespaces.is_kept(directory / "ipc"):
            raise _gone(spec)
        return Shared(
            network=self._namespace(kept.network, security) if kept.network else "",
            ipc=str(directory / "ipc"),
            pid=await self._holders.hold(spec) if spec.share_processes else "",
            shm=str(directory / "shm"),
        )

    async def network_of(self, sandbox: Sandbox) -> str:
        """Return the id of the network that a container in *sandbox* is in; empty: the host's."""
        if not sandbox.spec.shared:
            return sandbox.id
        kept = await asyncio.to_thread(_read, self._layout.sandboxes / sandbox.id)
        return kept.network if kept else ""

    def may_have_holder(self, handle: Handle) -> bool:
        """Tell whether there may be a container that holds a pid namespace."""
        return handle.id == container_id(handle.key)

    async def remove(self, handle: Handle) -> None:
        """Remove a sandbox whose containers are gone. Repeatable."""
        uid = handle.key.pod_uid
        async with self._lock(uid):
            directory = self._layout.sandboxes / handle.id
            kept = await asyncio.to_thread(_read, directory)
            network = kept.network if kept else handle.id
            if network and not await self._pool.take_back(uid, network):
                await self._networks.remove(network)
            await asyncio.to_thread(_discard, directory)

    def addresses(self) -> dict[str, str]:
        """Return the pods' addresses, by the ids of their networks."""
        return self._pool.addresses()

    def _namespace(self, network: str, security: Security) -> str:
        path = self._networks.namespace(network)
        if not namespaces.is_kept(path):
            self._pool.lose(network)
            raise NotFoundError(
                f"the network of the pod is gone: nothing is mounted at {path}",
                hint="submit the pod again",
            )
        if may_change_network(security):
            self._pool.spoil(network)
        return str(path)

    def _all_kept(self) -> list[Kept]:
        directory = self._layout.sandboxes
        entries = sorted(directory.iterdir()) if directory.exists() else []
        return [kept for entry in entries if (kept := _read(entry))]

    def _lock(self, pod_uid: str) -> asyncio.Lock:
        return self._locks.setdefault(pod_uid, asyncio.Lock())

    async def list(self) -> list[Found]:
        """List the sandboxes of several containers."""
        kept = await asyncio.to_thread(self._all_kept)
        ips = self.addresses()
        return [
            Found(
                handle=Handle(id=container_id(one.key), key=one.key),
                state="running",
                created_at=one.created_at,
                ip=ips.get(one.network, ""),
            )
            for one in kept
        ]


def _sandbox(spec: SandboxSpec, network: Network | None) -> Sandbox:
    if network is None:
        return Sandbox(spec=spec)
    return Sandbox(
        id=network.id,
        spec=spec,
        ip=network.ip,
        hostname=spec.hostname,
        resolv_conf=network.resolv_conf,
    )


def _gone(spec: SandboxSpec) -> NotFoundError:
    return NotFoundError(
        f"the sandbox of pod {spec.pod_namespace}/{spec.pod_name} is gone",
        hint="submit the pod again",
    )


def _begin(directory: Path, wanted: Kept) -> None:
    """Make what is not there yet: the record first."""
    with making(directory):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (before := _read(directory)) is None or before.network != wanted.network:
            half = directory / "sandbox.json.half"
            half.write_bytes(msgspec.json.encode(wanted))
            half.rename(directory / "sandbox.json")
        shm = directory / "shm"
        shm.mkdir(mode=0o755, exist_ok=True)
        if shm.stat().st_dev == directory.stat().st_dev:
            mount("shm", shm, "tmpfs", _SHM_OPTIONS)
    if not namespaces.is_kept(directory / "ipc"):
        namespaces.make_ipc_namespace(directory / "ipc")


def _discard(directory: Path) -> None:
    if directory.exists():
        namespaces.let_go(directory / "ipc")
        unmount(directory / "shm")
        shutil.rmtree(directory, ignore_errors=True)


def _read(directory: Path) -> Kept | None:
    try:
        return msgspec.json.decode((directory / "sandbox.json").read_bytes(), type=Kept)
    except (OSError, msgspec.MsgspecError):
        return None
