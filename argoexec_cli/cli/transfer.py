"""Between code that blocks, in a thread, and a stream of the event loop: bytes, a few at a time."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from typing import Final, Self

from argoexec_cli.cli.session import Session
from argoexec_cli.models.quantity import format_bytes

_PIECES: Final = 8
BLOCK: Final = 64 << 10
"""Bytes that go from one side to the other at a time."""
_REDRAW_S: Final = 0.2


class PipeClosedError(Exception):
    """Raised in the thread when the other end is not interested any more."""


class Pipe:
    """One way, for one thread and one task; whoever is faster waits. It is a file for `tarfile`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start empty."""
        self._loop = loop
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(_PIECES)
        self._rest = b""
        self._ended = False
        self._closed = False

    async def run(self, work: Callable[[], None]) -> None:
        """Run *work*, which reads or writes here, in a thread; then end the stream."""
        await asyncio.to_thread(work)
        if not self._ended:
            await self.put(b"")

    async def put(self, data: bytes) -> None:
        """Give a piece to the thread; an empty one is the end. Dropped after `close`."""
        if not self._closed:
            await self._queue.put(data)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Take what the thread writes."""
        while data := await self._queue.get():
            yield data

    def close(self) -> None:
        """Let the thread end at its next call. Repeatable."""
        self._closed = True
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(b"")

    def write(self, data: bytes) -> int:
        """For the thread: pass *data* on."""
        view = memoryview(data)
        for start in range(0, len(view), BLOCK):
            if self._closed:
                raise PipeClosedError
            piece = bytes(view[start : start + BLOCK])
            asyncio.run_coroutine_threadsafe(self._queue.put(piece), self._loop).result()
        return len(data)

    def read(self, count: int) -> bytes:
        """For the thread: wait for *count* bytes; fewer at the end."""
        parts, left = [], count
        while left > 0:
            if not self._rest and not self._more():
                break
            part, self._rest = self._rest[:left], self._rest[left:]
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def _more(self) -> bool:
        if self._ended or self._closed:
            return False
        self._rest = asyncio.run_coroutine_threadsafe(self._queue.get(), self._loop).result()
        self._ended = not self._rest
        return not self._ended


class Meter:
    """Tells on a terminal how much was copied, in one line that is gone at the end."""

    def __init__(self, session: Session, what: str, total: int = 0) -> None:
        """Tell of *what*; *total* bytes are to come, 0 when that is not known."""
        self._session = session
        self._what = what
        self._total = total
        self._done = 0
        self._begun_s = self._drawn_s = time.monotonic()
        self._drawing = sys.stderr.isatty()

    def add(self, count: int) -> None:
        """Count bytes."""
        self._done += count
        now_s = time.monotonic()
        if self._drawing and now_s - self._drawn_s >= _REDRAW_S:
            self._drawn_s = now_s
            total = f" of {format_bytes(self._total)}" if self._total else ""
            speed = format_bytes(self._done / (now_s - self._begun_s))
            self._session.say_text(
                f"\r\x1b[K{self._what}: {format_bytes(self._done)}{total}, {speed}/s"
            )

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take the line away."""
        if self._drawing:
            self._session.say_text("\r\x1b[K")
