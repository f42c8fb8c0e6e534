"""A runtime whose calls fail for a while, as those of an engine that is being restarted do."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from argoexec_cli.errors import ArgoexecError, UnavailableError
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

CALLS = ("pull", "create_sandbox", "start", "wait", "stop", "remove", "logs")


class FlakyRuntime:
    """Passes every call on to *inner*, but raises `faults[name]` times first."""

    def __init__(self, inner: Runtime, error: ArgoexecError | None = None) -> None:
        """Raise *error*, by default that the engine does not answer."""
        self.inner = inner
        self.error = error or UnavailableError("the engine does not answer", hint="start it")
        self.faults: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()

    def _count(self, name: str) -> None:
        self.calls[name] += 1
        if self.faults[name] > 0:
            self.faults[name] -= 1
            raise self.error

    @property
    def capabilities(self) -> Capabilities:
        """See `Runtime`."""
        return self.inner.capabilities

    async def pull(self, pull: ImagePull, on_progress: OnProgress | None = None) -> Image:
        """See `Runtime`."""
        self._count("pull")
        return await self.inner.pull(pull, on_progress)

    async def create_sandbox(self, spec: SandboxSpec) -> Sandbox:
        """See `Runtime`."""
        self._count("create_sandbox")
        return await self.inner.create_sandbox(spec)

    async def start(self, spec: ContainerSpec) -> Handle:
        """See `Runtime`."""
        self._count("start")
        return await self.inner.start(spec)

    async def wait(self, handle: Handle) -> Exit:
        """See `Runtime`."""
        self._count("wait")
        return await self.inner.wait(handle)

    async def stop(self, handle: Handle, *, grace_s: float) -> None:
        """See `Runtime`."""
        self._count("stop")
        await self.inner.stop(handle, grace_s=grace_s)

    async def remove(self, handle: Handle) -> None:
        """See `Runtime`."""
        self._count("remove")
        await self.inner.remove(handle)

    async def list(self) -> list[Found]:
        """See `Runtime`."""
        self._count("list")
        return await self.inner.list()

    async def logs(
        self, handle: Handle, position: str = "", *, follow: bool = True
    ) -> AsyncIterator[LogBatch]:
        """Fail before the first batch, and after it: a connection breaks while it is used."""
        self._count("logs")
        async for batch in self.inner.logs(handle, position, follow=follow):
            yield batch
            self._count("logs")

    def __getattr__(self, name: str) -> Any:
        """Pass the calls of the runtime's further powers on, which never fail."""
        return getattr(self.inner, name)


_: type[Runtime] = FlakyRuntime
