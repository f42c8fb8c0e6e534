"""The runs of one executor: hands over their pods, follows them all in one watch, ends them.

Every run is a key of a work queue. A worker looks at what is wanted and what is, and does the next
thing; each thing may be repeated. So an error, a restart or a lost connection is always handled
the same way: look again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from typing import Final

import msgspec

from argoexec_cli.aio import Tasks
from argoexec_cli.controller import progress
from argoexec_cli.controller.book import Book, Entry
from argoexec_cli.controller.keeping import Keeper
from argoexec_cli.controller.outcome import POD_DELETED, STOPPED_NODE
from argoexec_cli.controller.podspec import CONTROLLER_LABEL
from argoexec_cli.controller.workqueue import WorkQueue
from argoexec_cli.errors import (
    ArgoexecError,
    CapacityError,
    DataLossError,
    DeniedError,
    NotFoundError,
    TimedOutError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedError,
)
from argoexec_cli.models.executor import Executor
from argoexec_cli.models.record import PodQuery, PodRecord, PodUpdate
from argoexec_cli.models.workflow import Phase

_log = logging.getLogger(__name__)
_WORKERS: Final = 16
_FIRST_DELAY_S: Final = 0.2
_LAST_DELAY_S: Final = 5.0
# Whatever these say, the same call may succeed later.
_PASSING: Final = (UnavailableError, CapacityError, TimedOutError)
_ABOUT_US: Final = (UnauthenticatedError, DeniedError)


class Lane:
    """Works from `start` until `stop`, which leaves the pods alone."""

    def __init__(
        self,
        name: str,
        resolve: Callable[[str], Executor],
        book: Book,
        keeper: Keeper,
        instance: str,
    ) -> None:
        """Serve the executor *name*; *instance* labels this controller's pods. *resolve* raises
        `NotFoundError` for an executor that is not known.
        """
        self._name = name
        self._resolve = resolve
        self._book = book
        self._keeper = keeper
        self._instance = instance
        self._queue = WorkQueue()
        self._tasks = Tasks()
        self._token = ""
        self._delay_s = _FIRST_DELAY_S
        self._deadlines: dict[str, asyncio.TimerHandle] = {}

    def start(self, token: str) -> None:
        """Begin to work; the watch resumes after *token*."""
        self._token = token
        self._tasks.spawn(self._watch(), name=f"watch pods of executor {self._name}")
        for number in range(_WORKERS):
            self._tasks.spawn(self._work(), name=f"runs of executor {self._name} #{number}")

    async def stop(self) -> None:
        """Stop working. Nothing is written after this returns."""
        self._queue.close()
        for timer in self._deadlines.values():
            timer.cancel()
        await self._tasks.stop()

    def add(self, entry: Entry) -> None:
        """Look at *entry* now, and again at its deadline."""
        self._queue.add(entry.uid)
        limit = progress.deadline(entry.run)
        if limit is not None and not entry.run.finished and entry.uid not in self._deadlines:
            left = max(0.0, (limit - datetime.now(UTC)).total_seconds())
            loop = asyncio.get_running_loop()
            self._deadlines[entry.uid] = loop.call_later(left, self._expire, entry.uid)

    def _expire(self, uid: str) -> None:
        self._deadlines.pop(uid, None)
        self._queue.add(uid)

    async def _work(self) -> None:
        while True:
            uid = await self._queue.get()
            entry = self._book.entries.get(uid)
            try:
                again = entry is not None and not await self._look(entry)
            except Exception:  # noqa: BLE001 - one run's bug must not stop the others
                _log.exception("run %s of executor %s", uid, self._name)
                again = True
            if again:
                self._queue.failed(uid)
            else:
                self._queue.done(uid)

    async def _look(self, entry: Entry) -> bool:
        """Do the next thing for *entry*; returns whether that is enough for now."""
        try:
            await self._act(entry)
        except _PASSING as exc:
            self._delay(entry, exc)
            return False
        except _ABOUT_US as exc:
            if entry.accepted and not entry.deleting:  # its pod runs, whoever we are
                self._delay(entry, exc)
                return False
            self._give_up(entry, exc)
        except ArgoexecError as exc:
            self._give_up(entry, exc)
        return True

    async def _act(self, entry: Entry) -> None:
        ending = entry.run.spec.shutdown or _expired(entry)
        if not entry.attempted and (entry.deleting or ending):
            self._end_without_pod(entry)
            return
        executor = self._reach()
        if entry.deleting:
            with contextlib.suppress(NotFoundError):
                await executor.delete_pod(entry.pod_ref)
            entry.gone = True
            self._book.touch(entry)
        elif entry.run.finished:
            return
        elif ending:
            await self._end(entry, executor)
        elif entry.accepted:
            await self._check(entry, executor)
        else:
            await self._hand_over(entry, executor)

    def _reach(self) -> Executor:
        try:
            return self._resolve(self._name)
        except (NotFoundError, UnsupportedError):
            raise
        except ArgoexecError as exc:
            # A registry that cannot be read today says nothing about the pods that run.
            raise UnavailableError(exc.message, hint=exc.hint) from exc

    async def _hand_over(self, entry: Entry, executor: Executor) -> None:
        entry.attempted = True
        request = entry.plan.request
        if entry.beside:
            try:
                request = await self._keeper.complete(entry.uid, request)
            except DataLossError as exc:
                # The executor may have the pod all the same, if it is another host's.
                await self._check(entry, executor, exc.message)
                return
        meta = request.pod.metadata
        labels = {**meta.labels, CONTROLLER_LABEL: self._instance}
        pod = msgspec.structs.replace(
            request.pod, metadata=msgspec.structs.replace(meta, labels=labels)
        )
        record = await executor.run_pod(msgspec.structs.replace(request, pod=pod))
        entry.accepted = True
        self._see(entry, record)
        self._book.touch(entry)

    async def _check(self, entry: Entry, executor: Executor, gone: str = POD_DELETED) -> None:
        try:
            self._see(entry, await executor.get_pod(entry.pod_ref))
        except NotFoundError:
            self._finish(entry, "Error", gone)

    async def _end(self, entry: Entry, executor: Executor) -> None:
        try:
            await executor.stop_pod(entry.pod_ref)
            self._see(entry, await executor.get_pod(entry.pod_ref))
        except NotFoundError:
            self._end_without_pod(entry)

    def _end_without_pod(self, entry: Entry) -> None:
        if entry.deleting:
            entry.gone = True
            self._book.touch(entry)
        else:
            stopped = bool(entry.run.spec.shutdown)
            self._finish(entry, "Failed", STOPPED_NODE if stopped else progress.EXPIRED_NODE)

    def _see(self, entry: Entry, record: PodRecord) -> None:
        if entry.run.finished or record.revision <= entry.pod_revision:
            return
        entry.pod_revision = record.revision
        run = progress.see(entry.run, entry.node, record, datetime.now(UTC))
        if run != entry.run or not entry.accepted:
            entry.run, entry.accepted = run, True
            self._book.touch(entry)

    def _finish(self, entry: Entry, phase: Phase, message: str) -> None:
        if not entry.run.finished:
            entry.run = progress.end(entry.run, entry.node, phase, message)
            self._book.touch(entry)

    def _delay(self, entry: Entry, error: ArgoexecError) -> None:
        """Say in the run why it does not go on."""
        if entry.deletion is not None and not entry.deletion.done():
            entry.deletion.set_exception(error)
            entry.deletion.exception()
        message = f"executor {self._name}: {error.message}"
        node = entry.node
        if node.phase == "Pending" and not entry.accepted and node.message != message:
            node = msgspec.structs.replace(node, message=message)
            entry.run = progress.with_node(entry.run, node, datetime.now(UTC))
            self._book.touch(entry)

    def _give_up(self, entry: Entry, error: ArgoexecError) -> None:
        if entry.deleting:
            _log.warning("run %s is forgotten, its pod may be left: %s", entry.uid, error.message)
            entry.gone = True
            self._book.touch(entry)
        else:
            self._finish(entry, "Error", f"executor {self._name}: {error.message}")

    async def _watch(self) -> None:
        while True:
            try:
                await self._follow()
            except ArgoexecError as exc:
                _log.debug("watch of executor %s: %s", self._name, exc.message)
            except Exception:  # noqa: BLE001 - the watch must go on, whatever ended it
                _log.exception("watch of executor %s", self._name)
            await asyncio.sleep(self._delay_s)
            self._delay_s = min(self._delay_s * 2, _LAST_DELAY_S)

    async def _follow(self) -> None:
        query = PodQuery(selector=f"{CONTROLLER_LABEL}={self._instance}")
        stream = self._resolve(self._name).watch_pods(query, self._token)
        try:
            async for update in stream:
                self._take(update)
        finally:
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()

    def _take(self, update: PodUpdate) -> None:
        if update.type == "SYNCED":
            self._delay_s = _FIRST_DELAY_S
            # What was tried while the executor was away, or was deleted meanwhile, is seen now.
            for entry in self._book.entries.values():
                if entry.node.executor == self._name:
                    self._queue.add(entry.uid)
        elif update.record is not None:
            followed = self._book.by_pod.get(update.record.ref.uid)
            if followed is not None:
                self._see(followed, update.record)
                if update.type == "DELETED" and not followed.deleting:
                    self._finish(followed, "Error", POD_DELETED)
        self._token = update.token or self._token
        self._book.move_cursor(self._name, self._token)


def _expired(entry: Entry) -> bool:
    limit = progress.deadline(entry.run)
    return limit is not None and limit <= datetime.now(UTC)
