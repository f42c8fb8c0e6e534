"""The local executor: the eight calls, one worker per active pod, and recovery, which is nothing
but starting up.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Literal
from weakref import WeakValueDictionary

import msgspec

from argoexec_cli.aio import Tasks
from argoexec_cli.errors import CapacityError, NotFoundError
from argoexec_cli.executors.local import statuses
from argoexec_cli.executors.local.admission import Admission, need_of
from argoexec_cli.executors.local.boot import note_boot, was_restarted
from argoexec_cli.executors.local.credentials.keychain import Keychain
from argoexec_cli.executors.local.execs import container_of, run_command
from argoexec_cli.executors.local.host import Host
from argoexec_cli.executors.local.images.collector import Collector
from argoexec_cli.executors.local.images.pulls import Images
from argoexec_cli.executors.local.images.record import ImageRecord
from argoexec_cli.executors.local.logs import LogStore
from argoexec_cli.executors.local.messages import Messages
from argoexec_cli.executors.local.outputs import OutputFiles
from argoexec_cli.executors.local.plan.acceptance import accept, spec_hash
from argoexec_cli.executors.local.pods import PodTable
from argoexec_cli.executors.local.policy import check_policy, check_powers
from argoexec_cli.executors.local.reading import cursor_attempt
from argoexec_cli.executors.local.retrying import until_it_works
from argoexec_cli.executors.local.rows import StoredPod
from argoexec_cli.executors.local.secrets import SecretStore
from argoexec_cli.executors.local.settings import LocalSettings
from argoexec_cli.executors.local.sweep import sweep_for_ever
from argoexec_cli.executors.local.turns import Turns
from argoexec_cli.executors.local.volumes import PodDirectories
from argoexec_cli.executors.local.watch import Hub, matcher
from argoexec_cli.executors.local.worker import PodWorker
from argoexec_cli.executors.local.worker import grace_s as own_grace_s
from argoexec_cli.models.base import field_paths
from argoexec_cli.models.config import Secret
from argoexec_cli.models.exec import ExecRequest, Execs, Process
from argoexec_cli.models.executor import Capacity, Executor, ExecutorInfo
from argoexec_cli.models.logs import LogChunk, LogQuery
from argoexec_cli.models.pod import PodSpec
from argoexec_cli.models.record import PodPage, PodQuery, PodRecord, PodRef, PodRequest, PodUpdate
from argoexec_cli.models.status import PodStatus
from argoexec_cli.runtime.base import ContainerKey, Found, Runtime
from argoexec_cli.runtime.images import image_store_of

_log = logging.getLogger(__name__)
Kind = Literal["ADDED", "MODIFIED", "DELETED", "SYNCED"]
OpenRuntime = Callable[[str], AbstractAsyncContextManager[Runtime]]


@asynccontextmanager
async def open_local(
    settings: LocalSettings, open_runtime: OpenRuntime
) -> AsyncIterator[LocalExecutor]:
    """Open the state below `settings.data_dir`, adopt what runs, and give the executor.

    *open_runtime* is called with the executor's own id, which owns its containers.
    Leaving the context detaches: containers run on and are adopted next time. The caller sees to it
    that nobody else uses the data directory.
    """
    data_dir = settings.data_dir.absolute()
    async with AsyncExitStack() as stack:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Volumes are open to every user of a pod, and to nobody else of the host.
        (data_dir / "pods").mkdir(mode=0o700, exist_ok=True)
        (data_dir / "pods").chmod(0o700)
        table = PodTable(data_dir / "executor.db")
        stack.push_async_callback(table.close)
        await table.load()
        runtime = await stack.enter_async_context(open_runtime(table.store_id))
        tasks = Tasks()
        stack.push_async_callback(tasks.stop)
        logs = LogStore(data_dir / "logs")
        record = ImageRecord(data_dir / "images.db")
        stack.push_async_callback(record.close)
        await record.load()
        images = Images(runtime, tasks, Keychain(settings.images.docker_config), record)
        executor = LocalExecutor(
            Host(
                settings=settings,
                runtime=runtime,
                table=table,
                logs=logs,
                directories=PodDirectories(data_dir / "pods", settings.policy.host_paths),
                messages=Messages(data_dir / "pods", logs),
                outputs=OutputFiles(data_dir / "pods"),
                secrets=SecretStore(data_dir / "pods"),
                images=images,
                collector=Collector(image_store_of(runtime), images, record, settings.images),
                admission=Admission(settings.room),
                hub=Hub(table.store_id),
                tasks=tasks,
                sandboxes=Turns(settings.parallel_starts),
                starts=Turns(settings.parallel_starts),
                removals=asyncio.Semaphore(settings.parallel_starts),
                restarted=was_restarted(data_dir),
            )
        )
        await executor.recover()
        tasks.spawn(sweep_for_ever(executor.host, executor.delete_pod), name="sweep")
        yield executor


class LocalExecutor:
    """Implements `models.executor.Executor` on this host. Made by `open_local`."""

    def __init__(self, host: Host) -> None:
        """Use the parts in *host*."""
        self.host = host
        self._workers: dict[str, PodWorker] = {}
        self._accepting = 0
        self._uids: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def recover(self) -> None:
        """Give every pod that is not over and clean a worker, with what the runtime has of it."""
        found: dict[str, list[Found]] = defaultdict(list)
        for one in await self.host.runtime.list():
            found[one.handle.key.pod_uid].append(one)
        active = await self.host.table.all("cleaned = 0 OR deleting = 1")
        uids = {stored.record.pod.metadata.uid for stored in active}
        await self.host.directories.remove_others(uids)
        if self.host.restarted:
            for uid in uids:
                await self.host.secrets.forget(uid)
                await self.host.directories.forget_mounts(uid)
        note_boot(self.host.settings.data_dir)
        for stored in active:
            uid = stored.record.pod.metadata.uid
            self._begin(stored, found[uid])
            if stored.deleting:
                self.host.tasks.spawn(self._forget(uid), name=f"deletion of {uid}")
        if active:
            _log.info(
                "adopted %d pods, %d of them with containers",
                len(active),
                sum(bool(found[stored.record.pod.metadata.uid]) for stored in active),
            )

    async def run_pod(self, request: PodRequest) -> PodRecord:
        """See `Executor.run_pod`."""
        accepted = accept(request)
        check_policy(accepted.pod.spec, self.host.settings.policy)
        check_powers(accepted.pod.spec, self.host.runtime.capabilities)
        uid = request.pod.metadata.uid
        if fault := self._no_room():
            try:
                return (await self.host.table.find(accepted, spec_hash(request), uid)).record
            except NotFoundError:
                raise fault from None
        self._accepting += 1
        # Once it is written it has to begin, also when the client has gone meanwhile.
        work = self._accept(accepted, spec_hash(request), uid)
        return await self.host.tasks.complete(
            work, name=f"acceptance of {accepted.pod.metadata.name}"
        )

    def _no_room(self) -> CapacityError | None:
        """Return why no new pod can be accepted."""
        queued = len(self._workers) + self._accepting - self.host.admission.running
        if queued < self.host.settings.max_queued:
            return None
        return CapacityError(
            f"{queued} pods are queued already", hint="try again later: argoexec list"
        )

    async def _accept(self, request: PodRequest, hash_: str, uid: str) -> PodRecord:
        new, given = False, request.pod.metadata.uid
        try:
            # One at a time: what is kept for the same uid must not be taken for this request's.
            async with self._uids.setdefault(given, asyncio.Lock()):
                # Before the row: a pod that is accepted has its Secrets, whatever happens next.
                kept = await self._keep_secrets(given, request.secrets)
                try:
                    stored, new = await self.host.table.insert(request, hash_, uid)
                finally:
                    if kept and not new:
                        await self.host.directories.remove(given)
            if new:
                stored = await self._unless_impossible(stored)
                self._begin(stored, [])
                token = self.host.hub.token(stored.record.revision)
                self.host.hub.publish(PodUpdate(type="ADDED", record=stored.record, token=token))
        finally:
            self._accepting -= 1
        return stored.record

    async def _keep_secrets(self, uid: str, secrets: tuple[Secret, ...]) -> bool:
        """Keep the Secrets of a pod that is new; tell whether there is something to undo."""
        if not secrets or await self.host.table.all("uid = ?", uid):
            return False
        return await self.host.secrets.keep(uid, secrets)

    async def _unless_impossible(self, stored: StoredPod) -> StoredPod:
        """End a pod that this host could never run, before it begins; its worker cleans up."""
        pod = stored.record.pod
        try:
            self.host.admission.check(need_of(pod.spec))
        except CapacityError as exc:
            status = statuses.unschedulable(pod, exc.message)
            event = statuses.event("FailedScheduling", exc.message, warning=True)
            revision = await self.host.table.update(pod.metadata.uid, status, (event,))
            record = msgspec.structs.replace(
                stored.record,
                pod=msgspec.structs.replace(pod, status=status),
                revision=revision or stored.record.revision,
            )
            return stored._replace(record=record)
        return stored

    async def get_pod(self, ref: PodRef) -> PodRecord:
        """See `Executor.get_pod`."""
        stored = await self.host.table.get(ref)
        uid = stored.record.pod.metadata.uid
        worker = self._workers.get(uid)
        news = worker.news if worker else ()
        events = await self.host.table.events(uid)
        late = tuple(event for event in news if event not in events)
        return msgspec.structs.replace(stored.record, events=(*events, *late))

    async def list_pods(self, query: PodQuery) -> PodPage:
        """See `Executor.list_pods`."""
        records, token = await self.host.table.page(query)
        return PodPage(records=tuple(records), next_page_token=token)

    async def watch_pods(self, query: PodQuery, token: str = "") -> AsyncIterator[PodUpdate]:
        """See `Executor.watch_pods`."""
        hub, matches = self.host.hub, matcher(query)
        subscription = hub.subscribe(query)
        try:
            table = self.host.table
            after = hub.revision(token, table.floor, table.revision)
            replay = await table.since(after, query)
            for gone, record in replay.changed:
                if matches(record):
                    kind: Kind = "DELETED" if gone else "MODIFIED" if after else "ADDED"
                    yield PodUpdate(type=kind, record=record, token=hub.token(record.revision))
            yield PodUpdate(type="SYNCED", token=hub.token(replay.revision))
            while True:
                for update in await subscription.take():
                    if update.record and update.record.revision > replay.revision:
                        yield update
        finally:
            hub.unsubscribe(subscription)

    async def stop_pod(self, ref: PodRef, grace_s: float | None = None) -> None:
        """See `Executor.stop_pod`."""
        stored = await self.host.table.get(ref)
        pod = stored.record.pod
        if not pod.status.terminal:
            grace_s = own_grace_s(pod.spec) if grace_s is None else max(0.0, grace_s)
            work = self._stop(pod.metadata.uid, grace_s, delete=False)
            await self.host.tasks.complete(work, name=f"stop of {pod.metadata.uid}")

    async def delete_pod(self, ref: PodRef) -> None:
        """See `Executor.delete_pod`."""
        stored = await self.host.table.get(ref)
        pod = stored.record.pod
        work = self._delete(pod.metadata.uid, own_grace_s(pod.spec))
        await self.host.tasks.complete(work, name=f"deletion of {pod.metadata.uid}")

    async def pod_logs(self, ref: PodRef, query: LogQuery) -> AsyncIterator[LogChunk]:
        """See `Executor.pod_logs`."""
        stored = await self.host.table.get(ref)
        spec, status = stored.record.pod.spec, stored.record.pod.status
        name = container_of(spec, query.container, "logs")
        attempt = cursor_attempt(query.cursor)
        if attempt is None:
            attempt = _restarts(status, name) - query.previous
        if attempt < 0:
            raise NotFoundError(
                f"container {name} of pod {ref} has not been restarted", hint="leave out --previous"
            )
        key = ContainerKey(pod_uid=stored.record.pod.metadata.uid, container=name, attempt=attempt)
        async for chunk in self.host.logs.read(key, query, lambda: self._log_complete(key)):
            yield chunk

    def exec(self, request: ExecRequest) -> AbstractAsyncContextManager[Process]:
        """See `Execs.exec`."""
        return run_command(self.host, self._workers.get, request)

    async def info(self) -> ExecutorInfo:
        """See `Executor.info`."""
        host, room = self.host, self.host.admission.room
        return ExecutorInfo(
            name=host.settings.name,
            version=host.settings.version,
            runtime=host.runtime.capabilities.name,
            runtime_version=host.runtime.capabilities.version,
            capabilities=tuple(
                sorted(("logs", "recovery", "output-files", *host.runtime.capabilities.powers))
            ),
            capacity=Capacity(
                cpu_millicores=room.cpu_millicores,
                memory_bytes=room.memory_bytes,
                max_pods=room.max_pods,
                running_pods=host.admission.running,
                queued_pods=host.admission.queued,
            ),
            supported_pod_fields=field_paths(PodSpec, "spec."),
            granted=host.settings.policy.granted,
        )

    def _begin(self, stored: StoredPod, found: list[Found]) -> None:
        worker = PodWorker(self.host, stored, found)
        self._workers[worker.uid] = worker
        self.host.tasks.spawn(self._run(worker), name=f"pod {worker.uid}")

    async def _run(self, worker: PodWorker) -> None:
        await worker.run()
        self._workers.pop(worker.uid, None)

    async def _stop(self, uid: str, grace_s: float, *, delete: bool) -> None:
        await self.host.table.want_stop(uid, grace_s, delete=delete)
        # Only now: the worker may begin in between, as the row is seen before it.
        if worker := self._workers.get(uid):
            worker.stop(grace_s, discard=delete)

    async def _delete(self, uid: str, grace_s: float) -> None:
        await self._stop(uid, grace_s, delete=True)
        await self._forget(uid)

    async def _forget(self, uid: str) -> None:
        """Wait until the pod is over and clean, then remove its log and row; tell the watchers."""
        if worker := self._workers.get(uid):
            await worker.cleaned()
        await self.host.logs.remove(uid)
        last = await until_it_works(
            lambda: self.host.table.forget(uid), lambda fault: _log.warning("%s", fault.message)
        )
        if last is not None:
            token = self.host.hub.token(last.revision)
            self.host.hub.publish(PodUpdate(type="DELETED", record=last, token=token))

    def _log_complete(self, key: ContainerKey) -> bool:
        worker = self._workers.get(key.pod_uid)
        return worker is None or worker.log_complete(key)


def _restarts(status: PodStatus, name: str) -> int:
    everything = (*status.init_container_statuses, *status.container_statuses)
    return next((one.restart_count for one in everything if one.name == name), 0)


_: type[Executor] = LocalExecutor
_execs: type[Execs] = LocalExecutor
