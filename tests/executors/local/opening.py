"""Opening local executors on the fake runtime, with faults where a test wants them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec

from argoexec_cli.executors.local.admission import Room
from argoexec_cli.executors.local.images.settings import ImageSettings
from argoexec_cli.executors.local.manager import LocalExecutor, open_local
from argoexec_cli.executors.local.settings import LocalSettings
from argoexec_cli.runtime.base import Runtime
from argoexec_cli.runtime.fake import FakeEngine, open_fake

Wrap = Callable[[Runtime], Runtime]


def fast_settings(data_dir: Path) -> LocalSettings:
    """Return settings with which nothing waits for seconds."""
    return LocalSettings(
        data_dir=data_dir,
        name="test",
        version="1.2.3",
        room=Room(4000, 8 << 30, 20),
        images=ImageSettings(backoff_s=0.01, patience_s=0.05),
        restart_backoff_s=(0.01, 0.02),
        sweep_s=3600.0,
        evict_s=0.1,
        host_ip="192.0.2.7",
    )


class Opener:
    """Opens one executor at a time; `wrap` is put around its runtime."""

    def __init__(self, engine: FakeEngine, data_dir: Path) -> None:
        """Use *engine* and *data_dir* for all of them."""
        self.engine = engine
        self.settings = fast_settings(data_dir)
        self.wrap: Wrap = lambda runtime: runtime
        self._stack = AsyncExitStack()

    def set(self, **changes: object) -> None:
        """Change settings for the next `open`."""
        self.settings = msgspec.structs.replace(self.settings, **changes)

    async def open(self) -> LocalExecutor:
        """Close the executor that is open, if any, and open the next."""
        await self.close()
        return await self._stack.enter_async_context(open_local(self.settings, self._runtime))

    async def close(self) -> None:
        """Close the executor that is open. Containers go on."""
        await self._stack.aclose()

    def _runtime(self, owner: str) -> AbstractAsyncContextManager[Runtime]:
        @asynccontextmanager
        async def opened() -> AsyncIterator[Runtime]:
            async with open_fake(owner, self.engine) as runtime:
                yield self.wrap(runtime)

        return opened()
