"""A container's log, by the faster of two ways.

The engine's file where this process can read it, else the engine's API.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from argoexec_cli.runtime.base import Handle, LogBatch
from argoexec_cli.runtime.changes import FileChanges
from argoexec_cli.runtime.docker.engine import Engine
from argoexec_cli.runtime.docker.exits import Exits
from argoexec_cli.runtime.docker.logapi import ApiLog
from argoexec_cli.runtime.docker.logfile import FileLog
from argoexec_cli.runtime.docker.position import Position
from argoexec_cli.runtime.pace import Pace


class Logs:
    """The logs of one owner's containers.

    Holds nothing for a reader that waits but its place in the file.
    """

    def __init__(
        self, engine: Engine, exits: Exits, changes: FileChanges, root: Path | None
    ) -> None:
        """Look for files under *root*, the engine's data directory; None to use the API only."""
        self._engine = engine
        self._exits = exits
        self._changes = changes
        self._root = root

    async def read(self, handle: Handle, position: str, *, follow: bool) -> AsyncIterator[LogBatch]:
        """Read as `Runtime.logs` promises; nothing is read ahead of what the caller takes."""
        place = Position.parse(position)
        path = self._readable(handle)
        if path is not None:
            log = FileLog(path, place)
            batches = self._follow_file(handle, log) if follow else _read_to_end(log)
        else:
            api = ApiLog(self._engine, handle, place.entries)
            batches = self._follow_api(handle, api) if follow else api.read(follow=False)
        async for batch in batches:
            yield batch

    def _readable(self, handle: Handle) -> Path | None:
        """Return the log's file if it is here.

        Its name holds the container's id, so it is the right engine's.
        """
        if self._root is None:
            return None
        # The engine keeps this path out of its API and calls the format internal; the conformance
        # suite runs on both ways, so that an engine which changes either is noticed.
        path = self._root / "containers" / handle.id / "local-logs" / "container.log"
        try:
            with path.open("rb"):
                return path
        except OSError:
            return None

    async def _follow_file(self, handle: Handle, log: FileLog) -> AsyncIterator[LogBatch]:
        ending = await self._exits.ending(handle)
        pace = Pace()
        while True:
            await pace.wait()
            # Asked before reading: what was written before the end is there to be read.
            over = ending.done()
            batch = log.read(final=over)
            if batch is not None:
                pace.note(batch)
                yield batch
            elif over:
                return
            else:
                changed = self._changes.next(log.path)
                if not log.has_grown():
                    await _first(changed, ending)

    async def _follow_api(self, handle: Handle, log: ApiLog) -> AsyncIterator[LogBatch]:
        ending = await self._exits.ending(handle)
        while True:
            # A stream that began before the end may lack the last lines (a race in the engine), or
            # have been cut by its restart.
            over = ending.done()
            async for batch in log.read(follow=not over):
                yield batch
            if over and log.is_complete:
                return
            await asyncio.wait({ending}, timeout=log.pause_s())


async def _read_to_end(log: FileLog) -> AsyncIterator[LogBatch]:
    while (batch := log.read(final=False)) is not None:
        yield batch
        await asyncio.sleep(0)


async def _first(*futures: asyncio.Future[Any]) -> None:
    """Return when one of them is done; cancelling leaves them alone, for they are shared."""
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
