"""A queue of keys for level-triggered workers, as Kubernetes' controllers have it.

A key is never with two workers at once; added while it is being worked on, it comes again after.
What fails comes again after a delay that doubles, of its own for each key.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

_FIRST_DELAY_S: Final = 0.2
_LAST_DELAY_S: Final = 15.0


class WorkQueue:
    """Keys to look at, in the order in which they were added; twice added is once added."""

    def __init__(self) -> None:
        """Start empty."""
        self._ready: deque[str] = deque()
        self._dirty: set[str] = set()
        self._busy: set[str] = set()
        self._failures: dict[str, int] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._wakeup = asyncio.Semaphore(0)

    def add(self, key: str) -> None:
        """Have *key* looked at as soon as possible, whatever delay it was waiting for."""
        if timer := self._timers.pop(key, None):
            timer.cancel()
        if key in self._dirty:
            return
        self._dirty.add(key)
        if key not in self._busy:
            self._ready.append(key)
            self._wakeup.release()

    def add_after(self, key: str, delay_s: float) -> None:
        """Have *key* looked at after *delay_s*; a shorter delay that it has already is kept."""
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is None or timer.when() > loop.time() + delay_s:
            if timer is not None:
                timer.cancel()
            self._timers[key] = loop.call_later(delay_s, self.add, key)

    async def get(self) -> str:
        """Wait for a key; the caller hands it back with `done` or `failed`."""
        await self._wakeup.acquire()
        key = self._ready.popleft()
        self._dirty.discard(key)
        self._busy.add(key)
        return key

    def done(self, key: str) -> None:
        """The key needs nothing more for now; its next failure is its first."""
        self._failures.pop(key, None)
        self._release(key)

    def failed(self, key: str) -> None:
        """The key has to be looked at again, later each time in a row that it fails."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        self._release(key)
        if key not in self._dirty:
            self.add_after(key, min(_FIRST_DELAY_S * 2 ** min(failures - 1, 16), _LAST_DELAY_S))

    def close(self) -> None:
        """Forget all delays."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _release(self, key: str) -> None:
        self._busy.discard(key)
        if key in self._dirty:
            self._ready.append(key)
            self._wakeup.release()
