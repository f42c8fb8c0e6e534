"""containerd behind the `Runtime` seam: puts the parts of this package together."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from argoexec_cli.aio import Cleanups
from argoexec_cli.errors import NotFoundError, UnavailableError
from argoexec_cli.models.exec import Process
from argoexec_cli.rpc.gen.containerd.types import task_pb2
from argoexec_cli.runtime.base import (
    Capabilities,
    ContainerSpec,
    Exit,
    Found,
    Handle,
    Image,
    ImagePull,
    LogBatch,
    OnProgress,
    Runtime,
    Sandbox,
    SandboxSpec,
)
from argoexec_cli.runtime.containerd.containers import Containers
from argoexec_cli.runtime.containerd.cri import Cri
from argoexec_cli.runtime.containerd.execs import Execs
from argoexec_cli.runtime.containerd.exits import Exits
from argoexec_cli.runtime.containerd.images import Images, PullLimits
from argoexec_cli.runtime.containerd.imagestore import list_images, remove_image
from argoexec_cli.runtime.containerd.logs import Logs
from argoexec_cli.runtime.containerd.native import Native
from argoexec_cli.runtime.containerd.networks import Networks
from argoexec_cli.runtime.containerd.records import STOP_SIGNAL
from argoexec_cli.runtime.containerd.sandboxes import Sandboxes
from argoexec_cli.runtime.exec import ExecSpec, RuntimeExecs
from argoexec_cli.runtime.images import Disk, ImageStore, StoredImage, disk_of

_T = TypeVar("_T")

_WHOLE_S: Final = 600.0
_KILL_AGAIN_S: Final = 5.0
_AWAY_S: Final = 0.2


class ContainerdOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What may be chosen about a containerd runtime; the rest is as containerd is configured.

    `host` is its address. `cgroup_parent` is the control group under which all containers are
    (empty: one of our own, or system.slice). `pull_limit_s` is how long a pull may take in all,
    `pull_stall_s` how long it may go without anything coming.
    `warm_networks` bounds the pool of networks that pods take turns in; 0 gives every pod a new
    one.
    """

    host: str = "unix:///run/containerd/containerd.sock"
    cgroup_parent: str = ""
    pull_limit_s: float = 3600.0
    pull_stall_s: float = 120.0
    warm_networks: int = 16


class Parts(msgspec.Struct, frozen=True):
    """What a runtime is made of; `open_containerd` starts and ends them."""

    native: Native
    cri: Cri
    images: Images
    containers: Containers
    networks: Networks
    sandboxes: Sandboxes
    exits: Exits
    logs: Logs
    execs: Execs
    cleanups: Cleanups


class ContainerdRuntime:
    """See `Runtime` for what each method promises; made by `open_containerd`."""

    def __init__(
        self,
        parts: Parts,
        options: ContainerdOptions,
        capabilities: Capabilities,
        data_dir: str = "",
    ) -> None:
        """Use the parts, which somebody else starts and ends; *data_dir* is containerd's own."""
        self._native = parts.native
        self._cri = parts.cri
        self._data_dir = data_dir
        self._images = parts.images
        self._containers = parts.containers
        self._sandboxes = parts.sandboxes
        self._exits = parts.exits
        self._logs = parts.logs
        self._execs = parts.execs
        self._cleanups = parts.cleanups
        self._options = options
        self._capabilities = capabilities

    @property
    def capabilities(self) -> Capabilities:
        """Name, version and powers of the runtime when it was opened."""
        return self._capabilities

    async def pull(self, pull: ImagePull, on_progress: OnProgress | None = None) -> Image:
        """Have the image on the host. Unlike other calls, cancelling ends the work.

        Nobody else would use it.
        """
        limits = PullLimits(self._options.pull_limit_s, self._options.pull_stall_s)
        return await self._images.have(pull, on_progress, limits)

    async def list_images(self) -> list[StoredImage]:
        """List the images of containerd's namespace for kubelets, which is ours."""
        return await list_images(self._cri, self._native)

    async def remove_image(self, name: str) -> bool:
        """Remove a name, and the image with its last name."""
        return await remove_image(self._cri, self._native, name)

    async def disk(self) -> Disk | None:
        """Look at the file system of containerd's directory."""
        return await asyncio.to_thread(disk_of, Path(self._data_dir) if self._data_dir else None)

    async def create_sandbox(self, spec: SandboxSpec) -> Sandbox:
        """Make what the pod's containers share; a single one takes a network that is ready."""
        return await self._whole(self._sandboxes.create(spec))

    async def start(self, spec: ContainerSpec) -> Handle:
        """Create and start. A container of this key that is there already is used as it is."""
        container = await self._whole(self._containers.start(spec))
        return Handle(id=container, key=spec.key)

    async def wait(self, handle: Handle) -> Exit:
        """Return how the container ended. Costs no connection and no polling, however many wait."""
        return await asyncio.shield(await self._exits.ending(handle.id))

    async def stop(self, handle: Handle, *, grace_s: float) -> None:
        """Send the image's stop signal (TERM unless it says otherwise), then KILL.

        `UnavailableError` only before the first signal: afterwards a restart of containerd is
        waited for.
        """
        try:
            labels = (await self._native.container(handle.id)).labels
        except NotFoundError:
            return
        if not await self._runs(handle):
            return
        ending = await self._exits.ending(handle.id)
        if grace_s > 0:
            with suppress(NotFoundError):
                number = _signal(labels.get(STOP_SIGNAL, ""))
                await self._native.kill(handle.id, number, everything=False)
            await asyncio.wait({ending}, timeout=grace_s)
        while not ending.done():
            await self._kill(handle, ending)

    async def remove(self, handle: Handle) -> None:
        """Delete it with its log; who waits for it learns that it is gone."""
        await self._whole(self._remove(handle))

    async def list(self) -> list[Found]:
        """List our containers, and the sandboxes of several."""
        return [*await self._containers.list(), *await self._sandboxes.list()]

    def logs(
        self, handle: Handle, position: str = "", *, follow: bool = True
    ) -> AsyncIterator[LogBatch]:
        """Read the log from the files that the container's shim writes."""
        return self._logs.read(handle, position, follow=follow)

    def exec(self, handle: Handle, spec: ExecSpec) -> AbstractAsyncContextManager[Process]:
        """Run a command beside the container's own."""
        return self._execs.exec(handle, spec)

    async def _remove(self, handle: Handle) -> None:
        if handle.key.container:
            await self._containers.remove(handle.id)
            return
        if self._sandboxes.may_have_holder(handle):
            await self._containers.remove(handle.id)
        await self._sandboxes.remove(handle)

    async def _runs(self, handle: Handle) -> bool:
        """Tell whether there is something to stop; what was never started never will be."""
        try:
            status = (await self._native.task(handle.id)).status
        except NotFoundError:
            status = task_pb2.CREATED
        if status == task_pb2.CREATED and not self._containers.may_have_run(handle.id):
            await self.remove(handle)
            return False
        return status not in (task_pb2.STOPPED, task_pb2.CREATED)

    async def _kill(self, handle: Handle, ending: asyncio.Future[Exit]) -> None:
        """Send KILL and wait a while for the end.

        A containerd that is away gets it after it is back.
        """
        pause_s = _KILL_AGAIN_S
        try:
            with suppress(NotFoundError):
                await self._native.kill(handle.id, everything=True)
        except UnavailableError:
            pause_s = _AWAY_S
        await asyncio.wait({ending}, timeout=pause_s)

    async def _whole(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Await *work*, which goes on to its end when this call is cancelled.

        containerd gives up half-way when its caller goes: a start would then have failed.
        """
        results: list[_T] = []

        async def keep() -> None:
            results.append(await work)

        try:
            await self._cleanups.run(keep(), limit_s=_WHOLE_S)
        except TimeoutError as exc:
            raise UnavailableError(
                f"containerd did not do it within {_WHOLE_S:g} s", hint="argoexec doctor"
            ) from exc
        return results[0]


def _signal(name: str) -> int:
    """Return the number of an image's stop signal: SIGNAME, NAME or a number."""
    if name.isdecimal():
        return int(name)
    full = name if name.startswith("SIG") else f"SIG{name}"
    found: int = getattr(signal, full, signal.SIGTERM)
    return found


_: type[Runtime] = ContainerdRuntime
_images: type[ImageStore] = ContainerdRuntime
_execs: type[RuntimeExecs] = ContainerdRuntime
