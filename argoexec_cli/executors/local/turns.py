"""Few at a time: what hundreds of pods want of the runtime at the same moment.

A host can run out of something that each pod takes for its life, as addresses of the pods' network.
While that is so, a try costs as much as one that succeeds, and hundreds of pods that try again and
again leave no time for those that have their place. So one tries now and then, for all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from argoexec_cli.errors import CapacityError

_EVERY_S: Final = 1.0


class Turns:
    """One step in the life of pods, of which at most *count* are at it at a time."""

    def __init__(self, count: int, *, every_s: float = _EVERY_S) -> None:
        """While there is no room, one may try every *every_s* seconds."""
        self._gate = asyncio.Semaphore(count)
        self._every_s = every_s
        self._fault: CapacityError | None = None
        self._next_s = 0.0

    @asynccontextmanager
    async def one(self, *, network: bool) -> AsyncIterator[None]:
        """Do the block when its turn comes. *network*: it makes one, which needs room.

        `CapacityError`, instead of the block: another has just found that there is none.
        """
        async with self._gate:
            if not network:
                yield
                return
            self._refuse()
            try:
                yield
            except CapacityError as exc:
                self._fault = exc
                self._next_s = _now() + self._every_s
                raise
            self._fault = None

    def _refuse(self) -> None:
        if self._fault is None:
            return
        if _now() < self._next_s:
            raise CapacityError(self._fault.message, hint=self._fault.hint)
        self._next_s = _now() + self._every_s


def _now() -> float:
    return asyncio.get_running_loop().time()
