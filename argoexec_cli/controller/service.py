"""The built-in controller: accepts runs, remembers them, and has their pods run."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from argoexec_cli.aio import Tasks
from argoexec_cli.controller import progress
from argoexec_cli.controller.book import Book, Entry
from argoexec_cli.controller.hub import Hub, Subscription
from argoexec_cli.controller.keeping import Keeper
from argoexec_cli.controller.lane import Lane
from argoexec_cli.controller.names import check_label, check_subdomain, generate_name
from argoexec_cli.controller.paging import watch_start, watch_token
from argoexec_cli.controller.plan import plan_run
from argoexec_cli.controller.retiring import Retention, retire_for_ever
from argoexec_cli.controller.store import Batch, Change, RunStore, StoredRun
from argoexec_cli.errors import ArgoexecError, NotFoundError, UnavailableError
from argoexec_cli.executors.local.secrets import SecretStore
from argoexec_cli.models.base import FieldError
from argoexec_cli.models.companions import NOTHING, Companions
from argoexec_cli.models.executor import Executor
from argoexec_cli.models.meta import ObjectMeta
from argoexec_cli.models.record import PodRef
from argoexec_cli.models.workflow import WorkflowRun, WorkflowRunStatus
from argoexec_cli.models.workflows import RunPage, RunQuery, RunRef, RunUpdate

if TYPE_CHECKING:
    from argoexec_cli.models.workflows import Workflows

Resolve = Callable[[str], Executor]
_FALLBACK: Final = "kubernetes"
_FILE: Final = "workflows.db"
_SECRETS: Final = "runs"
_RETENTION: Final = Retention()


@contextlib.asynccontextmanager
async def open_controller(
    data_dir: Path,
    resolve: Resolve,
    default: Callable[[], str] = str,
    retention: Retention = _RETENTION,
) -> AsyncIterator[Controller]:
    """Open the controller whose state is in *data_dir*, which exists; unfinished runs go on.

    *resolve* returns the executor of a name, every time that it is needed, or raises one of our
    errors; *default* returns the registry's default executor at the moment, or "". Finished runs
    are forgotten by *retention*. Leaving stops following the pods, never the pods.
    """
    store = RunStore(data_dir / _FILE)
    try:
        keeper = Keeper(store, SecretStore(data_dir / _SECRETS))
        controller = Controller(store, keeper, resolve, default)
        await controller.start(retention)
        try:
            yield controller
        finally:
            await controller.stop()
    finally:
        await store.close()


class Controller:
    """Implements `models.workflows.Workflows`; made by `open_controller`."""

    def __init__(
        self, store: RunStore, keeper: Keeper, resolve: Resolve, default: Callable[[], str]
    ) -> None:
        """Use *store*, which the caller closes after `stop`."""
        self._store = store
        self._keeper = keeper
        self._resolve = resolve
        self._default = default
        self._hub = Hub()
        self._book = Book(store, self._hub, self._adopt, self._is_over)
        self._lanes: dict[str, Lane] = {}
        self._cursors: dict[str, str] = {}
        self._over: asyncio.Queue[str] = asyncio.Queue()
        self._tasks = Tasks()

    @property
    def busy(self) -> bool:
        """Whether a run is under way, on whatever executor."""
        return bool(self._book.entries)

    async def start(self, retention: Retention) -> None:
        """Take up the runs that are not finished."""
        rows, self._cursors = await self._store.load()
        await self._keeper.drop_others({row.run.metadata.uid for row in rows})
        self._tasks.spawn(self._book.write_forever(), name="write the state of runs")
        self._tasks.spawn(self._drop_secrets(), name="drop the Secrets of runs that are over")
        retiring = retire_for_ever(self._store, self._hub, retention)
        self._tasks.spawn(retiring, name="retire finished runs")
        for row in rows:
            try:
                self._book.enter(row, attempted=True)
            except FieldError as exc:
                await self._give_up(row, exc)

    async def stop(self) -> None:
        """Stop following; write what is known so far."""
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes.values():
                group.create_task(lane.stop(), name="stop following an executor")
        await self._tasks.stop()
        await self._book.write_once()

    async def submit(self, run: WorkflowRun, beside: Companions = NOTHING) -> WorkflowRun:
        """Accept the run; return once that is durable. See `Workflows.submit`.

        An executor that is not known is refused here; one that does not answer is waited for.
        """
        run = _prepared(run)
        plan = plan_run(run)
        executor = plan.executor or self._default() or _FALLBACK
        self._check_executor(executor)
        node = msgspec.structs.replace(plan.node, executor=executor)
        run = progress.begin(run, node, datetime.now(UTC))
        own = beside.of(plan.request.pod)
        if not own.hash:
            return await self._book.insert(run, own)
        # In the background, so that a client that goes away leaves no Secret of a refused run.
        accept = self._accept(run, own)
        return await self._tasks.complete(accept, name=f"acceptance of {run.metadata.name}")

    async def _accept(self, run: WorkflowRun, beside: Companions) -> WorkflowRun:
        # Before the row: a run that is accepted has its Secrets, whatever happens next.
        uid = run.metadata.uid
        await self._keeper.hold(uid, beside)
        try:
            accepted = await self._book.insert(run, beside)
        except ArgoexecError:
            await self._keeper.drop(uid)
            raise
        if accepted.metadata.uid != uid:
            await self._keeper.drop(uid)
        return accepted

    async def get_run(self, ref: RunRef) -> WorkflowRun:
        """Return the run as it is now. `NotFoundError` when it is unknown."""
        return (await self._store.get(ref)).run

    async def list_runs(self, query: RunQuery) -> RunPage:
        """Return a page of the runs that match, oldest first; at most 1,000."""
        return await self._store.page(query)

    async def watch_runs(self, query: RunQuery, token: str = "") -> AsyncGenerator[RunUpdate, None]:
        """Replay what changed since *token*, say SYNCED, then follow until closed."""
        subscription = Subscription(query)
        self._hub.add(subscription)
        try:
            replay = await self._store.since(watch_start(self._store.id, token), query)
            seen: set[str] = set()
            for change in replay.changes:
                if subscription.wants(change.run):
                    yield self._update(change, seen)
            yield RunUpdate(type="SYNCED", token=watch_token(self._store.id, replay.revision))
            while True:
                for change in await subscription.take():
                    if change.revision > replay.revision:
                        yield self._update(change, seen)
        finally:
            self._hub.remove(subscription)

    async def stop_run(self, ref: RunRef, message: str = "") -> None:
        """Ask the run and its pod to end. Returns when the wish is durable; an ended run is left
        alone.
        """
        stored = await self._store.get(ref)
        entry = self._book.entries.get(stored.run.metadata.uid)
        if entry is None or entry.run.finished:
            return
        entry.run = progress.stop(entry.run, message)
        self._book.touch(entry)
        try:
            await self._book.settle()
        finally:
            self._lane(entry).add(entry)

    async def delete_run(self, ref: RunRef) -> None:
        """Stop the run, delete its pod, then forget it. Returns when it is gone.

        `UnavailableError` when its executor does not answer: the deletion goes on all the same.
        """
        entry = self._book.enter(await self._store.get(ref), attempted=True)
        entry.deleting = True
        if entry.deletion is None or entry.deletion.done():
            entry.deletion = asyncio.get_running_loop().create_future()
        gone = entry.deletion
        self._book.touch(entry)
        try:
            await self._book.settle()
        finally:
            self._lane(entry).add(entry)
        try:
            await asyncio.shield(gone)
        except UnavailableError as exc:
            raise UnavailableError(
                f"{ref} will be deleted as soon as its executor answers: {exc.message}",
                hint=exc.hint,
            ) from exc

    async def executor_of(self, ref: PodRef) -> str:
        """Return the name of the executor that the pod was, or will be, sent to; "" when it is no
        run's.
        """
        try:
            # A run has one node, whose pod is named like the run.
            run = await self.get_run(RunRef(namespace=ref.namespace, name=ref.name))
        except NotFoundError:
            return ""
        nodes = run.status.nodes.values()
        return next((node.executor for node in nodes if node.pod_name == ref.name), "")

    async def _give_up(self, row: StoredRun, error: FieldError) -> None:
        """End a run that an older version accepted and that this one cannot read."""
        run = row.run
        for node in run.status.nodes.values():
            run = progress.end(run, node, "Error", error.message)
        ended = row._replace(run=run, deleting=False)
        await self._store.write(Batch([], [ended], [], {}))

    def _adopt(self, entry: Entry) -> None:
        self._lane(entry).add(entry)

    def _is_over(self, entry: Entry) -> None:
        if entry.beside:
            self._over.put_nowait(entry.uid)

    async def _drop_secrets(self) -> None:
        """Forget the Secrets of runs that are over; what a stop cuts off, the next start does."""
        while True:
            await self._keeper.drop(await self._over.get())

    def _lane(self, entry: Entry) -> Lane:
        name = entry.node.executor
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = Lane(
                name, self._resolve, self._book, self._keeper, self._store.id
            )
            lane.start(self._cursors.get(name, ""))
        return lane

    def _check_executor(self, name: str) -> None:
        with contextlib.suppress(UnavailableError):
            self._resolve(name)

    def _update(self, change: Change, seen: set[str]) -> RunUpdate:
        uid = change.run.metadata.uid
        token = watch_token(self._store.id, change.revision)
        if change.deleted:
            seen.discard(uid)
            return RunUpdate(type="DELETED", run=change.run, token=token)
        kind: Final = "MODIFIED" if uid in seen else "ADDED"
        seen.add(uid)
        return RunUpdate(type=kind, run=change.run, token=token)


def _prepared(run: WorkflowRun) -> WorkflowRun:
    """Return *run* with what the server sets, and without what only the server says."""
    meta = run.metadata
    namespace = meta.namespace or "default"
    name = meta.name or generate_name(meta.generate_name)
    check_subdomain(name, "metadata.name")
    check_label(namespace, "metadata.namespace")
    metadata = ObjectMeta(
        name=name,
        generate_name=meta.generate_name,
        namespace=namespace,
        uid=str(uuid.uuid4()),
        creation_timestamp=datetime.now(UTC),
        labels=meta.labels,
        annotations=meta.annotations,
    )
    spec = msgspec.structs.replace(run.spec, shutdown="")
    return msgspec.structs.replace(run, metadata=metadata, spec=spec, status=WorkflowRunStatus())


if TYPE_CHECKING:
    _: type[Workflows] = Controller
