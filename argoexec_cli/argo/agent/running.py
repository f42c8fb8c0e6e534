"""Runs one task on an executor, from the ledger's entry to a NodeResult.

It can be cut off at any await and run again, by another process too: the pod's name and uid follow
from the entry, and an executor that has the pod returns it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple, TypeVar

from argoexec_cli.argo.agent.attaching import attach
from argoexec_cli.argo.agent.gate import Precedence
from argoexec_cli.argo.agent.ledger import Entry
from argoexec_cli.argo.feed import ENDS, Feeds, Resolve
from argoexec_cli.argo.tails import read_tails
from argoexec_cli.argo.translate.request import Delegation, Identity, Owner, delegate
from argoexec_cli.argo.translate.result import NodeResult, failed, node_result, timed_out
from argoexec_cli.errors import (
    AlreadyExistsError,
    ArgoexecError,
    CapacityError,
    NotFoundError,
    TimedOutError,
    UnavailableError,
)
from argoexec_cli.kube.base import Kube
from argoexec_cli.models.executor import Executor
from argoexec_cli.models.record import PodRecord

_log = logging.getLogger(__name__)
_PASSING: Final = (UnavailableError, CapacityError, TimedOutError)
_FIRST_S: Final = 0.2
_LONGEST_S: Final = 10.0
_LOOK_S: Final = 30.0
_ENDING_S: Final = 60.0
_LATE_S: Final = 2.0
_BEGUN_AT_ONCE: Final = 2
"""So many tasks of an executor are prepared and handed over at a time: hundreds at once would hold
up, on both sides, what ends meanwhile.
"""
_ENDS_FIRST_S: Final = 0.05
"""So long a task that could be begun waits for those that have ended and are not told of yet."""
_GONE: Final = "the executor has no such pod any more: somebody deleted it, or its data is lost"
_T = TypeVar("_T")

OnAccepted = Callable[[], Awaitable[None]]


class Ended(NamedTuple):
    """How a task ended. `left`: it may still run somewhere, and has to be withdrawn."""

    result: NodeResult
    left: bool = False


class Pods:
    """Runs tasks as pods of the executors that *resolve* knows."""

    def __init__(self, kube: Kube, resolve: Resolve, client: str) -> None:
        """Mark all pods with *client*, and follow those."""
        self._kube = kube
        self._resolve = resolve
        self._client = client
        self._feeds = Feeds(resolve, client, self._see, ENDS)
        self._waits: dict[str, asyncio.Future[PodRecord | None]] = {}
        self._places: dict[str, asyncio.Semaphore] = {}
        self._telling = Precedence()

    async def stop(self) -> None:
        """Follow nothing any more. The pods run on."""
        await self._feeds.stop()

    async def run(self, entry: Entry, on_accepted: OnAccepted) -> Ended:
        """Run the entry's pod, or go on with it, and return what came of it.

        *on_accepted* is awaited when the executor has the pod. Cancelling leaves it running.
        """
        try:
            async with self._place(entry):
                delegation = self.delegation(entry)
                executor = self._resolve(entry.executor)
            return await self._run(entry, delegation, executor, on_accepted)
        except _PASSING as exc:  # the time was up before the executor could be reached
            return Ended(failed(f"executor {entry.executor}: {exc.message}"), left=True)
        except ArgoexecError as exc:
            return Ended(failed(exc.message))

    async def withdraw(self, entry: Entry) -> None:
        """End the entry's pod, however often that has to be tried. Returns when it is asked to."""
        ref = PodRecord(self.delegation(entry).request.pod).ref
        executor = self._resolve(entry.executor)
        for late in (False, True):
            if late:  # it may have been on its way to the executor when it was withdrawn
                await asyncio.sleep(_LATE_S)
            try:
                await _until_it_works(lambda: executor.stop_pod(ref))
            except NotFoundError:
                if entry.accepted:
                    return
            else:
                return

    def delegation(self, entry: Entry) -> Delegation:
        """Return what the executor is asked for. `FieldError` for a template that is wrong."""
        owner = Owner(entry.namespace, entry.workflow, entry.uid, self._client)
        suffix = entry.node.removeprefix(f"{entry.workflow}-")
        key = f"{entry.node}#{entry.generation}" if entry.generation else entry.node
        return delegate(entry.template, owner, Identity(key, suffix, entry.node))

    async def _run(
        self, entry: Entry, delegation: Delegation, executor: Executor, on_accepted: OnAccepted
    ) -> Ended:
        limit_s = delegation.limit_s
        left = None if limit_s is None else max(0.0, entry.started + limit_s - time.time())
        try:
            async with asyncio.timeout(left):
                record = await self._accepted(entry, delegation, executor)
                if not entry.accepted:
                    await on_accepted()
                record = await self._ended(entry, executor, record)
        except TimeoutError:
            return await self._overdue(entry, delegation, executor)
        if record is None:
            return Ended(failed(_GONE))
        with self._telling.inside():
            logs = await read_tails(executor, record)
        result = node_result(delegation, record, logs, entry.executor)
        if limit_s and record.pod.status.reason == "DeadlineExceeded":
            result = timed_out(result, limit_s)
        return Ended(result)

    async def _accepted(
        self, entry: Entry, delegation: Delegation, executor: Executor
    ) -> PodRecord | None:
        """Have the executor take the pod; None when it had it and has lost it."""
        ref = PodRecord(delegation.request.pod).ref
        if not entry.accepted:
            try:
                return await _until_it_works(lambda: self._hand_over(entry, delegation, executor))
            except AlreadyExistsError:
                pass  # ours, from before a restart: what it refers to has changed since
        try:
            return await _until_it_works(lambda: executor.get_pod(ref))
        except NotFoundError:
            return None

    async def _hand_over(
        self, entry: Entry, delegation: Delegation, executor: Executor
    ) -> PodRecord:
        async with self._place(entry):
            await self._telling.let_pass(_ENDS_FIRST_S)
            return await executor.run_pod(await attach(self._kube, delegation.request))

    def _place(self, entry: Entry) -> asyncio.Semaphore:
        return self._places.setdefault(entry.executor, asyncio.Semaphore(_BEGUN_AT_ONCE))

    async def _ended(
        self, entry: Entry, executor: Executor, record: PodRecord | None
    ) -> PodRecord | None:
        """Wait until the pod has ended; None when it was deleted."""
        if record is None or record.pod.status.terminal:
            return record
        self._feeds.follow(entry.executor)
        ref, uid = record.ref, record.ref.uid
        wait = self._waits.setdefault(uid, asyncio.get_running_loop().create_future())
        latest = self._feeds.latest(uid)
        try:
            while latest is None or not latest.pod.status.terminal:
                # The watch tells; now and then it is asked whether nothing was missed.
                done, _ = await asyncio.wait({wait}, timeout=_LOOK_S)
                if done:
                    return wait.result()
                try:
                    latest = await _until_it_works(lambda: executor.get_pod(ref))
                except NotFoundError:
                    return None
            return latest
        finally:
            self._waits.pop(uid, None)

    async def _overdue(self, entry: Entry, delegation: Delegation, executor: Executor) -> Ended:
        """End a pod whose time is up, and say so, with what it has written until then."""
        assert delegation.limit_s is not None  # noqa: S101 - without a limit nothing is overdue
        result, left = failed(""), True
        try:
            async with asyncio.timeout(_ENDING_S):
                ref = PodRecord(delegation.request.pod).ref
                await executor.stop_pod(ref)
                record = await self._ended(entry, executor, await executor.get_pod(ref))
                if record is not None:
                    logs = await read_tails(executor, record)
                    result = node_result(delegation, record, logs, entry.executor)
                left = False
        except NotFoundError:
            left = not entry.accepted
        except (ArgoexecError, TimeoutError) as exc:
            _log.warning("cannot end a task whose time is up, yet: %s", exc)
        return Ended(timed_out(result, delegation.limit_s), left)

    def _see(self, _: str, record: PodRecord, deleted: bool) -> None:
        wait = self._waits.get(record.ref.uid)
        if wait is not None and not wait.done() and (deleted or record.pod.status.terminal):
            wait.set_result(None if deleted else record)


async def _until_it_works(call: Callable[[], Awaitable[_T]]) -> _T:
    """Repeat *call* while the executor is away or full."""
    delay = _FIRST_S
    while True:
        try:
            return await call()
        except _PASSING as exc:
            if delay == _FIRST_S:
                _log.warning("%s; trying again", exc.message)
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LONGEST_S)
