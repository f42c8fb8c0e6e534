"""The one place that knows how to run something in the background.

`Tasks` keeps, names and watches background tasks: one that ends with an unexpected error is logged
at once, not when somebody finally awaits it. `Cleanups` owns work that has to finish although its
caller was cancelled. `to_the_end` is for several things at once that all matter.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class Tasks:
    """Background tasks with an owner. `stop()` may be called twice; nothing may be spawned after
    it.
    """

    def __init__(self) -> None:
        """Start with no tasks."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stopped = False

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Run *work* until it ends or the owner stops; an error in it is logged under *name*."""
        task = self._start(work, name)
        task.add_done_callback(_log_error)
        return task

    async def complete(self, work: Coroutine[Any, Any, _T], *, name: str) -> _T:
        """Await *work*, which goes on in the background when this call is cancelled.

        Its error is raised here; it is logged only when nobody waits for it any more.
        """
        task = self._start(work, name)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_log_error)
            raise

    def _start(self, work: Coroutine[Any, Any, _T], name: str) -> asyncio.Task[_T]:
        if self._stopped:
            work.close()
            raise RuntimeError(f"{name}: the owner of this task has stopped")
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def stop(self, *, limit_s: float = 5.0) -> None:
        """Cancel all tasks and wait for them; name the ones that do not end within *limit_s*."""
        self._stopped = True
        left = {task for task in self._tasks if task is not asyncio.current_task()}
        for task in left:
            task.cancel()
        if left:
            _, stuck = await asyncio.wait(left, timeout=limit_s)
            for task in stuck:
                _log.error(
                    "%s did not end within %s s after it was cancelled", task.get_name(), limit_s
                )


class Cleanups:
    """Owns work that must finish even when its caller is cancelled; `join()` at shutdown waits for
    it.
    """

    def __init__(self) -> None:
        """Start with nothing to clean up."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, work: Coroutine[Any, Any, None], *, limit_s: float) -> None:
        """Await *work*, which goes on for up to *limit_s* when this call is cancelled."""
        task = asyncio.create_task(self._limited(work, limit_s), name="cleanup")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_log_error)
            raise

    async def join(self) -> None:
        """Wait for everything that is still being cleaned up."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    @staticmethod
    async def _limited(work: Coroutine[Any, Any, None], limit_s: float) -> None:
        async with asyncio.timeout(limit_s):
            await work


class Signal:
    """Wakes every waiter at each `fire()`; a waiter that comes later waits for the next one."""

    def __init__(self) -> None:
        """Start unfired."""
        self._event = asyncio.Event()

    def fire(self) -> None:
        """Wake all current waiters."""
        self._event.set()
        self._event = asyncio.Event()

    def next(self) -> Callable[[], Coroutine[Any, Any, bool]]:
        """Return a waiter for the next `fire()`, registered now: nothing between now and the await
        is missed.
        """
        return self._event.wait


async def to_the_end(*works: Awaitable[_T]) -> list[_T]:
    """Await all of *works* at once, each to its end whatever becomes of the others; then raise the
    first error, in their order. Cancelling cancels them all.
    """
    ends = await asyncio.gather(*works, return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end
    return [end for end in ends if not isinstance(end, BaseException)]


def _log_error(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("%s ended unexpectedly", task.get_name(), exc_info=error)
