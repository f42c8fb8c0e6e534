"""Why and when a pod is to end before its containers do by themselves: a stop, a deletion, its
deadline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


class EndingError(Exception):
    """Raised inside a worker when its pod is to end now."""


class Ending:
    """The wish to end, of one pod. The first reason stays; a later wish may only shorten the grace
    period.
    """

    def __init__(self) -> None:
        """Nobody wishes anything yet."""
        self.reason = ""
        self.message = ""
        self.grace_s = float("inf")
        self.applied = False
        self.discarded = asyncio.Event()
        """Set when the pod is being deleted, so nobody will read the rest of its log."""
        self._wanted = asyncio.Event()
        self._changed = asyncio.Event()

    @property
    def wanted(self) -> bool:
        """Whether the pod is to end."""
        return self._wanted.is_set()

    def want(self, reason: str, message: str, grace_s: float) -> None:
        """Wish that the pod ends. May be called any number of times."""
        if not self.wanted:
            self.reason, self.message = reason, message
        if grace_s < self.grace_s:
            self.grace_s = grace_s
            self._changed.set()
        self._wanted.set()

    async def unless(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Await *work*, but cancel it and raise `EndingError` as soon as the pod is to end."""
        task = asyncio.ensure_future(work)
        wanted = asyncio.ensure_future(self._wanted.wait())
        try:
            await asyncio.wait({task, wanted}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            self.applied = True
            raise EndingError
        finally:
            for one in (task, wanted):
                one.cancel()
            await asyncio.gather(task, wanted, return_exceptions=True)

    async def changed(self) -> float:
        """Wait for a wish, or for a shorter grace period than the last time; returns it."""
        await self._changed.wait()
        self._changed.clear()
        return self.grace_s
