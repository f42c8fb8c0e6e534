"""How many tasks may be with executors at a time, in all and of each workflow, and who comes first.

Argo's own `parallelism` counts pods, and tasks of task sets are none.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress


class Gate:
    """Lets tasks in, first come first served within the limits."""

    def __init__(self, limit: int, limit_of: Callable[[str], int | None]) -> None:
        """Let in *limit* tasks; *limit_of* says how many of a workflow, None for as many."""
        self._limit = limit
        self._limit_of = limit_of
        self._inside: Counter[str] = Counter()
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def inside(self, uid: str, *, now: bool = False) -> AsyncIterator[None]:
        """Be counted for the workflow *uid* while the block runs, when there is a place; *now* is
        for what runs already.
        """
        if not now and not self._has_place(uid):
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((uid, place))
            try:
                await place  # whoever lets it in counts it
            except asyncio.CancelledError:
                self._waiting = [one for one in self._waiting if one[1] is not place]
                if place.done() and not place.cancelled():
                    self._leave(uid)
                raise
        else:
            self._inside[uid] += 1
        try:
            yield
        finally:
            self._leave(uid)

    def look(self) -> None:
        """Let in whoever may come in now: a limit has changed."""
        left = []
        for uid, place in self._waiting:
            if not place.done() and self._has_place(uid):
                self._inside[uid] += 1
                place.set_result(None)
            else:
                left.append((uid, place))
        self._waiting = left

    def _leave(self, uid: str) -> None:
        self._inside[uid] -= 1
        if not self._inside[uid]:
            del self._inside[uid]
        self.look()

    def _has_place(self, uid: str) -> bool:
        own = self._limit_of(uid)
        return self._inside.total() < self._limit and (own is None or self._inside[uid] < own)


class Precedence:
    """Lets others wait a little while somebody is inside."""

    def __init__(self) -> None:
        """Have nobody inside."""
        self._inside = 0
        self._empty = asyncio.Event()
        self._empty.set()

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Come first while the block runs."""
        self._inside += 1
        self._empty.clear()
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside:
                self._empty.set()

    async def let_pass(self, limit_s: float) -> None:
        """Return when nobody is inside, at the latest after *limit_s*."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._empty.wait()
