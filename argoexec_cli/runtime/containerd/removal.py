"""How a container is undone, repeatably: its task, its record, its root, its output."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path
from typing import Final

from argoexec_cli.errors import NotFoundError, UnavailableError
from argoexec_cli.rpc.gen.containerd.types import task_pb2
from argoexec_cli.runtime.containerd.exits import Exits
from argoexec_cli.runtime.containerd.layout import Layout
from argoexec_cli.runtime.containerd.native import Native

_TRIES: Final = 6
_KILL_AGAIN_S: Final = 5.0


class Removal:
    """Undoes containers of one owner."""

    def __init__(self, native: Native, layout: Layout, exits: Exits, snapshotter: str) -> None:
        """Use the parts, which somebody else starts and ends."""
        self._native = native
        self._layout = layout
        self._exits = exits
        self._snapshotter = snapshotter

    async def discard(self, container: str) -> None:
        """Delete everything of a container, by force if it runs. Unknown: nothing to do."""
        await self._end(container)
        await asyncio.gather(
            _unless_gone(self._native.delete_container(container)),
            _unless_gone(self._native.remove_snapshot(self._snapshotter, container)),
        )
        shutil.rmtree(self._layout.containers / container, ignore_errors=True)
        self._exits.forget(container)

    async def _end(self, container: str) -> None:
        """Delete the task, once it has ended."""
        for _ in range(_TRIES):
            if self._exits.has_ended(container) or await self._has_ended(container):
                await _unless_gone(self._native.delete_task(container))
                return
            await _unless_gone(self._native.kill(container, everything=True))
            ending = await self._exits.ending(container)
            await asyncio.wait({ending}, timeout=_KILL_AGAIN_S)
        raise UnavailableError(
            f"container {container} does not end, although it is killed",
            hint=f"ctr --namespace k8s.io tasks kill --signal KILL {container}",
        )

    async def _has_ended(self, container: str) -> bool:
        try:
            process = await self._native.task(container)
        except NotFoundError:
            return True
        return process.status == task_pb2.STOPPED


def sweep(directory: Path, kept: set[str]) -> None:
    """Delete what belongs to no container any more: a crash may come between two removals."""
    for path in directory.iterdir() if directory.exists() else ():
        if path.name not in kept:
            shutil.rmtree(path, ignore_errors=True)


async def _unless_gone(call: Awaitable[None]) -> None:
    with suppress(NotFoundError):
        await call
