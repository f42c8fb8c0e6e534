"""Open a containerd runtime.

Reach it, learn how it is configured, start what runs beside every call.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from argoexec_cli.aio import Cleanups, Tasks
from argoexec_cli.errors import ArgoexecError, UnavailableError
from argoexec_cli.rpc.gen.containerd.services import containers_pb2
from argoexec_cli.rpc.gen.containerd.types import task_pb2
from argoexec_cli.runtime.base import Capabilities
from argoexec_cli.runtime.changes import FileChanges
from argoexec_cli.runtime.containerd.apparmor import load_profile
from argoexec_cli.runtime.containerd.channel import Channel, connect
from argoexec_cli.runtime.containerd.cni import Cni
from argoexec_cli.runtime.containerd.containers import Containers
from argoexec_cli.runtime.containerd.cri import Cri
from argoexec_cli.runtime.containerd.execs import Execs
from argoexec_cli.runtime.containerd.exits import Exits
from argoexec_cli.runtime.containerd.files import making
from argoexec_cli.runtime.containerd.holder import Holders
from argoexec_cli.runtime.containerd.images import Images
from argoexec_cli.runtime.containerd.layout import Layout
from argoexec_cli.runtime.containerd.logs import Logs
from argoexec_cli.runtime.containerd.native import Native
from argoexec_cli.runtime.containerd.native_exec import NativeExec
from argoexec_cli.runtime.containerd.networks import Networks
from argoexec_cli.runtime.containerd.progress import Content
from argoexec_cli.runtime.containerd.records import NETWORK
from argoexec_cli.runtime.containerd.removal import sweep
from argoexec_cli.runtime.containerd.runtime import ContainerdOptions, ContainerdRuntime, Parts
from argoexec_cli.runtime.containerd.sandboxes import Sandboxes
from argoexec_cli.runtime.containerd.surroundings import Surroundings, read_surroundings
from argoexec_cli.runtime.labels import OWNER, from_labels
from argoexec_cli.runtime.pool import Pool, PoolActions

_log = logging.getLogger(__name__)


class Contact(NamedTuple):
    """A containerd that can run pods; `network_fault` says why they have no network ("": none),
    `maps_ports` whether ports of the host can lead there.
    """

    version: str
    surroundings: Surroundings
    network_fault: str = ""
    maps_ports: bool = False

    @property
    def capabilities(self) -> Capabilities:
        """What can be asked of it."""
        return Capabilities(
            name="containerd",
            version=self.version,
            images=True,
            exec=True,
            ports=self.maps_ports,
            terminal=True,
        )


@asynccontextmanager
async def open_containerd(
    owner: str, root: Path, options: ContainerdOptions | None = None
) -> AsyncIterator[ContainerdRuntime]:
    """Give the runtime of *owner* (the executor's id, which labels all its containers).

    Output and networks are kept in a directory of the owner's below *root*, which containerd must
    see at the same path. Only one process at a time may open it for the same owner and root.
    `UnavailableError` when containerd does not answer, `UnsupportedError` when its plugin `cri` is
    switched off. At the end what was begun is finished and the connection closed; containers go on.
    """
    options = options or ContainerdOptions()
    tasks = Tasks()
    async with connect(options.host) as channel:
        contact = await first_contact(channel)
        surroundings = msgspec.structs.replace(contact.surroundings, apparmor=await load_profile())
        if contact.network_fault:
            # Not an error yet: as a host boots, the network may come last.
            _log.warning("pods have no network yet: %s", contact.network_fault)
        layout = Layout(
            owner,
            _make_directory(root / owner),
            options.cgroup_parent,
            surroundings.systemd_cgroup,
        )
        with FileChanges() as changes:
            parts, pool = _assemble(channel, surroundings, layout, options, (tasks, changes))
            tasks.spawn(parts.exits.run(), name="events of containerd")
            tasks.spawn(changes.run(), name="output of containers")
            try:
                await parts.exits.ready()
                await _adopt(parts, layout)
                tasks.spawn(pool.run(), name="networks of containerd's pods")
                yield ContainerdRuntime(parts, options, contact.capabilities, surroundings.data_dir)
            finally:
                await parts.cleanups.join()
                await parts.execs.close()
                await pool.close()
                await tasks.stop()
                parts.networks.close()


async def first_contact(channel: Channel) -> Contact:
    """Ask who is there. `UnavailableError` and `UnsupportedError` as for `open_containerd`."""
    version = await Native(channel).version()
    status = await Cri(channel).status()
    ready = next((one for one in status.status.conditions if one.type == "RuntimeReady"), None)
    if ready is None or not ready.status:
        why = ready.message if ready else "it does not say why"
        raise UnavailableError(f"containerd is not ready: {why}", hint="argoexec doctor")
    surroundings = read_surroundings(status.info.get("config", ""))
    return await asyncio.to_thread(_contact, version, surroundings)


def _contact(version: str, surroundings: Surroundings) -> Contact:
    try:
        network = Cni(surroundings.network_conf, surroundings.network_programs).load()
    except ArgoexecError as exc:
        return Contact(version, surroundings, exc.message)
    return Contact(version, surroundings, maps_ports=network.maps_ports)


def _assemble(
    channel: Channel,
    surroundings: Surroundings,
    layout: Layout,
    options: ContainerdOptions,
    shared: tuple[Tasks, FileChanges],
) -> tuple[Parts, Pool]:
    tasks, changes = shared
    native = Native(channel)
    exits = Exits(native, layout)
    cni = Cni(surroundings.network_conf, surroundings.network_programs)
    networks = Networks(layout.networks, cni)
    pool = Pool(PoolActions(networks.make, networks.remove), tasks, options.warm_networks)
    holders = Holders(native, layout, surroundings)
    sandboxes = Sandboxes(layout, networks, pool, holders)
    cri, content = Cri(channel), Content(channel)
    images = Images(cri, native, content, surroundings.snapshotter, layout.root)
    containers = Containers(native, (layout, surroundings), images, sandboxes, exits)
    logs = Logs(native, exits, changes, layout)
    execs = Execs(native, NativeExec(channel), layout.root / "execs")
    parts = Parts(
        native, cri, images, containers, networks, sandboxes, exits, logs, execs, Cleanups()
    )
    return parts, pool


async def _adopt(parts: Parts, layout: Layout) -> None:
    """Take over what a process before us left."""
    records = await parts.native.containers(OWNER, layout.owner)
    await asyncio.to_thread(sweep, layout.containers, {one.id for one in records})
    states = await parts.native.tasks() if records else {}
    await parts.sandboxes.adopt(
        {
            one.labels[NETWORK]: key.pod_uid
            for one in records
            if _is_alive(one, states) and (key := from_labels(dict(one.labels)))
        }
    )


def _is_alive(one: containers_pb2.Container, states: dict[str, task_pb2.Process]) -> bool:
    """Tell whether a container has a process in its network."""
    task = states.get(one.id)
    return bool(one.labels.get(NETWORK)) and task is not None and task.status != task_pb2.STOPPED


def _make_directory(path: Path) -> Path:
    path = path.absolute()
    with making(path):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path
