"""The kubelet of the fake cluster: runs its pods on the fake runtime, and reports as one does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC
from pathlib import Path
from typing import Any

import msgspec

from argoexec_cli.aio import Tasks
from argoexec_cli.errors import ArgoexecError
from argoexec_cli.executors.kubernetes.executor import NOTHING_ALLOWED
from argoexec_cli.executors.kubernetes.records import prune
from argoexec_cli.executors.local.manager import LocalExecutor
from argoexec_cli.executors.local.policy import Policy
from argoexec_cli.kube.resources import CONFIG_MAPS, EVENTS, NODES, PODS, SECRETS
from argoexec_cli.models.base import decode, encode
from argoexec_cli.models.config import ConfigMap, Secret
from argoexec_cli.models.logs import STDERR, LogQuery
from argoexec_cli.models.pod import Pod
from argoexec_cli.models.record import PodEvent, PodQuery, PodRecord, PodRef, PodRequest
from argoexec_cli.runtime.fake import FakeEngine
from tests.executors.local.opening import Opener
from tests.kube.cluster import FakeCluster

Manifest = dict[str, Any]
NODE = "node-1"
_REFERENCES = {
    "configMapKeyRef": CONFIG_MAPS,
    "configMapRef": CONFIG_MAPS,
    "configMap": CONFIG_MAPS,
    "secretKeyRef": SECRETS,
    "secretRef": SECRETS,
    "secret": SECRETS,
}


@asynccontextmanager
async def running_kubelet(
    cluster: FakeCluster, directory: Path, policy: Policy = NOTHING_ALLOWED
) -> AsyncIterator[Kubelet]:
    """Give a kubelet that runs every pod of the cluster until the end of the context."""
    engine = FakeEngine()
    opener = Opener(engine, directory)
    opener.set(policy=policy)
    kubelet = Kubelet(cluster, await opener.open())
    try:
        yield kubelet
    finally:
        await kubelet.stop()
        await opener.close()
        await engine.close()


class Kubelet:
    """Runs pods by a local executor; pods, statuses and logs meet in the cluster."""

    def __init__(self, cluster: FakeCluster, executor: LocalExecutor) -> None:
        """Start to look at the cluster."""
        cluster.kubelet = True
        capacity = {"cpu": "4", "memory": "8Gi"}
        cluster.add(NODES, {"metadata": {"name": NODE}, "status": {"allocatable": capacity}})
        self._cluster, self._executor = cluster, executor
        self._known: dict[str, PodRef] = {}
        self._graces: dict[str, int] = {}
        self._logs: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._events = 0
        self._tasks = Tasks()
        self._tasks.spawn(self._follow_cluster(), name="kubelet: pods")
        self._tasks.spawn(self._follow_executor(), name="kubelet: statuses")

    async def stop(self) -> None:
        """Look no more; what runs goes on."""
        await self._tasks.stop()

    async def _follow_cluster(self) -> None:
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(changed.set)

        self._cluster.store.listeners.add(wake)
        try:
            while True:
                changed.clear()
                await self._sync()
                await changed.wait()
        finally:
            self._cluster.store.listeners.discard(wake)

    async def _sync(self) -> None:
        pods = {pod["metadata"]["uid"]: pod for pod in self._cluster.store.all(PODS)}
        for uid in [uid for uid in self._known if uid not in pods]:
            await self._forget(self._known.pop(uid))
        for uid, pod in pods.items():
            meta = pod["metadata"]
            if uid not in self._known and self._complete(pod) and not meta.get("deletionTimestamp"):
                await self._start(pod)
            grace = meta.get("deletionGracePeriodSeconds")
            if meta.get("deletionTimestamp") and self._graces.get(uid) != grace:
                self._graces[uid] = grace
                await self._end(pod, grace)

    async def _forget(self, ref: PodRef) -> None:
        with suppress(ArgoexecError):
            await self._executor.delete_pod(ref)

    async def _start(self, pod: Manifest) -> None:
        meta = pod["metadata"]
        namespace = meta["namespace"]
        wanted = decode(prune({**pod, "status": {}}, Pod), Pod)
        request = PodRequest(
            pod=wanted,
            config_maps=tuple(_objects(self._cluster, CONFIG_MAPS, ConfigMap, namespace)),
            secrets=tuple(_objects(self._cluster, SECRETS, Secret, namespace)),
        )
        ref = PodRef(namespace=namespace, name=meta["name"], uid=meta["uid"])
        self._known[meta["uid"]] = ref
        try:
            await self._executor.run_pod(request)
        except ArgoexecError as exc:
            status = {"phase": "Failed", "reason": "UnexpectedAdmissionError", "message": str(exc)}
            self._cluster.store.put(PODS, pod | {"status": status})

    async def _end(self, pod: Manifest, grace: int) -> None:
        ref = self._known.get(pod["metadata"]["uid"])
        if ref is None:
            self._finish(pod["metadata"]["uid"])
            return
        await self._executor.stop_pod(ref, float(grace))
        if (await self._executor.get_pod(ref)).pod.status.terminal:
            self._finish(ref.uid)

    async def _follow_executor(self) -> None:
        async for update in self._executor.watch_pods(PodQuery()):
            if update.record is not None and update.type != "DELETED":
                await self._report(update.record)

    async def _report(self, record: PodRecord) -> None:
        pod = self._find(record.ref.uid)
        if pod is None:
            return
        self._follow_logs(pod, record)
        status = record.pod.status
        if status.terminal:
            uid = record.ref.uid
            await asyncio.gather(*(t for (owner, _), t in self._logs.items() if owner == uid))
        with self._cluster.store.lock:
            pod = self._find(record.ref.uid)
            if pod is None:
                return
            for event in record.events:
                self._tell(pod, event)
            # What only our own executors say is not in a kubelet's status.
            own = (
                msgspec.structs.replace(status, reason="") if status.reason == "Stopped" else status
            )
            pod["status"], pod["spec"]["nodeName"] = encode(own), NODE
            self._cluster.store.put(PODS, pod)
        if status.terminal and pod["metadata"].get("deletionTimestamp"):
            self._finish(record.ref.uid)

    def _follow_logs(self, pod: Manifest, record: PodRecord) -> None:
        status = record.pod.status
        for one in (*status.init_container_statuses, *status.container_statuses):
            key = (record.ref.uid, one.name)
            if one.state.waiting is None and key not in self._logs:
                name = f"kubelet: log of {one.name}"
                work = self._copy_log(record.ref, one.name)
                self._logs[key] = self._tasks.spawn(work, name=name)

    async def _copy_log(self, ref: PodRef, container: str) -> None:
        key = (ref.namespace, ref.name, container)
        self._cluster.pod_logs.start(key)
        query = LogQuery(container=container, follow=True)
        with suppress(ArgoexecError):
            async for chunk in self._executor.pod_logs(ref, query):
                for run in chunk.runs():
                    stream = "Stderr" if run.stream == STDERR else "Stdout"
                    self._cluster.pod_logs.write(key, run.data, run.time_ns, stream)
        self._cluster.pod_logs.end(key)

    def _finish(self, uid: str) -> None:
        """Say that the containers of a deleted pod have ended: it goes, if nothing holds it."""
        with self._cluster.store.lock:
            pod = self._find(uid)
            if pod is None:
                return
            meta = pod["metadata"]
            meta["deletionGracePeriodSeconds"] = 0
            if meta.get("finalizers"):
                self._cluster.store.put(PODS, pod)
                return
            self._cluster.store.remove(PODS, meta["namespace"], meta["name"])
            self._cluster.pod_logs.drop(meta["namespace"], meta["name"])

    def _find(self, uid: str) -> Manifest | None:
        pods = self._cluster.store.all(PODS)
        return next((pod for pod in pods if pod["metadata"]["uid"] == uid), None)

    def _tell(self, pod: Manifest, event: PodEvent) -> None:
        meta = pod["metadata"]
        self._events += 1
        path = f"spec.containers{{{event.container}}}" if event.container else ""
        involved = {"kind": "Pod", "name": meta["name"], "uid": meta["uid"], "fieldPath": path}
        self._cluster.add(
            EVENTS,
            {
                "metadata": {"name": f"{meta['name']}.{self._events}"},
                "involvedObject": involved,
                "type": event.type,
                "reason": event.reason,
                "message": event.message,
                "count": event.count,
                "lastTimestamp": event.time.astimezone(UTC).isoformat(),
            },
            namespace=meta["namespace"],
        )

    def _complete(self, pod: Manifest) -> bool:
        """Tell whether everything is there that the pod refers to."""
        namespace = pod["metadata"]["namespace"]
        return all(
            self._cluster.store.find(resource, namespace, name) is not None
            for resource, name in _references(pod["spec"])
        )


def _references(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [found for each in value for found in _references(each)]
    if not isinstance(value, dict):
        return []
    found = []
    for key, inner in value.items():
        if key in _REFERENCES and isinstance(inner, dict) and not inner.get("optional"):
            name = inner.get("name") or inner.get("secretName")
            found += [(_REFERENCES[key], name)] if name else []
        found += _references(inner)
    return found


def _objects(cluster: FakeCluster, resource: Any, model: Any, namespace: str) -> list[Any]:
    return [decode(prune(one, model), model) for one in cluster.store.all(resource, namespace)]
