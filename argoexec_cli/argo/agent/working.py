"""The tasks that run now, and every step of theirs in the ledger before it is told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from argoexec_cli.aio import Tasks
from argoexec_cli.argo.agent.gate import Gate
from argoexec_cli.argo.agent.ledger import Entry, Key, Ledger
from argoexec_cli.argo.agent.running import Ended, OnAccepted
from argoexec_cli.argo.translate.result import NodeResult, failed
from argoexec_cli.argo.translate.template import is_ours
from argoexec_cli.errors import ArgoexecError

_log = logging.getLogger(__name__)
WITHDRAWN = "ended: Argo withdrew the task"
Tell = Callable[[Entry], None]


class Runner(Protocol):
    """Runs one kind of task."""

    async def run(self, entry: Entry, on_accepted: OnAccepted) -> Ended:
        """Run the entry, or go on with it, and return what came of it. Cancelling ends the waiting.

        *on_accepted* is awaited when it may have an effect that must not happen twice.
        """
        ...

    async def withdraw(self, entry: Entry) -> None:
        """End what may run of the entry, however often that has to be tried."""
        ...


class Work:
    """Runs tasks until `stop`, which leaves them to the next process."""

    def __init__(self, ledger: Ledger, pods: Runner, http: Runner, gate: Gate, tell: Tell) -> None:
        """Have *tell* told of every task that has ended by itself."""
        self._ledger = ledger
        self._pods, self._http = pods, http
        self._gate = gate
        self._tell = tell
        self._tasks = Tasks()
        self._running: dict[Key, asyncio.Task[None]] = {}

    def go_on(self, entry: Entry) -> None:
        """Run *entry*, or go on with it; what runs in this process already is left alone."""
        if entry.key not in self._running:
            task = self._tasks.spawn(self._run(entry), name=f"task {entry.node}")
            self._running[entry.key] = task
            task.add_done_callback(lambda ended: self._over(entry.key, ended))

    def has(self, key: Key) -> bool:
        """Whether this process is at the task: its end, when on disk, will be told."""
        return key in self._running

    async def withdraw(self, entry: Entry, result: NodeResult | None = None) -> None:
        """End what runs of *entry*, and never tell of it; or tell *result*."""
        if (task := self._running.pop(entry.key, None)) is not None:
            task.cancel()
        ended = result or failed(WITHDRAWN, phase="Failed")
        saved = await self._ledger.change(
            entry.key, withdrawn=True, silent=result is None, result=ended
        )
        if saved is not None:
            self.end(saved)
            if result is not None:
                self._tell(saved)

    def end(self, entry: Entry) -> None:
        """End what an entry that is withdrawn has left behind."""
        self._tasks.spawn(self._end(entry), name=f"withdrawal of {entry.node}")

    async def stop(self) -> None:
        """Run nothing any more. Pods run on."""
        await self._tasks.stop()

    async def _run(self, entry: Entry) -> None:
        await self._ledger.save(entry)  # before anything may have an effect
        key = entry.key

        async def on_accepted() -> None:
            await self._ledger.change(key, accepted=True)

        async with self._gate.inside(entry.uid, now=entry.accepted):
            try:
                ended = await self._runner(entry).run(entry, on_accepted)
            except Exception as exc:  # noqa: BLE001 - a bug must not leave the workflow hanging
                _log.exception("task %s of %s/%s", entry.node, entry.namespace, entry.workflow)
                ended = Ended(failed(f"the agent failed: {exc!r}"[:500]), left=True)
        saved = await self._ledger.change(key, result=ended.result, withdrawn=ended.left)
        if saved is not None:
            self._tell(saved)
            if ended.left:
                self.end(saved)

    def _over(self, key: Key, ended: asyncio.Task[None]) -> None:
        if self._running.get(key) is ended:
            del self._running[key]

    async def _end(self, entry: Entry) -> None:
        try:
            await self._runner(entry).withdraw(entry)
        except ArgoexecError as exc:
            _log.warning("task %s may run on: %s", entry.node, exc.message)
        await self._ledger.change(entry.key, stopped=True)

    def _runner(self, entry: Entry) -> Runner:
        return self._pods if is_ours(entry.template) else self._http
