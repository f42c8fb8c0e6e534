"""The `Runtime` protocol on a `FakeEngine`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import msgspec

from argoexec_cli.errors import InvalidError, NotFoundError, UnavailableError
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
    PullProgress,
    Runtime,
    Sandbox,
    SandboxSpec,
)
from argoexec_cli.runtime.exec import ExecSpec, RuntimeExecs
from argoexec_cli.runtime.fake.engine import FakeContainer, FakeEngine
from argoexec_cli.runtime.fake.execs import run_in
from argoexec_cli.runtime.images import Disk, ImageStore, StoredImage

_UNKNOWN: Final = Exit(exit_code=137, reason="ContainerStatusUnknown")


@asynccontextmanager
async def open_fake(owner: str, engine: FakeEngine | None = None) -> AsyncIterator[FakeRuntime]:
    """Open the runtime on *engine*, or on one of its own that ends with it."""
    its = engine or FakeEngine()
    try:
        yield FakeRuntime(its, owner)
    finally:
        if engine is None:
            await its.close()


class FakeRuntime:
    """Implements `runtime.base.Runtime`. Images: names with `missing` do not exist, with
    `unreachable` have no registry, with `slow` take two seconds.
    """

    def __init__(self, engine: FakeEngine, owner: str) -> None:
        """Use *engine*; see only what *owner* made."""
        self._engine = engine
        self._owner = owner

    @property
    def capabilities(self) -> Capabilities:
        """See `Runtime.capabilities`."""
        return Capabilities(
            name="fake",
            version="1",
            limits=False,
            images=True,
            exec=True,
            processes=False,
            ports=True,
            terminal=True,
        )

    async def pull(self, pull: ImagePull, on_progress: OnProgress | None = None) -> Image:
        """See `Runtime.pull`."""
        there = pull.image in self._engine.images
        if there and pull.policy != "Always":
            return _image(pull.image)
        if any(char.isspace() or char.isupper() for char in pull.image.partition(":")[0]):
            raise InvalidError(
                f"{pull.image!r} is not an image name", hint="for example busybox:1.36"
            )
        if "missing" in pull.image or ("@sha256:" in pull.image and pull.image.endswith("0" * 64)):
            raise NotFoundError(f"no such image: {pull.image}", hint="check the name and the tag")
        if "unreachable" in pull.image:
            raise UnavailableError(
                f"the registry of {pull.image} does not answer", hint="check the network"
            )
        if pull.policy == "Never":
            raise NotFoundError(f"image {pull.image} is not on the host", hint="let it be pulled")
        if "slow" in pull.image and on_progress:
            await _slowly(on_progress)
        self._engine.images.add(pull.image)
        return msgspec.structs.replace(_image(pull.image), pulled=not there)

    def exec(self, handle: Handle, spec: ExecSpec) -> AbstractAsyncContextManager[Process]:
        """See `RuntimeExecs.exec`."""
        return run_in(self._find(handle), spec)

    async def list_images(self) -> list[StoredImage]:
        """See `ImageStore.list_images`. Each is as large as a tenth of the disk."""
        size = self._engine.disk.capacity_bytes // 10
        return [
            StoredImage(id=_image(name).id, size_bytes=size, in_use=self._in_use(name))
            for name in self._engine.images
        ]

    async def remove_image(self, name: str) -> bool:
        """See `ImageStore.remove_image`."""
        if self._in_use(name):
            return False
        self._engine.images.discard(name.removeprefix("fake:"))
        return True

    async def disk(self) -> Disk:
        """See `ImageStore.disk`."""
        return self._engine.disk

    def _in_use(self, name: str) -> bool:
        id_ = _image(name.removeprefix("fake:")).id
        return any(each.spec.image.id == id_ for each in self._engine.containers.values())

    async def create_sandbox(self, spec: SandboxSpec) -> Sandbox:
        """See `Runtime.create_sandbox`."""
        return Sandbox(spec=spec, ip="127.0.0.1")

    async def start(self, spec: ContainerSpec) -> Handle:
        """See `Runtime.start`."""
        self._engine.start(self._owner, spec)
        return Handle(id=spec.key.object_name, key=spec.key)

    async def wait(self, handle: Handle) -> Exit:
        """See `Runtime.wait`."""
        container = self._find(handle)
        return await container.wait() if container else _UNKNOWN

    async def stop(self, handle: Handle, *, grace_s: float) -> None:
        """See `Runtime.stop`."""
        if (container := self._find(handle)) is None:
            return
        if grace_s <= 0:
            container.signal(9)
        container.signal(15)
        try:
            async with asyncio.timeout(grace_s):
                await container.wait()
        except TimeoutError:
            container.signal(9)
            await container.wait()

    async def remove(self, handle: Handle) -> None:
        """See `Runtime.remove`."""
        if container := self._find(handle):
            container.signal(9)
            await container.wait()
            self._engine.containers.pop(handle.key.object_name, None)

    async def list(self) -> list[Found]:
        """See `Runtime.list`."""
        return [
            Found(
                handle=Handle(id=name, key=container.spec.key),
                state="exited" if container.exit else "running",
                spec_hash=container.spec.spec_hash,
                created_at=container.created_at,
            )
            for name, container in self._engine.containers.items()
            if container.owner == self._owner
        ]

    async def logs(
        self, handle: Handle, position: str = "", *, follow: bool = True
    ) -> AsyncIterator[LogBatch]:
        """See `Runtime.logs`."""
        container = self._find(handle)
        if container is None:
            raise NotFoundError(f"no such container: {handle.key.object_name}")
        async for batch in container.read(int(position or 0), follow=follow):
            yield batch

    def _find(self, handle: Handle) -> FakeContainer | None:
        container = self._engine.containers.get(handle.key.object_name)
        return container if container and container.owner == self._owner else None


def _image(name: str) -> Image:
    return Image(id=f"fake:{name}")


async def _slowly(on_progress: OnProgress) -> None:
    for tenth in range(1, 11):
        await asyncio.sleep(0.2)
        done = tenth * 5 << 20
        progress = PullProgress(
            bytes_done=done, bytes_total=50 << 20, layers_done=tenth // 2, layers_total=5
        )
        await on_progress(progress)


_: type[Runtime] = FakeRuntime
_images: type[ImageStore] = FakeRuntime
_runs: type[RuntimeExecs] = FakeRuntime
