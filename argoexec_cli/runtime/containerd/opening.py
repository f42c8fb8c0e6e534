"""Open a containerd runtime.

Reach it, learn who it is, start what runs beside every call.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from argoexec_cli.aio import Cleanups, Tasks
from argoexec_cli.errors import UnavailableError, UnsupportedError
from argoexec_cli.runtime.base import Capabilities
from argoexec_cli.runtime.containerd.changes import LogChanges
from argoexec_cli.runtime.containerd.containers import Containers
from argoexec_cli.runtime.containerd.cri import Cri, connect
from argoexec_cli.runtime.containerd.exits import Exits
from argoexec_cli.runtime.containerd.hosts import hosts_path
from argoexec_cli.runtime.containerd.logs import Logs
from argoexec_cli.runtime.containerd.render import Place, log_name
from argoexec_cli.runtime.containerd.runtime import ContainerdOptions, ContainerdRuntime, Parts
from argoexec_cli.runtime.containerd.sandboxes import Sandboxes
from argoexec_cli.runtime.labels import OWNER, from_labels

_log = logging.getLogger(__name__)

_API: Final = "v1"


@asynccontextmanager
async def open_containerd(
    owner: str, log_root: Path, options: ContainerdOptions | None = None
) -> AsyncIterator[ContainerdRuntime]:
    """Give the runtime of *owner* (the executor's id, which labels all its containers).

    Logs are in a directory of the owner's below *log_root*, which containerd must see at the same
    path. Only one process at a time may open it for the same owner and root.
    `UnavailableError` when the runtime does not answer, `UnsupportedError` when it does not speak
    `runtime.v1`. At the end what was begun is finished and the connection closed; containers go on.
    """
    options = options or ContainerdOptions()
    logs = _make_directory(log_root / owner)
    place = Place(owner, str(logs), options.cgroup_parent)
    cleanups, tasks = Cleanups(), Tasks()
    async with connect(options.host) as cri:
        capabilities = await first_contact(cri)
        if fault := await network_fault(cri):
            # Not an error yet: as a host boots, the network may come last.
            _log.warning("pods have no network yet: %s", fault)
        listed = await cri.containers({OWNER: owner})
        living = [key for one in listed if (key := from_labels(dict(one.labels)))]
        _sweep(logs, {log_name(key) for key in living})
        _sweep(_make_directory(place.hosts), {hosts_path(place, key).name for key in living})
        exits = Exits(cri, owner)
        with LogChanges(logs, exits.hint) as changes:
            tasks.spawn(exits.run(), name="ends of containers")
            tasks.spawn(changes.run(), name="log files of containers")
            parts = Parts(
                cri,
                Containers(cri, place, exits),
                Sandboxes(cri, place),
                exits,
                Logs(cri, exits, changes, logs),
                cleanups,
            )
            try:
                yield ContainerdRuntime(parts, options, capabilities)
            finally:
                await cleanups.join()
                await tasks.stop()


async def first_contact(cri: Cri) -> Capabilities:
    """Ask who is there. `UnavailableError` and `UnsupportedError` as for `open_containerd`."""
    version = await cri.version()
    if version.runtime_api_version != _API:
        raise UnsupportedError(
            f"{version.runtime_name} {version.runtime_version} speaks runtime"
            f" {version.runtime_api_version or 'of no version'}, not {_API}",
            hint="install containerd 1.6 or newer",
        )
    conditions = await cri.conditions()
    ready = conditions.get("RuntimeReady")
    if ready is None or not ready.status:
        why = ready.message if ready else "it does not say why"
        raise UnavailableError(f"the container runtime is not ready: {why}", hint="argoexec doctor")
    return Capabilities(name=version.runtime_name, version=version.runtime_version, security=False)


async def network_fault(cri: Cri) -> str:
    """Return why pods have no network; empty when they have one."""
    network = (await cri.conditions()).get("NetworkReady")
    if network is None or network.status:
        return ""
    return network.message or network.reason or "the runtime does not say why"


def _make_directory(path: Path) -> Path:
    path = path.absolute()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def _sweep(directory: Path, kept: set[str]) -> None:
    """Delete the files whose containers are gone: a crash may come between the two removals."""
    for path in directory.iterdir():
        if path.name not in kept:
            path.unlink(missing_ok=True)
