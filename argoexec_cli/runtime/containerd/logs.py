"""A container's log, read from the file that the runtime writes it to.

Positions are offsets in bytes. A log is complete when its container has ended *and* nobody has the
file open for writing: containerd notes the end a moment before it writes the last lines.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import logging
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from argoexec_cli.errors import InvalidError
from argoexec_cli.runtime.base import Exit, Handle, LogBatch
from argoexec_cli.runtime.containerd.changes import LogChanges
from argoexec_cli.runtime.containerd.cri import Cri
from argoexec_cli.runtime.containerd.exits import Exits
from argoexec_cli.runtime.containerd.loglines import parse_lines
from argoexec_cli.runtime.containerd.render import log_name

_log = logging.getLogger(__name__)

_READ: Final = 256 * 1024
"""Bytes at a time: takes the event loop about 3 ms, and gives 180 KiB of 100-byte lines."""
_SMALL: Final = 16 * 1024
_PACE_S: Final = 0.01
"""Lines that follow each other closely come together, at most this often."""
_CLOSING_S: Final = 0.01
_CLOSING_LIMIT: Final = 1_000


class FileLog:
    """A place in one log file.

    Holds no descriptor between reads, so a thousand idle readers need none.
    """

    def __init__(self, path: Path, position: str) -> None:
        """Stand at *position*. `InvalidError` when it is none."""
        if not (position or "0").isdigit() or not position.isascii():
            raise InvalidError(
                f"{position!r} is no position in a log", hint="use one that logs gave"
            )
        self.path = path
        self._offset = int(position or 0)

    def read(self) -> LogBatch | None:
        """Return the next lines; None when there is no whole line (or no file) now."""
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            buffer = _read_lines(file, self._offset)
        finally:
            os.close(file)
        if not buffer:
            return None
        self._offset += len(buffer)
        return LogBatch(parse_lines(buffer), str(self._offset))

    def has_grown(self) -> bool:
        """Tell whether there is something after what was read."""
        try:
            return self.path.stat().st_size > self._offset
        except FileNotFoundError:
            return False

    def is_written(self) -> bool:
        """Tell whether somebody has the file open for writing; False where that cannot be known."""
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            # A lease on reading is refused while there is a writer. Should one come now, the signal
            # that asks for the lease back is to be one that is ignored by default.
            fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except OSError as exc:
            return exc.errno == errno.EAGAIN
        finally:
            os.close(file)
        return False


class Logs:
    """Reads the logs of one owner's containers."""

    def __init__(self, cri: Cri, exits: Exits, changes: LogChanges, directory: Path) -> None:
        """Read files in *directory*, which *changes* watches."""
        self._cri = cri
        self._exits = exits
        self._changes = changes
        self._directory = directory

    async def read(self, handle: Handle, position: str, *, follow: bool) -> AsyncIterator[LogBatch]:
        """Do what `Runtime.logs` promises."""
        log = FileLog(self._directory / log_name(handle.key), position)
        if not log.path.exists():
            await self._cri.container(handle.id)  # NotFoundError, unless it has not begun yet
        batches = self._follow(handle, log) if follow else _read_to_end(log)
        async for batch in batches:
            yield batch

    async def _follow(self, handle: Handle, log: FileLog) -> AsyncIterator[LogBatch]:
        ending = self._exits.ending(handle)
        left = _CLOSING_LIMIT
        while True:
            # Asked before reading: what was written before is there to be read.
            over = ending.done()
            complete = over and not log.is_written()
            batch = log.read()
            if batch is not None:
                yield batch
                await asyncio.sleep(_PACE_S if log_is_quiet(batch) else 0)
            elif complete or left == 0:
                return
            elif over:
                left -= 1
                if left == 0:
                    _log.warning("%s: still open after its container has ended", log.path)
                await asyncio.sleep(_CLOSING_S)
            else:
                await self._change(log, ending)

    async def _change(self, log: FileLog, ending: asyncio.Future[Exit]) -> None:
        """Wait until there is more to read or the container has ended."""
        changed = self._changes.next(log.path)
        if not log.has_grown():
            await _first(changed, ending)
        else:
            # Part of a line is there: its rest comes at once.
            await asyncio.sleep(0)


def log_is_quiet(batch: LogBatch) -> bool:
    """Tell whether *batch* is so small that the next may well be waited for."""
    return sum(len(run.data) for run in batch.runs) < _SMALL


def _read_lines(file: int, offset: int) -> bytes:
    """Read whole lines, about `_READ` bytes; more only where a single line is longer."""
    size = _READ
    while True:
        buffer = os.pread(file, size, offset)
        end = buffer.rfind(b"\n") + 1
        if end or len(buffer) < size:
            return buffer[:end]
        size *= 4


async def _read_to_end(log: FileLog) -> AsyncIterator[LogBatch]:
    while (batch := log.read()) is not None:
        yield batch
        await asyncio.sleep(0)


async def _first(*futures: asyncio.Future[Any]) -> None:
    """Return when one of them is done; cancelling leaves them alone, for they are shared."""
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
