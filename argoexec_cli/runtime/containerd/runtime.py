"""A container runtime behind the `Runtime` seam: puts the parts of this package together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar

import msgspec

from argoexec_cli.aio import Cleanups
from argoexec_cli.errors import NotFoundError, UnavailableError
from argoexec_cli.rpc.gen.cri.v1 import container_pb2
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
from argoexec_cli.runtime.containerd.exits import Exits
from argoexec_cli.runtime.containerd.images import have_image
from argoexec_cli.runtime.containerd.logs import Logs
from argoexec_cli.runtime.containerd.sandboxes import Sandboxes

_T = TypeVar("_T")

_WHOLE_S: Final = 600.0
_KILL_AGAIN_S: Final = 0.2
_NEVER_S: Final = 3600
"""Longer than any grace: the runtime is not to send KILL, as it counts in whole seconds."""


class ContainerdOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What may be chosen about a containerd runtime.

    `host` is the runtime's address. `cgroup_parent` is the control group under which all containers
    are (empty: the runtime's own choice). `pull_limit_s` is how long a pull may take in all.
    """

    host: str = "unix:///run/containerd/containerd.sock"
    cgroup_parent: str = ""
    pull_limit_s: float = 3600.0


class Parts(msgspec.Struct, frozen=True):
    """What a runtime is made of; `open_containerd` starts and ends them."""

    cri: Cri
    containers: Containers
    sandboxes: Sandboxes
    exits: Exits
    logs: Logs
    cleanups: Cleanups


class ContainerdRuntime:
    """See `Runtime` for what each method promises; made by `open_containerd`."""

    def __init__(
        self, parts: Parts, options: ContainerdOptions, capabilities: Capabilities
    ) -> None:
        """Use the parts, which somebody else starts and ends."""
        self._cri = parts.cri
        self._containers = parts.containers
        self._sandboxes = parts.sandboxes
        self._exits = parts.exits
        self._logs = parts.logs
        self._cleanups = parts.cleanups
        self._options = options
        self._capabilities = capabilities

    @property
    def capabilities(self) -> Capabilities:
        """Name, version and powers of the runtime when it was opened."""
        return self._capabilities

    async def pull(self, pull: ImagePull, on_progress: OnProgress | None = None) -> Image:
        """Have the image on the host. Unlike other calls, cancelling ends the work.

        Nobody else would use it. *on_progress* is never called: the interface knows no progress.
        """
        return await have_image(self._cri, pull, limit_s=self._options.pull_limit_s)

    async def create_sandbox(self, spec: SandboxSpec) -> Sandbox:
        """Start what the pod's containers share.

        A single container gets a sandbox of its own when it starts, and loses it with its removal.
        """
        if not spec.shared:
            return Sandbox(spec=spec)
        return await self._whole(self._sandboxes.ensure(spec))

    async def start(self, spec: ContainerSpec) -> Handle:
        """Create and start. A container of this key that is there already is used as it is."""
        container = await self._whole(self._containers.start(spec))
        return Handle(id=container, key=spec.key)

    async def wait(self, handle: Handle) -> Exit:
        """Return how the container ended, however many wait: one question is for all of them."""
        return await asyncio.shield(self._exits.ending(handle))

    async def stop(self, handle: Handle, *, grace_s: float) -> None:
        """Send the image's stop signal (TERM unless it says otherwise), then KILL.

        `UnavailableError` only before the first signal: afterwards a restart of the runtime is
        waited for.
        """
        try:
            state = (await self._cri.container(handle.id)).state
            if state == container_pb2.CONTAINER_CREATED:
                await self.remove(handle)
            elif state != container_pb2.CONTAINER_EXITED:
                await self._end(handle, grace_s)
        except NotFoundError:
            return

    async def remove(self, handle: Handle) -> None:
        """Delete it with its log and its own sandbox; who waits for it learns that it is gone."""
        await self._whole(self._containers.remove(handle))

    async def list(self) -> list[Found]:
        """List our containers and sandboxes: two questions, and one more for each address."""
        return await self._sandboxes.list()

    def logs(
        self, handle: Handle, position: str = "", *, follow: bool = True
    ) -> AsyncIterator[LogBatch]:
        """Read the log from the file that the runtime writes."""
        return self._logs.read(handle, position, follow=follow)

    async def _end(self, handle: Handle, grace_s: float) -> None:
        ending = self._exits.ending(handle)
        if grace_s > 0:
            await self._ask_to_end(handle, ending, grace_s)
        while not ending.done():
            try:
                await self._cri.stop(handle.id, 0)
                self._exits.hint()
                return
            except UnavailableError:
                await asyncio.sleep(_KILL_AGAIN_S)

    async def _ask_to_end(
        self, handle: Handle, ending: asyncio.Future[Exit], grace_s: float
    ) -> None:
        """Send the stop signal; return at the container's end or when the grace is over."""
        until = asyncio.get_running_loop().time() + grace_s
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                try:
                    await self._cri.stop(handle.id, _NEVER_S, limit_s=grace_s + 60)
                except UnavailableError:
                    # The signal was sent, most likely: the runtime answered a moment ago.
                    await asyncio.wait({ending})

    async def _whole(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Await *work*, which goes on to its end when this call is cancelled.

        The interface gives up half-way when its caller goes: a start would then have failed.
        """
        results: list[_T] = []

        async def keep() -> None:
            results.append(await work)

        try:
            await self._cleanups.run(keep(), limit_s=_WHOLE_S)
        except TimeoutError as exc:
            raise UnavailableError(
                f"the container runtime did not do it within {_WHOLE_S:g} s", hint="argoexec doctor"
            ) from exc
        return results[0]


_: type[Runtime] = ContainerdRuntime
