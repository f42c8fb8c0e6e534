"""`Executor` over a Kubernetes API server."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from argoexec_cli import __version__
from argoexec_cli.aio import Tasks
from argoexec_cli.errors import AlreadyExistsError, DeniedError, NotFoundError
from argoexec_cli.executors.kubernetes import marks
from argoexec_cli.executors.kubernetes.cutting import cut, page
from argoexec_cli.executors.kubernetes.loglines import parse_cursor
from argoexec_cli.executors.kubernetes.manifest import Objects, owned, to_objects
from argoexec_cli.executors.kubernetes.outputs import Outputs
from argoexec_cli.executors.kubernetes.podlogs import PodLog
from argoexec_cli.executors.kubernetes.questions import (
    check_same,
    choose_container,
    has_ended,
    was_restarted,
)
from argoexec_cli.executors.kubernetes.records import event_of, record_of, request_of, status_of
from argoexec_cli.executors.kubernetes.sweep import Keeping, sweep_for_ever
from argoexec_cli.executors.local.plan.acceptance import accept, spec_hash
from argoexec_cli.executors.local.policy import Policy, check_policy
from argoexec_cli.kube.base import Kube, Object, Select
from argoexec_cli.kube.connecting import open_cluster
from argoexec_cli.kube.errors import ConflictError
from argoexec_cli.kube.follow import Follower, version_of
from argoexec_cli.kube.resources import EVENTS, NODES, PODS
from argoexec_cli.models.base import field_paths
from argoexec_cli.models.executor import Capacity, Executor, ExecutorInfo
from argoexec_cli.models.logs import LogChunk, LogQuery
from argoexec_cli.models.pod import PodSpec
from argoexec_cli.models.quantity import parse_bytes, parse_millicores
from argoexec_cli.models.record import (
    PodEvent,
    PodPage,
    PodQuery,
    PodRecord,
    PodRef,
    PodRequest,
    PodUpdate,
)

NAME: Final = "kubernetes"
NOTHING_ALLOWED: Final = Policy()
Kind = Literal["ADDED", "MODIFIED", "DELETED"]
_POLL_S: Final = 0.2
_TRIES: Final = 5


class KubernetesExecutor:
    """Makes ordinary Pods; see `Executor` for the calls.

    What differs from a daemon of our own: the streams of a log are not told apart, only one small
    file becomes an output parameter, and a pod that somebody deletes with kubectl is gone with its
    record. A pod that was stopped keeps its record, by a finalizer, until it is deleted here.
    """

    def __init__(
        self, kube: Kube, server: str, policy: Policy, keeping: Keeping | None = None
    ) -> None:
        """Use *kube*, which is the API server at *server*; whoever made it closes it. With
        *keeping* pods are marked as the daemon's.
        """
        self._kube = kube
        self._policy = policy
        self._server = server
        self._keeping = keeping
        self._outputs = Outputs(kube)

    async def run_pod(self, request: PodRequest) -> PodRecord:
        """See `Executor.run_pod`."""
        uid = request.pod.metadata.uid
        accepted, digest = accept(request), spec_hash(request)
        check_policy(accepted.pod.spec, self._policy)
        owner = self._keeping.owner(make=True) if self._keeping else ""
        objects = to_objects(accepted, digest, owner)
        namespace = accepted.pod.metadata.namespace
        try:
            pod = await self._kube.create(PODS, objects.pod, namespace)
        except AlreadyExistsError:
            pod = await self._kube.get(PODS, accepted.pod.metadata.name, namespace)
            check_same(pod, digest, uid)
        await self._send_along(objects, pod)
        return await self._record(pod)

    async def get_pod(self, ref: PodRef) -> PodRecord:
        """See `Executor.get_pod`. Without the right to read events there are none."""
        pod = await self._find(ref)
        return await self._record(pod, await self._events(pod))

    async def list_pods(self, query: PodQuery) -> PodPage:
        """See `Executor.list_pods`."""
        found = await self._kube.list(PODS, query.namespace, _select(query))
        records = await asyncio.gather(*(self._record(pod) for pod in found.items))
        return page(records, query)

    async def watch_pods(self, query: PodQuery, token: str = "") -> AsyncIterator[PodUpdate]:
        """See `Executor.watch_pods`."""
        owner, _, version = token.rpartition(".")
        since = version if owner == self._owner and version.isdecimal() else ""
        follower = Follower(self._kube, PODS, query.namespace, _select(query), since=since)
        seen, synced = int(since or 0), False
        async with aclosing(follower.changes()) as changes:
            async for change in changes:
                if change.type == "SYNCED":
                    if not synced:
                        for update in await self._replay(follower.known, query, seen):
                            yield update
                        # Deletions since the token come later, and must not be jumped over.
                        yield PodUpdate(type="SYNCED", token=self._token(since or follower.version))
                    synced = True
                elif synced and (later := await self._update(change.type, change.object, query)):
                    yield later

    async def stop_pod(self, ref: PodRef, grace_s: float | None = None) -> None:
        """See `Executor.stop_pod`. A cluster counts the grace in whole seconds, at least one."""
        pod = await self._find(ref)
        if status_of(pod).terminal:
            return
        finalizers = [*(pod["metadata"].get("finalizers") or [])]
        if marks.FINALIZER not in finalizers:
            finalizers.append(marks.FINALIZER)
        await self._mark(ref, pod, marks.STOPPED, finalizers)
        grace = None if grace_s is None else max(1, math.ceil(grace_s))
        uid = pod["metadata"]["uid"]
        await self._kube.delete(PODS, ref.name, ref.namespace, uid=uid, grace_s=grace)

    async def delete_pod(self, ref: PodRef) -> None:
        """See `Executor.delete_pod`."""
        pod = await self._find(ref)
        uid = pod["metadata"]["uid"]
        left = [one for one in pod["metadata"].get("finalizers") or [] if one != marks.FINALIZER]
        try:
            await self._mark(ref, pod, marks.DELETED, left)
            await self._kube.delete(PODS, ref.name, ref.namespace, uid=uid)
            await self._await_end(ref, uid)
        except (NotFoundError, ConflictError):
            return  # it is gone, or another one has its name already

    async def pod_logs(self, ref: PodRef, query: LogQuery) -> AsyncIterator[LogChunk]:
        """See `Executor.pod_logs`. Every line counts as stdout."""
        parse_cursor(query.cursor)
        pod = await self._find(ref)
        container = choose_container(pod, query.container)
        if query.previous and not was_restarted(pod, container):
            raise NotFoundError(
                f"container {container} of pod {ref} has not been restarted",
                hint="leave out --previous",
            )

        async def finished() -> bool:
            try:
                return has_ended(await self._find(ref), container)
            except NotFoundError:
                return True

        log = PodLog(self._kube, ref.name, ref.namespace, finished)
        asked = msgspec.structs.replace(query, container=container)
        async with aclosing(cut(log.read(asked), query.limit_bytes)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def info(self) -> ExecutorInfo:
        """See `Executor.info`. Without the right to list nodes the capacity is 0: unknown."""
        found = await self._kube.list(PODS, "", Select(marks.OURS))
        phases = [status_of(pod).phase for pod in found.items]
        cpu, memory = await self._allocatable()
        return ExecutorInfo(
            name=NAME,
            version=__version__,
            runtime=f"kubernetes at {self._server}",
            capabilities=("limits", "logs", "processes", "recovery", "security"),
            granted=self._policy.granted,
            capacity=Capacity(
                cpu_millicores=cpu,
                memory_bytes=memory,
                running_pods=phases.count("Running"),
                queued_pods=phases.count("Pending"),
            ),
            supported_pod_fields=field_paths(PodSpec, "spec."),
        )

    @property
    def _owner(self) -> str:
        return self._server.replace(".", "-")

    def _token(self, version: str | int) -> str:
        return f"{self._owner}.{version}"

    async def _replay(self, known: Sequence[Object], query: PodQuery, seen: int) -> list[PodUpdate]:
        """Return an update for all pods that were changed after version *seen*, in that order."""
        later = sorted((one for one in known if version_of(one) > seen), key=version_of)
        updates = [await self._update("ADDED", pod, query) for pod in later]
        return [one for one in updates if one is not None]

    async def _update(self, kind: Kind, pod: Object, query: PodQuery) -> PodUpdate | None:
        if query.phase not in ("", status_of(pod).phase):
            return None
        record = await self._record(pod)
        token = self._token(record.revision)
        return PodUpdate(type=kind, record=record, token=token)

    async def _record(self, pod: Object, events: tuple[PodEvent, ...] = ()) -> PodRecord:
        return record_of(pod, await self._outputs.of(pod), events)

    async def _find(self, ref: PodRef) -> Object:
        """Return the pod of ours that *ref* means."""
        unknown = NotFoundError(f"pod {ref} not found", hint="see what there is: argoexec list")
        try:
            pod = await self._kube.get(PODS, ref.name, ref.namespace)
        except NotFoundError as exc:
            raise unknown from exc
        if (pod["metadata"].get("labels") or {}).get(marks.LABEL) != "true":
            raise unknown
        if ref.uid and request_of(pod).pod.metadata.uid != ref.uid:
            raise unknown
        return pod

    async def _await_end(self, ref: PodRef, uid: str) -> None:
        """Return when the pod is gone, or `NotFoundError` says so."""
        select = Select(fields=f"metadata.name={ref.name}")
        follower = Follower(self._kube, PODS, ref.namespace, select)
        async with aclosing(follower.changes()) as changes:
            async for change in changes:
                found = {one["metadata"]["uid"] for one in follower.known}
                if change.type in ("SYNCED", "DELETED") and uid not in found:
                    return

    async def _mark(self, ref: PodRef, pod: Object, mark: str, finalizers: list[str]) -> None:
        """Write a mark and the finalizers, whatever else changes meanwhile."""
        meta = {"annotations": {mark: "true"}, "finalizers": finalizers or None}
        for _ in range(_TRIES):
            guard = {"uid": pod["metadata"]["uid"]}
            guard["resourceVersion"] = pod["metadata"]["resourceVersion"]
            try:
                await self._kube.patch(PODS, ref.name, ref.namespace, {"metadata": meta | guard})
            except ConflictError:
                pod = await self._find(ref)
            else:
                return
        raise ConflictError(f"pod {ref} changes all the time", hint="try again")

    async def _send_along(self, objects: Objects, pod: Object) -> None:
        namespace = pod["metadata"]["namespace"]
        for resource, manifest in objects.others:
            try:
                await self._kube.create(resource, owned(manifest, pod), namespace)
            except AlreadyExistsError:
                continue  # an earlier try made it

    async def _events(self, pod: Object) -> tuple[PodEvent, ...]:
        meta = pod["metadata"]
        select = Select(fields=f"involvedObject.uid={meta['uid']}")
        try:
            found = await self._kube.list(EVENTS, meta["namespace"], select)
        except DeniedError:
            return ()
        return tuple(sorted(map(event_of, found.items), key=lambda event: event.time))

    async def _allocatable(self) -> tuple[int, int]:
        try:
            nodes = (await self._kube.list(NODES)).items
        except DeniedError:
            return 0, 0
        has = [(node.get("status") or {}).get("allocatable") or {} for node in nodes]
        cpu = sum(parse_millicores(str(one.get("cpu", "0"))) for one in has)
        return cpu, sum(parse_bytes(str(one.get("memory", "0"))) for one in has)


@asynccontextmanager
async def open_kubernetes(
    files: Sequence[Path],
    context: str = "",
    policy: Policy = NOTHING_ALLOWED,
    keeping: Keeping | None = None,
) -> AsyncIterator[KubernetesExecutor]:
    """Open the executor of a kubeconfig; without files, of the cluster that we are in.

    *policy* comes before whatever the cluster itself admits. Without *keeping* pods stay until
    they are deleted.
    Raises what `open_cluster` does; nothing is sent before the first call.
    """
    async with open_cluster(files, context) as cluster:
        executor = KubernetesExecutor(cluster.client, cluster.server, policy, keeping)
        tasks = Tasks()
        if keeping is not None:
            sweeping = sweep_for_ever(cluster.client, keeping, executor.delete_pod)
            tasks.spawn(sweeping, name="sweep of the cluster")
        try:
            yield executor
        finally:
            await tasks.stop()


def _select(query: PodQuery) -> Select:
    labels = f"{marks.OURS},{query.selector}" if query.selector else marks.OURS
    return Select(labels, f"metadata.name={query.name}" if query.name else "")


if TYPE_CHECKING:
    _: type[Executor] = KubernetesExecutor
