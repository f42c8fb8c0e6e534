"""A container's log, read from the two files that its shim writes.

What was written by both at about the same time comes in the order of the files' times of change,
stdout first. A log is complete when its container has ended *and* nobody has a file open for
writing: the shim copies the last bytes a moment after the end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any, Final

from argoexec_cli.models.logs import STDERR, STDOUT
from argoexec_cli.runtime.base import Exit, Handle, LogBatch
from argoexec_cli.runtime.changes import FileChanges
from argoexec_cli.runtime.containerd.exits import Exits
from argoexec_cli.runtime.containerd.layout import Layout
from argoexec_cli.runtime.containerd.logfile import OutputFile
from argoexec_cli.runtime.containerd.native import Native
from argoexec_cli.runtime.containerd.position import Position
from argoexec_cli.runtime.pace import Pace

_log = logging.getLogger(__name__)

_CLOSING_S: Final = 0.25
_CLOSING_LIMIT_S: Final = 15.0
"""Longer than a shim waits for what it copies."""


class ContainerLog:
    """A place in both files."""

    def __init__(self, layout: Layout, container: str, position: Position) -> None:
        """Stand at *position*."""
        self.files = (
            OutputFile(layout.stdout(container), STDOUT, position.stdout),
            OutputFile(layout.stderr(container), STDERR, position.stderr),
        )
        self._last_ns = 0

    def read(self, *, final: bool) -> LogBatch | None:
        """Return what comes next; None when nothing (whole) is there now."""
        runs = [run for file in self.files for run in file.read(final=final)]
        if not runs:
            return None
        runs.sort(key=lambda run: run.time_ns)
        # What was read later is not told to be older, whichever file it was in.
        runs = [run._replace(time_ns=max(run.time_ns, self._last_ns)) for run in runs]
        self._last_ns = runs[-1].time_ns
        return LogBatch(runs, str(Position(*(file.offset for file in self.files))))

    def has_grown(self) -> bool:
        """Tell whether there is more than `read` saw."""
        return any(file.has_grown() for file in self.files)

    def is_written(self) -> bool:
        """Tell whether more may come."""
        return any(file.is_written() for file in self.files)


class Logs:
    """Reads the logs of one owner's containers."""

    def __init__(self, native: Native, exits: Exits, changes: FileChanges, layout: Layout) -> None:
        """Follow files by *changes*, which somebody else runs."""
        self._native = native
        self._exits = exits
        self._changes = changes
        self._layout = layout

    async def read(self, handle: Handle, position: str, *, follow: bool) -> AsyncIterator[LogBatch]:
        """Do what `Runtime.logs` promises; nothing is read ahead of what the caller takes."""
        log = ContainerLog(self._layout, handle.id, Position.parse(position))
        if not log.files[0].path.exists():
            await self._native.container(handle.id)  # NotFoundError, unless it has not begun yet
        batches = self._follow(handle, log) if follow else _read_to_end(log)
        async for batch in batches:
            yield batch

    async def _follow(self, handle: Handle, log: ContainerLog) -> AsyncIterator[LogBatch]:
        ending, pace = await self._exits.ending(handle.id), Pace()
        loop = asyncio.get_running_loop()
        until = float("inf")
        while True:
            await pace.wait()
            # Asked before reading: what was written before is there to be read.
            over = ending.done()
            complete = over and (loop.time() > until or not log.is_written())
            batch = log.read(final=complete)
            if batch is not None:
                pace.note(batch)
                yield batch
            elif complete:
                if loop.time() > until:
                    _log.warning("%s: its files stay open after its end", handle.id)
                return
            elif over:
                until = min(until, loop.time() + _CLOSING_LIMIT_S)
                await self._change(log, None)
            else:
                await self._change(log, ending)

    async def _change(self, log: ContainerLog, ending: asyncio.Future[Exit] | None) -> None:
        """Wait until there is more to read or the container has ended; after that, for a while."""
        changed: list[asyncio.Future[Any]] = [self._changes.next(file.path) for file in log.files]
        if log.has_grown() or (ending is None and not log.is_written()):
            return
        if ending is not None:
            await asyncio.wait([*changed, ending], return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.wait(changed, timeout=_CLOSING_S, return_when=asyncio.FIRST_COMPLETED)


async def _read_to_end(log: ContainerLog) -> AsyncIterator[LogBatch]:
    while (batch := log.read(final=False)) is not None:
        yield batch
        await asyncio.sleep(0)
