"""How the calls of a daemon end when it stops.

Single calls are waited for. Streams could last for ever, so they are cut with UNAVAILABLE: their
clients resume at the next daemon, by token or cursor, and nothing is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from argoexec_cli.errors import UnavailableError

STOPPING: Final = "the daemon is stopping"


class Drain:
    """Knows the calls that are open. `begin` may be called again."""

    def __init__(self) -> None:
        """Start with no calls."""
        self._streams: set[asyncio.Task[object]] = set()
        self._calls = 0
        self._begun = False
        self._idle = asyncio.Event()
        self._idle.set()

    def begin(self) -> None:
        """Cut the streams that are open, and every one that comes."""
        self._begun = True
        for task in self._streams:
            task.cancel(STOPPING)

    async def idle(self) -> None:
        """Wait until no call is open."""
        await self._idle.wait()

    @contextmanager
    def call(self) -> Iterator[None]:
        """Count the call that the block serves."""
        self._calls += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._calls -= 1
            if not self._calls:
                self._idle.set()

    @contextmanager
    def stream(self) -> Iterator[None]:
        """Turn the beginning of the drain into `UnavailableError` in the block's task.

        A cancellation that comes from elsewhere, such as from a client that hangs up, passes.
        """
        if self._begun:
            raise UnavailableError(STOPPING)
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a stream is served by a task")
        self._streams.add(task)
        try:
            yield
        except asyncio.CancelledError as exc:
            if STOPPING not in exc.args:
                raise
            task.uncancel()
            raise UnavailableError(STOPPING) from exc
        finally:
            self._streams.discard(task)
