"""Why and when a pod is to end before its containers do by themselves: a stop, a deletion, its
deadline.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from argoexec_cli.aio import Signal

_T = TypeVar("_T")


NODE_PORTS: Final = "NodePorts"
"""The kubelet's reason when a port of the host is taken."""


class AttemptError(Exception):
    """The pod ends here; `reason` and `message` go into its status."""

    def __init__(self, reason: str, message: str) -> None:
        """Keep both."""
        super().__init__(message)
        self.reason = reason
        self.message = message


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
        self._until_s = float("inf")
        self.applied = False
        self.discarded = asyncio.Event()
        """Set when the pod is being deleted, so nobody will read the rest of its log."""
        self._wanted = asyncio.Event()
        self._changed = Signal()
        self._children: list[Ending] = []

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
            self._until_s = min(self._until_s, time.monotonic() + grace_s)
            self._changed.fire()
        self._wanted.set()
        for child in self._children:
            child.want(reason, message, grace_s)

    @property
    def left_s(self) -> float:
        """What is left of the grace period; endless when nobody wishes the end."""
        return max(0.0, self._until_s - time.monotonic())

    def part(self) -> Ending:
        """Return the wish to end of a part of the pod, which may be wished alone."""
        part = Ending()
        part.discarded = self.discarded
        return part

    def lead(self, part: Ending) -> None:
        """From now on a wish that the pod ends is one that the part does, in what is left of the
        pod's grace period.
        """
        if self.wanted:
            part.want(self.reason, self.message, self.left_s)
        self._children.append(part)

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

    async def changed(self, than: float = float("inf")) -> float:
        """Wait for a grace period shorter than *than*, by default for any wish; returns it."""
        changed = self._changed.next()
        while self.grace_s >= than:
            await changed()
            changed = self._changed.next()
        return self.grace_s
