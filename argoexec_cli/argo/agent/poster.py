"""Tells Argo: writes the results of one task set into its status.

One object holds all results of a workflow, and the controller writes to it too. So each patch is
for the version that was seen last (the server refuses it for any other), names only nodes that this
version has in `spec.tasks`, and carries all that has gathered in the meantime.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from argoexec_cli.argo.agent.objects import TaskSet, read_task_set, version_number
from argoexec_cli.argo.agent.sizing import OBJECT_LIMIT, PATCH_LIMIT, fitting
from argoexec_cli.argo.translate.result import NodeResult, failed
from argoexec_cli.errors import (
    ArgoexecError,
    DeniedError,
    InvalidError,
    NotFoundError,
    UnavailableError,
)
from argoexec_cli.kube.base import Kube, Object
from argoexec_cli.kube.errors import ConflictError, GoneError, ThrottledError, TooLargeError
from argoexec_cli.kube.resources import TASK_SETS

_log = logging.getLogger(__name__)
PERIOD_S: Final = 0.205
"""The least time between two patches of one task set: 200 ms, and what a network may make of it."""

_CONFLICT_S: Final = 0.02
_FIRST_S: Final = 0.5
_LONGEST_S: Final = 30.0
_FULL_S: Final = 30.0
"""So long a full task set is waited for, before what does not fit is cut."""

_FULL_AGAIN_S: Final = 1.0
_ALL: Final = 10_000
_REFUSED: Final = "Argo refused the result: "

Posted = Callable[[dict[str, NodeResult | None]], Awaitable[None]]


class Poster:
    """Posts for one task set while `run` runs. Not for more than one loop."""

    def __init__(self, kube: Kube, task_set: TaskSet, on_posted: Posted) -> None:
        """Begin with *task_set* as the newest version. *on_posted* is told what was written."""
        self._kube = kube
        self._seen = task_set
        self._on_posted = on_posted
        self._waiting: dict[str, NodeResult | None] = {}
        self._instead: dict[str, NodeResult] = {}
        self._wake = asyncio.Event()
        self._limit = OBJECT_LIMIT
        self._at_once = _ALL
        self._full_since: float | None = None
        self._delay = _FIRST_S
        self._conflict_s = _CONFLICT_S
        self._sent = 0.0
        self.gone = False

    def see(self, task_set: TaskSet) -> None:
        """Take a version of the task set; one that is older than what we wrote is not news."""
        if version_number(task_set.version) < version_number(self._seen.version):
            return
        self._seen = task_set
        if self._waiting:
            self._wake.set()

    def put(self, node: str, result: NodeResult | None) -> None:
        """Have *result* written; None takes out what was written. A later call replaces it.

        A result that Argo refused once stays replaced by the error that says so.
        """
        self._waiting[node] = None if result is None else self._instead.get(node, result)
        self._wake.set()

    def has(self, node: str) -> bool:
        """Whether something about a node waits to be written."""
        return node in self._waiting

    def drop(self, node: str) -> None:
        """Write nothing about a node any more."""
        self._waiting.pop(node, None)
        self._instead.pop(node, None)

    def close(self) -> None:
        """Write nothing any more: the task set is gone. `run` returns."""
        self.gone = True
        self._waiting.clear()
        self._wake.set()

    async def run(self) -> None:
        """Write what is put, until cancelled or until the task set is gone."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self.gone:
                return
            self._sent = asyncio.get_running_loop().time()
            pause = await self._write()
            took = asyncio.get_running_loop().time() - self._sent
            await asyncio.sleep(max(0.0, pause - took))
            if self._waiting:
                self._wake.set()

    async def _write(self) -> float:
        """Write one patch; returns how long to wait before the next."""
        batch = self._batch()
        if not batch:
            return _FULL_AGAIN_S if self._waiting else 0.0
        patch: Object = {
            "metadata": {"resourceVersion": self._seen.version},
            "status": {"nodes": batch},
        }
        place = (self._seen.name, self._seen.namespace)
        self._sent = asyncio.get_running_loop().time()
        try:
            found = await self._kube.patch(TASK_SETS, *place, patch, "status")
        except (ConflictError, GoneError):
            return await self._read_again()
        except ArgoexecError as exc:
            return self._refused(exc, batch)
        self._delay, self._conflict_s = _FIRST_S, _CONFLICT_S
        self._at_once = min(self._at_once * 2, _ALL)
        self._limit = min(self._limit * 2, OBJECT_LIMIT)
        self._seen = read_task_set(found)
        for node, form in batch.items():
            if node in self._waiting and (form is None) == (self._waiting[node] is None):
                del self._waiting[node]
        await self._on_posted(batch)
        return PERIOD_S

    def _batch(self) -> dict[str, NodeResult | None]:
        for node in [node for node in self._waiting if node not in self._seen.tasks]:
            del self._waiting[node]
        chosen = dict(list(self._waiting.items())[: self._at_once])
        room = self._limit - self._seen.size
        now = asyncio.get_running_loop().time()
        since = self._full_since if self._full_since is not None else now
        hurry = not self._seen.nodes or now - since > _FULL_S
        batch = fitting(chosen, room, hurry=hurry)
        self._full_since = since if chosen and not batch else None
        return batch

    async def _read_again(self) -> float:
        place = (self._seen.name, self._seen.namespace)
        try:
            found = read_task_set(await self._kube.get(TASK_SETS, *place))
        except ArgoexecError as exc:
            return self._refused(exc, {})
        if found.uid != self._seen.uid:
            return self._refused(NotFoundError("another workflow has the name"), {})
        self._seen = found
        delay, self._conflict_s = self._conflict_s, min(max(2 * self._conflict_s, PERIOD_S), 2.0)
        return delay

    def _refused(self, exc: ArgoexecError, batch: dict[str, NodeResult | None]) -> float:
        where = f"{self._seen.namespace}/{self._seen.name}"
        if isinstance(exc, NotFoundError):
            self.close()
            return 0.0
        if isinstance(exc, TooLargeError):
            self._limit = min(self._limit, self._seen.size + PATCH_LIMIT) // 2
            self._at_once = max(1, len(batch) // 2)
            _log.warning("results of %s are too large together: %s", where, exc.message)
        elif isinstance(exc, InvalidError) and len(batch) > 1:
            self._at_once = len(batch) // 2  # one of them is refused: find out which
        elif isinstance(exc, InvalidError):
            _log.error("a result of %s is refused: %s", where, exc.message)
            self._replace(batch, exc.message)
        else:
            return self._later(exc, where)
        return PERIOD_S

    def _replace(self, batch: dict[str, NodeResult | None], why: str) -> None:
        """Have an error in place of a result; when that is refused too, nothing can be said."""
        for node, result in batch.items():
            if result is None or result["message"].startswith(_REFUSED):
                self._waiting.pop(node, None)
            else:
                self._instead[node] = failed(f"{_REFUSED}{why}"[:1000])
                self._waiting[node] = self._instead[node]

    def _later(self, exc: ArgoexecError, where: str) -> float:
        if self._delay == _FIRST_S or isinstance(exc, DeniedError):
            _log.warning("cannot write the results of %s: %s (%s)", where, exc.message, exc.hint)
        if not isinstance(exc, UnavailableError):
            self._delay = _LONGEST_S
        delay = exc.retry_after_s if isinstance(exc, ThrottledError) else self._delay
        self._delay = min(self._delay * 2, _LONGEST_S)
        return max(delay, PERIOD_S)
