"""The two ends of a command's streams: named pipes in a directory, ours and its shim's."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Final

_READ: Final = 64 << 10


class Input:
    """The end that we write to."""

    def __init__(self, path: Path) -> None:
        """Make the pipe. Until `connect` it is held open from both sides, so that nobody waits."""
        os.mkfifo(path, 0o600)
        self._path = path
        self._writable: asyncio.Future[None] | None = None
        self._file = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def connect(self) -> None:
        """Leave reading to the other side, which has opened the pipe or will never do so."""
        held = self._file
        self._file = -1
        with suppress(OSError):  # nobody reads
            self._file = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        os.close(held)

    async def write(self, data: bytes) -> None:
        """Send *data*; waits while it is not read, drops it when nobody will."""
        left = memoryview(data)
        while left and self._file >= 0:
            try:
                left = left[os.write(self._file, left) :]
            except BlockingIOError:
                await self._wait(self._file)
            except BrokenPipeError:
                self.close()

    def close(self) -> None:
        """End the input; what waits to be sent is dropped. Repeatable."""
        file, self._file = self._file, -1
        if file < 0:
            return
        if self._writable is not None:
            asyncio.get_running_loop().remove_writer(file)
            _wake(self._writable)
        os.close(file)

    async def _wait(self, file: int) -> None:
        """Return when more can be written, or never will be."""
        loop = asyncio.get_running_loop()
        self._writable = loop.create_future()
        loop.add_writer(file, _wake, self._writable)
        try:
            await self._writable
        finally:
            self._writable = None
            if self._file == file:
                loop.remove_writer(file)


class OutputPipe:
    """An end that we read from."""

    def __init__(self, path: Path) -> None:
        """Make the pipe and open it: the other side then never waits for us to do so."""
        os.mkfifo(path, 0o600)
        self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    async def read(self) -> AsyncIterator[bytes]:
        """Give what comes, until the other side has closed the pipe, which it has opened before."""
        while True:
            try:
                data = os.read(self._file, _READ)
            except BlockingIOError:
                await _readable(self._file)
                continue
            if not data:
                return
            yield data

    def close(self) -> None:
        """Stop reading. Repeatable."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


async def _readable(file: int) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_reader(file, _wake, ready)
    try:
        await ready
    finally:
        loop.remove_reader(file)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
