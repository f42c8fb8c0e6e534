"""The containers of one owner, each with a sandbox of its own where it needs one.

Each method may be repeated. Two calls for the same key wait for each other, because the interface
refuses what is being done already.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

from argoexec_cli.errors import (
    AlreadyExistsError,
    ArgoexecError,
    InvalidError,
    StartError,
    UnavailableError,
)
from argoexec_cli.rpc.gen.cri.v1 import container_pb2
from argoexec_cli.runtime.base import ContainerKey, ContainerSpec, Handle
from argoexec_cli.runtime.containerd.cri import Cri
from argoexec_cli.runtime.containerd.exits import Exits
from argoexec_cli.runtime.containerd.hosts import hosts_path, write_hosts
from argoexec_cli.runtime.containerd.render import (
    Place,
    key_labels,
    log_name,
    render_container,
    render_sandbox,
)
from argoexec_cli.runtime.labels import OWNER

_TRIES: Final = 600
_PAUSE_S: Final = 0.1
"""Together a minute at least: what goes on for another caller takes seconds on a busy host."""
_INTERRUPTED: Final = re.compile(
    r"context (canceled|deadline exceeded)|transport is closing|start failed: .*signal: killed"
)
"""What a runtime notes about a start whose caller went away: it says nothing of the command."""


class Containers:
    """What the runtime has under one owner's label; what is under another's is never touched."""

    def __init__(self, cri: Cri, place: Place, exits: Exits) -> None:
        """Use *cri*, and tell *exits* what is started and what is gone."""
        self._cri = cri
        self._place = place
        self._exits = exits
        self._locks: WeakValueDictionary[ContainerKey, asyncio.Lock] = WeakValueDictionary()

    async def start(self, spec: ContainerSpec) -> str:
        """Do what `Runtime.start` promises; return the container's id."""
        _check_sources(spec)
        async with self._lock(spec.key):
            for _ in range(_TRIES):
                if container := await self._begin(spec) or await self._resume(spec):
                    return container
        raise UnavailableError(
            f"the name of container {spec.key.object_name} stays taken",
            hint="crictl ps --all; crictl pods",
        )

    async def find(self, key: ContainerKey) -> container_pb2.Container | None:
        """Find a container by its key."""
        found = await self._cri.containers(key_labels(self._place.owner, key))
        return found[0] if found else None

    async def remove(self, handle: Handle) -> None:
        """Delete a container or sandbox, running or not, with its log."""
        async with self._lock(handle.key):
            for left in range(_TRIES - 1, -1, -1):
                try:
                    if handle.key.container:
                        await self._discard(handle.key, handle.id)
                    else:
                        await self._cri.remove_sandbox(handle.id)
                    return
                except AlreadyExistsError:
                    # It is being started, or removed, for a caller that went away.
                    if not left:
                        raise
                    await asyncio.sleep(_PAUSE_S)

    async def _begin(self, spec: ContainerSpec) -> str:
        """Create and start the container; empty when there is one of this key, or its sandbox."""
        key, what = spec.key, f"container {spec.key.object_name}"
        container = ""
        try:
            sandbox = spec.sandbox.id or await self._cri.run_sandbox(
                render_sandbox(spec.sandbox.spec, key, self._place), f"sandbox of {what}"
            )
            ip = spec.sandbox.ip or (await self._cri.sandbox(sandbox)).network.ip
            hosts = write_hosts(self._place, spec, ip)
            request = render_container(spec, sandbox, self._place, hosts)
            container = await self._cri.create(request, what)
            await self._launch(container, spec)
        except AlreadyExistsError:
            return ""
        except UnavailableError:
            # It may have been done all the same; the next try finds out.
            raise
        except ArgoexecError:
            await self._cleared(key, container)
            raise
        return container

    async def _resume(self, spec: ContainerSpec) -> str:
        """Go on with what an earlier call left; empty when that had to be removed."""
        key = spec.key
        found = await self.find(key)
        if found is None:
            if spec.sandbox.id or not await self._cleared(key, ""):
                await self._refuse_strangers(key)
                # The runtime is still undoing a call whose caller went away.
                await asyncio.sleep(_PAUSE_S)
            return ""
        if found.state == container_pb2.CONTAINER_CREATED:
            return await self._launch_again(found.id, spec)
        if found.state == container_pb2.CONTAINER_EXITED:
            return await self._take_ended(found.id, spec)
        return found.id

    async def _refuse_strangers(self, key: ContainerKey) -> None:
        """Raise `AlreadyExistsError` when another owner has a sandbox or container of *key*."""
        labels = key_labels("", key)
        del labels[OWNER]
        if await self._cri.containers(labels) or await self._cri.sandboxes(labels):
            raise AlreadyExistsError(
                f"the name {key.object_name} is taken by a container that is not ours",
                hint="crictl ps --all",
            )

    async def _take_ended(self, container: str, spec: ContainerSpec) -> str:
        """Accept a container that ended, unless it never ran: then its start has failed."""
        status = await self._cri.container(container)
        if status.started_at:
            return container
        await self._cleared(spec.key, container)
        if _INTERRUPTED.search(status.message):
            return ""
        raise _not_started(spec, status.message)

    async def _launch_again(self, container: str, spec: ContainerSpec) -> str:
        """Start a created container; empty when a call whose caller went away is doing so."""
        try:
            await self._launch(container, spec)
        except AlreadyExistsError:
            await asyncio.sleep(_PAUSE_S)
            return ""
        return container

    async def _launch(self, container: str, spec: ContainerSpec) -> None:
        self._exits.expect(container)
        try:
            await self._cri.start(container, f"container {spec.key.object_name}")
        except StartError as exc:
            await self._discard(spec.key, container)
            if _INTERRUPTED.search(exc.message):
                raise UnavailableError(exc.message, hint="argoexec doctor") from exc
            raise _not_started(spec, exc.message, exc.hint) from exc

    async def _cleared(self, key: ContainerKey, container: str) -> bool:
        """Discard it, unless the runtime is doing so for another call: then leave it some time."""
        try:
            return await self._discard(key, container)
        except AlreadyExistsError:
            await asyncio.sleep(_PAUSE_S)
            return True

    async def _discard(self, key: ContainerKey, container: str) -> bool:
        """Remove a container (if it has an id yet) with its own sandbox, log and hosts.

        Tell whether it had a sandbox of its own.
        """
        sandboxes = await self._cri.sandboxes(key_labels(self._place.owner, key))
        for sandbox in sandboxes:
            await self._cri.remove_sandbox(sandbox.id)
        if container and not sandboxes:
            await self._cri.remove(container)
        self._exits.forget(container)
        (Path(self._place.logs) / log_name(key)).unlink(missing_ok=True)
        hosts_path(self._place, key).unlink(missing_ok=True)
        return bool(sandboxes)

    def _lock(self, key: ContainerKey) -> asyncio.Lock:
        return self._locks.setdefault(key, asyncio.Lock())


def _check_sources(spec: ContainerSpec) -> None:
    """Refuse a mount of nothing: containerd would make an empty directory in its place."""
    for mount in spec.mounts:
        if not Path(mount.source).exists():
            raise InvalidError(
                f"nothing to mount at {mount.target}: {mount.source} does not exist",
                hint=f"ls -ld {mount.source}",
            )


def _not_started(spec: ContainerSpec, message: str, hint: str = "") -> StartError:
    """Name the command, which not every runtime does."""
    command = " ".join((*spec.command, *spec.args)) or "the image's command"
    return StartError(
        f"{command}: {message}", hint=hint or "check the command: it must exist in the image"
    )
