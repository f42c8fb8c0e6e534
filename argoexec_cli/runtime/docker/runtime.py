"""Docker Engine behind the `Runtime` seam: puts the parts of this package together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from argoexec_cli.errors import NotFoundError, UnavailableError
from argoexec_cli.models.exec import Process
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
from argoexec_cli.runtime.docker.containers import ENDED, Containers, to_found
from argoexec_cli.runtime.docker.engine import Engine
from argoexec_cli.runtime.docker.execs import Execs
from argoexec_cli.runtime.docker.exits import Exits
from argoexec_cli.runtime.docker.images import have_image, list_images, remove_image
from argoexec_cli.runtime.docker.logs import Logs
from argoexec_cli.runtime.docker.render import POOL_HOSTNAME, render_container
from argoexec_cli.runtime.docker.sandbox import ensure_sandbox, own_image
from argoexec_cli.runtime.exec import ExecSpec, RuntimeExecs
from argoexec_cli.runtime.images import Disk, ImageStore, StoredImage, disk_of
from argoexec_cli.runtime.pool import Pool, may_change_network
from argoexec_cli.runtime.standin import PAUSE_IMAGE

_KILL_AGAIN_S: Final = 5.0


class DockerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What may be chosen about a Docker runtime.

    `host` is the engine's address. `pause_image` holds the network of pods with several containers;
    empty means one that is made from the host's busybox. `pull_stall_s` is how long a pull may go
    without progress. `warm_networks` bounds the pool of networks that single-container pods take
    turns in (see `pool`); 0 gives every pod a new one. `read_log_files` allows to read the engine's
    log files where this process can, several times faster than through the API.
    """

    host: str = "unix:///var/run/docker.sock"
    pause_image: str = ""
    pull_stall_s: float = 120.0
    warm_networks: int = 16
    read_log_files: bool = True


class Settings(NamedTuple):
    """Whose containers they are, what was chosen, what the engine can do, its directory where
    this process can see it, and what runs further commands.
    """

    owner: str
    options: DockerOptions
    capabilities: Capabilities
    root: Path | None
    execs: Execs


class DockerRuntime:
    """See `Runtime` for what each method promises; made by `open_docker`."""

    def __init__(
        self,
        engine: Engine,
        containers: Containers,
        exits: Exits,
        logs: Logs,
        pool: Pool,
        settings: Settings,
    ) -> None:
        """Use the parts, which `open_docker` owns."""
        self._engine = engine
        self._containers = containers
        self._exits = exits
        self._logs = logs
        self._pool = pool
        self._execs = settings.execs
        self._owner, self._options, self._capabilities = settings[:3]
        self._root = settings.root

    @property
    def capabilities(self) -> Capabilities:
        """Name, version and powers of the engine when the runtime was opened."""
        return self._capabilities

    async def pull(self, pull: ImagePull, on_progress: OnProgress | None = None) -> Image:
        """Have the image on the host. Unlike other calls, cancelling ends the work.

        Nobody else would use it. Our own image is made, whatever a registry has by its name.
        """
        if pull.image == PAUSE_IMAGE:
            return await own_image(self._engine)
        stall_s = self._options.pull_stall_s
        return await have_image(self._engine, pull, on_progress, stall_s=stall_s)

    def exec(self, handle: Handle, spec: ExecSpec) -> AbstractAsyncContextManager[Process]:
        """Run a further command."""
        return self._execs.exec(handle, spec)

    async def list_images(self) -> list[StoredImage]:
        """List all images of the engine."""
        return await list_images(self._engine)

    async def remove_image(self, name: str) -> bool:
        """Remove a name, and the image with its last name."""
        return await remove_image(self._engine, name)

    async def disk(self) -> Disk | None:
        """Look at the file system of the engine's directory, if that is on this machine."""
        return await asyncio.to_thread(disk_of, self._root)

    async def create_sandbox(self, spec: SandboxSpec) -> Sandbox:
        """Start what the pod's containers share.

        A single container takes a network that is ready, or brings its own: nothing to make. One
        that asks for a host name, for ports or for the host's network always brings its own.
        """
        if (spec.own_hostname or spec.host_network or spec.ports) and not spec.shared:
            return Sandbox(spec=spec)
        if not spec.shared:
            return await self._borrowed(spec)
        return await ensure_sandbox(
            self._engine, self._containers, spec, self._owner, self._options.pause_image
        )

    async def start(self, spec: ContainerSpec) -> Handle:
        """Create and start, in two requests.

        A container of this key that is there already is used as it is. A network of the pool that
        has ended meanwhile is replaced by one of the container's own.
        """
        try:
            return await self._start(spec)
        except NotFoundError:
            if spec.sandbox.spec.shared or not spec.sandbox.id:
                raise
        self._pool.lose(spec.sandbox.id)
        own = msgspec.structs.replace(spec, sandbox=Sandbox(spec=spec.sandbox.spec))
        return await self._start(own)

    async def _borrowed(self, spec: SandboxSpec) -> Sandbox:
        """Return a network that is ready, or nothing: then the container brings its own."""
        network = await self._pool.borrow(spec.key.pod_uid)
        if network is None:
            return Sandbox(spec=spec)
        return Sandbox(
            id=network.id,
            spec=spec,
            ip=network.ip,
            hostname=POOL_HOSTNAME,
            resolv_conf=network.resolv_conf,
        )

    async def _start(self, spec: ContainerSpec) -> Handle:
        if spec.sandbox.id and may_change_network(spec.security):
            self._pool.spoil(spec.sandbox.id)
        body = render_container(spec, self._owner)
        container, has_run = await self._containers.create(spec.key, body)
        if not has_run:
            self._exits.expect(container, limited=spec.resources.memory_bytes > 0)
            await self._containers.start(container)
        return Handle(id=container, key=spec.key)

    async def wait(self, handle: Handle) -> Exit:
        """Return how the container ended. Costs no connection and no polling, however many wait."""
        return await asyncio.shield(await self._exits.ending(handle))

    async def stop(self, handle: Handle, *, grace_s: float) -> None:
        """Send the image's stop signal (TERM unless it says otherwise), then KILL.

        UnavailableError only before the first signal: afterwards a restart of the engine is waited
        for.
        """
        found = await self._containers.inspect(handle.id)
        if found is None or found.state.status in ENDED:
            return
        if found.state.status == "created":
            await self.remove(handle)
            return
        ending = await self._exits.ending(handle)
        if grace_s > 0:
            await self._containers.kill(handle.id, found.config.stop_signal or "SIGTERM")
            await asyncio.wait({ending}, timeout=grace_s)
        while not ending.done():
            await self._kill(handle, ending)

    async def remove(self, handle: Handle) -> None:
        """Delete the container with its log; who still waits for it learns that it is gone."""
        if await self._pool.take_back(handle.key.pod_uid, handle.id):
            return
        await self._containers.remove(handle.id)
        self._exits.forget(handle.id)

    async def list(self) -> list[Found]:
        """List our containers and sandboxes, one request however many there are."""
        found = [to_found(listed) for listed in await self._containers.ours()]
        return [self._up_to_date(one) for one in found if one is not None]

    def logs(
        self, handle: Handle, position: str = "", *, follow: bool = True
    ) -> AsyncIterator[LogBatch]:
        """Read the log, from the engine's file if possible, else through its API.

        Positions fit both.
        """
        return self._logs.read(handle, position, follow=follow)

    def _up_to_date(self, found: Found) -> Found:
        """Agree with `wait`: the engine's list lags its events."""
        ended = self._exits.has_ended(found.handle.id)
        return msgspec.structs.replace(found, state="exited") if ended else found

    async def _kill(self, handle: Handle, ending: asyncio.Future[Exit]) -> None:
        """Send KILL and wait a while for the end.

        An engine that is away gets it after it is back.
        """
        pause_s = _KILL_AGAIN_S
        try:
            await self._containers.kill(handle.id, "SIGKILL")
        except UnavailableError:
            pause_s = 0.2
        await asyncio.wait({ending}, timeout=pause_s)


_: type[Runtime] = DockerRuntime
_images: type[ImageStore] = DockerRuntime
_runs: type[RuntimeExecs] = DockerRuntime
