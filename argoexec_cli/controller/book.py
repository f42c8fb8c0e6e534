"""What is known of the runs that are under way, and the one writer of it all.

Others change an `Entry` in memory and `touch` it; whatever is touched while one transaction is
being written goes into the next. So a thousand runs that change at once cost a few commits, and
watchers hear of nothing that is not on disk.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

import msgspec

from argoexec_cli.controller.hub import Hub
from argoexec_cli.controller.plan import Plan, plan_run
from argoexec_cli.controller.store import Batch, NewRun, RunStore, StoredRun
from argoexec_cli.errors import AlreadyExistsError, ArgoexecError
from argoexec_cli.models.companions import Companions
from argoexec_cli.models.record import PodRef
from argoexec_cli.models.workflow import NodeStatus, WorkflowRun

_log = logging.getLogger(__name__)
_RETRY_S: Final = 1.0


class Entry:
    """A run that is under way, or is being deleted. `beside` as in its row.

    `accepted`: the executor has its pod (durable); `attempted`: it may have it; `gone`: nothing is
    left of it but the record. `pod_revision` is that of the newest record that was seen.
    """

    def __init__(self, stored: StoredRun, *, attempted: bool) -> None:
        """Start from a row."""
        self.run = stored.run
        self.accepted = stored.accepted
        self.deleting = stored.deleting
        self.beside = stored.beside
        self.attempted = attempted or stored.accepted
        self.gone = False
        self.pod_revision = -1
        self.deletion: asyncio.Future[None] | None = None
        self.plan: Plan = plan_run(stored.run)

    @property
    def uid(self) -> str:
        """The run's uid."""
        return self.run.metadata.uid

    @property
    def node(self) -> NodeStatus:
        """The run's node, as it is now."""
        return self.run.status.nodes[self.plan.node.id]

    @property
    def pod_ref(self) -> PodRef:
        """The name of the node's pod, with its uid."""
        meta = self.plan.request.pod.metadata
        return PodRef(namespace=meta.namespace, name=meta.name, uid=meta.uid)

    def row(self) -> StoredRun:
        """Return what is to be written."""
        return StoredRun(self.run, accepted=self.accepted, deleting=self.deleting)


class Book:
    """All entries, by the run's uid and by the pod's. `adopt` is called with each new entry,
    `over` with each that has ended.
    """

    def __init__(
        self,
        store: RunStore,
        hub: Hub,
        adopt: Callable[[Entry], None],
        over: Callable[[Entry], None],
    ) -> None:
        """Start empty; `write_forever` has to run for anything to be written."""
        self._store = store
        self._hub = hub
        self._adopt = adopt
        self._over = over
        self.entries: dict[str, Entry] = {}
        self.by_pod: dict[str, Entry] = {}
        self._work = asyncio.Event()
        self._inserts: list[tuple[NewRun, asyncio.Future[StoredRun]]] = []
        self._touched: dict[str, Entry] = {}
        self._cursors: dict[str, str] = {}
        self._waiting: list[asyncio.Future[None]] = []

    def enter(self, stored: StoredRun, *, attempted: bool) -> Entry:
        """Keep the run in memory, if it is not there yet, and have it worked on."""
        entry = self.entries.get(stored.run.metadata.uid)
        if entry is None:
            entry = Entry(stored, attempted=attempted)
            self.entries[entry.uid] = self.by_pod[entry.pod_ref.uid] = entry
            self._adopt(entry)
        return entry

    async def insert(self, run: WorkflowRun, beside: Companions) -> WorkflowRun:
        """Accept *run*; returns it, or the one of the same name, spec and companions, once it is
        durable.

        Cancelling stops the waiting only. `AlreadyExistsError` when the name has another spec.
        """
        future: asyncio.Future[StoredRun] = asyncio.get_running_loop().create_future()
        self._inserts.append((NewRun(run, beside), future))
        self._work.set()
        found = await future
        if msgspec.structs.replace(found.run.spec, shutdown="") != run.spec:
            raise _other(run, "another spec")
        if found.beside != beside.hash:
            raise _other(run, "other ConfigMaps or Secrets")
        return found.run

    def touch(self, entry: Entry) -> None:
        """Have *entry* written as it is by then."""
        self._touched[entry.uid] = entry
        self._work.set()

    def move_cursor(self, executor: str, token: str) -> None:
        """Have it written that the watch of *executor* was handled up to *token*."""
        self._cursors[executor] = token

    async def settle(self) -> None:
        """Wait until all that was touched is durable. Raises what keeps it from being written."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._work.set()
        await future

    async def write_forever(self) -> None:
        """Write what comes, until cancelled; what cannot be written is kept and tried again."""
        while True:
            await self._work.wait()
            if not await self.write_once():
                await asyncio.sleep(_RETRY_S)

    async def write_once(self) -> bool:
        """Write all that there is now; returns whether that was possible."""
        self._work.clear()
        inserts, self._inserts = self._inserts, []
        touched, self._touched = self._touched, {}
        cursors, self._cursors = self._cursors, {}
        waiting, self._waiting = self._waiting, []
        try:
            written = await self._store.write(
                Batch(
                    [new for new, _ in inserts],
                    [entry.row() for entry in touched.values() if not entry.gone],
                    [entry.run for entry in touched.values() if entry.gone],
                    cursors,
                )
            )
        except ArgoexecError as exc:
            _log.error("cannot write the state of runs: %s", exc.message)
            self._touched, self._cursors = touched | self._touched, cursors | self._cursors
            self._work.set()
            for future in waiting:
                _fail(future, exc)
            for _, accepted in inserts:
                _fail(accepted, exc)
            return False
        for row, (_, accepted) in zip(written.inserted, inserts, strict=True):
            if not row.run.finished:
                self.enter(row, attempted=False)
            if not accepted.done():
                accepted.set_result(row)
        self._drop_finished(touched)
        self._hub.publish(written.changes)
        for done in waiting:
            if not done.done():
                done.set_result(None)
        return True

    def _drop_finished(self, written: dict[str, Entry]) -> None:
        for entry in written.values():
            finished = entry.run.finished and not entry.deleting
            if entry.uid in self._touched or not (entry.gone or finished):
                continue
            self.entries.pop(entry.uid, None)
            self.by_pod.pop(entry.pod_ref.uid, None)
            self._over(entry)
            if entry.deletion is not None and not entry.deletion.done():
                entry.deletion.set_result(None)


def _other(run: WorkflowRun, what: str) -> AlreadyExistsError:
    name = run.metadata.name
    return AlreadyExistsError(
        f"workflow run {run.metadata.namespace}/{name} exists already, with {what}",
        hint=f"use another name (or generateName), or: argoexec delete {name}",
    )


def _fail(future: asyncio.Future[Any], error: ArgoexecError) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()
