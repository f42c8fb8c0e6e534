"""What the executors say of the pods that were handed over: a watch of each executor, or one for
each phase that matters.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Final

from argoexec_cli.aio import Tasks
from argoexec_cli.argo.translate.request import CLIENT
from argoexec_cli.errors import ArgoexecError
from argoexec_cli.models.executor import Executor
from argoexec_cli.models.record import PodQuery, PodRecord, PodUpdate

_log = logging.getLogger(__name__)
_FIRST_S: Final = 0.1
_LONGEST_S: Final = 5.0
_KEPT: Final = 20_000
ENDS: Final = ("Succeeded", "Failed")
"""The phases of pods that have ended: to be told of nothing else is a third of the work."""

Resolve = Callable[[str], Executor]
OnPod = Callable[[str, PodRecord, bool], None]


class Feeds:
    """Follows the pods with one client's label on any number of executors, until `stop`.

    *on_pod* is called with the executor's name, the record, and whether the pod was deleted.
    """

    def __init__(
        self,
        resolve: Resolve,
        client: str,
        on_pod: OnPod | None = None,
        phases: Sequence[str] = ("",),
    ) -> None:
        """Follow nothing yet. Pods are told of when they are in one of *phases*; "" is any."""
        self._resolve = resolve
        selector = f"{CLIENT}={client}"
        self._queries = [PodQuery(selector=selector, phase=phase) for phase in phases]
        self._on_pod = on_pod
        self._tasks = Tasks()
        self._followed: set[str] = set()
        self._latest: OrderedDict[str, PodRecord] = OrderedDict()

    def follow(self, name: str) -> None:
        """Follow the executor called *name*, if that is not done yet."""
        if name not in self._followed:
            self._followed.add(name)
            for query in self._queries:
                self._tasks.spawn(self._run(name, query), name=f"pods of executor {name}")

    def latest(self, uid: str) -> PodRecord | None:
        """Return the newest record of a pod that was told of, None for one that was not (yet)."""
        return self._latest.get(uid)

    async def stop(self) -> None:
        """Follow nothing any more."""
        await self._tasks.stop()

    async def _run(self, name: str, query: PodQuery) -> None:
        token, delay = "", _FIRST_S
        while True:
            try:
                stream = self._resolve(name).watch_pods(query, token)
                try:
                    async for update in stream:
                        token, delay = update.token or token, _FIRST_S
                        self._take(name, update)
                finally:
                    if isinstance(stream, AsyncGenerator):
                        await stream.aclose()
            except ArgoexecError as exc:
                if delay == _FIRST_S:
                    _log.warning("watching executor %s: %s", name, exc.message)
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LONGEST_S)

    def _take(self, name: str, update: PodUpdate) -> None:
        if (record := update.record) is None:
            return
        uid, deleted = record.ref.uid, update.type == "DELETED"
        if deleted:
            self._latest.pop(uid, None)
        else:
            self._latest[uid] = record
            self._latest.move_to_end(uid)
            if len(self._latest) > _KEPT:
                self._latest.popitem(last=False)
        if self._on_pod is not None:
            self._on_pod(name, record, deleted)
