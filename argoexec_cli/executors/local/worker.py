"""The life of one pod, from accepted to cleaned up.

    queued → admitted → volumes → init containers in order → main container → outputs
           → terminal → cleaned up

The worker can be cut off at any await and run again by the next process: each step asks what is
there before it acts. The rules that make it safe: the row of the pod is durable before the worker
exists; a container's name follows from the pod, the container and the attempt, so starting it twice
is finding it; the terminal status is durable only after the log is; containers are removed only
after the terminal status is.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from argoexec_cli.errors import ArgoexecError, NotFoundError
from argoexec_cli.executors.local import statuses
from argoexec_cli.executors.local.admission import need_of
from argoexec_cli.executors.local.attempt import Attempt, AttemptError
from argoexec_cli.executors.local.ending import Ending, EndingError
from argoexec_cli.executors.local.host import Host
from argoexec_cli.executors.local.plan import sandbox_spec
from argoexec_cli.executors.local.pods import StoredPod
from argoexec_cli.executors.local.retrying import until_it_works
from argoexec_cli.models.pod import Container
from argoexec_cli.models.record import (
    RESULT_LIMIT_BYTES,
    PodEvent,
    PodOutputs,
    PodRecord,
    PodUpdate,
)
from argoexec_cli.models.status import ContainerStateTerminated, PodStatus
from argoexec_cli.runtime.base import ContainerKey, Found, Handle, Sandbox

_log = logging.getLogger(__name__)
DEFAULT_GRACE_S: Final = 30.0
"""Kubernetes' default of terminationGracePeriodSeconds."""
_BACKOFF_S: Final = (10.0, 300.0)
"""First and longest wait before a container is started again, as the kubelet's CrashLoopBackOff."""


class PodWorker:
    """Runs one pod. `run` is called once; the other methods may be called from anywhere in the same
    loop.
    """

    def __init__(self, host: Host, stored: StoredPod, found: list[Found]) -> None:
        """Continue *stored*, of which the runtime has *found* (empty for a pod that was just
        accepted).
        """
        self.host = host
        self.request = stored.request
        self.pod = stored.record.pod
        self.status: PodStatus = self.pod.status
        self.ending = Ending()
        self.handles: dict[ContainerKey, Handle] = {one.handle.key: one.handle for one in found}
        self.drained: set[ContainerKey] = set()
        self.sandbox: Sandbox | None = None
        self.volumes: dict[str, Path] = {}
        self._found = frozenset(self.handles)
        self._events: list[PodEvent] = []
        self._cleaned = asyncio.Event()
        if stored.stop_grace_s is not None:
            self.stop(stored.stop_grace_s)

    @property
    def uid(self) -> str:
        """The pod's uid."""
        return self.pod.metadata.uid

    @property
    def grace_s(self) -> float:
        """The pod's own grace period."""
        grace = self.pod.spec.termination_grace_period_seconds
        return DEFAULT_GRACE_S if grace is None else float(grace)

    def adopted(self, key: ContainerKey) -> bool:
        """Whether the runtime had this container when the worker began."""
        return key in self._found

    def stop(self, grace_s: float) -> None:
        """End the pod; the wish is durable already. May be repeated, with a shorter grace period
        too.
        """
        self.ending.want(statuses.STOPPED, "stopped by request", grace_s)

    async def cleaned(self) -> None:
        """Wait until the pod has ended and nothing of it is left in the runtime."""
        await self._cleaned.wait()

    async def run(self) -> None:
        """Bring the pod to its end and clean up. Cancelling leaves everything as it is, to be
        adopted later.
        """
        if not self.status.terminal:
            try:
                await self._live()
            except Exception as exc:  # noqa: BLE001 - whatever bug it is, the pod must reach one terminal status
                _log.exception("pod %s/%s", self.pod.metadata.namespace, self.pod.metadata.name)
                await self._finish("InternalError", f"the executor failed: {exc!r}")
        self.host.logs.finished(self.uid)
        await self._clean_up()
        self._cleaned.set()

    async def save(self, outputs: PodOutputs | None = None) -> None:
        """Make status and new events durable, then tell the watchers. Waits for a disk that is
        full.
        """
        events, self._events = tuple(self._events), []
        revision = await until_it_works(
            lambda: self.host.table.update(self.uid, self.status, events, outputs), self.warn
        )
        pod = msgspec.structs.replace(self.pod, status=self.status)
        record = PodRecord(
            pod=pod, outputs=outputs or PodOutputs(), events=events, revision=revision
        )
        self.host.hub.publish(
            PodUpdate(type="MODIFIED", record=record, token=self.host.hub.token(revision))
        )

    def note(
        self, reason: str, message: str, container: str = "", *, warning: bool = False
    ) -> None:
        """Remember an event; it is written with the next status."""
        self._events.append(statuses.event(reason, message, container, warning=warning))

    def warn(self, fault: ArgoexecError) -> None:
        """Remember that something does not work at the moment and is tried again."""
        self.note("Retrying", fault.message, warning=True)

    async def _live(self) -> None:
        reason = message = ""
        deadline: asyncio.TimerHandle | None = None
        async with AsyncExitStack() as stack:
            try:
                place = self.host.admission.admitted(need_of(self.pod.spec), now=bool(self._found))
                await self.ending.unless(stack.enter_async_context(place))
                deadline = self._admit()
                await self._run_containers()
            except EndingError:
                pass
            except AttemptError as exc:
                reason, message = exc.reason, exc.message
            if deadline:
                deadline.cancel()
            if self.ending.applied:
                reason, message = self.ending.reason, self.ending.message
            await self._finish(reason, message)

    def _admit(self) -> asyncio.TimerHandle | None:
        """Begin (or, when adopted, go on) counting the pod's time."""
        if self.status.start_time is None:
            self.status = statuses.admitted(self.pod)
            self.note("Scheduled", f"Assigned to {self.host.settings.name}")
        limit = self.pod.spec.active_deadline_seconds
        if limit is None or self.status.start_time is None:
            return None
        left = limit - (statuses.now() - self.status.start_time).total_seconds()
        message = f"Pod was active longer than {limit} s (spec.activeDeadlineSeconds)"
        loop = asyncio.get_running_loop()
        return loop.call_later(
            max(0.0, left), self.ending.want, statuses.DEADLINE, message, self.grace_s
        )

    async def _run_containers(self) -> None:
        self.volumes = await self.host.directories.prepare(self.request)
        create = self.host.runtime.create_sandbox
        self.sandbox = await self.ending.unless(
            until_it_works(lambda: create(sandbox_spec(self.pod)), self.warn)
        )
        for container in self.pod.spec.init_containers:
            ended = await self._until_final(container)
            if ended.exit_code:
                raise AttemptError("", f"init container {container.name} failed")
        for container in self.pod.spec.containers:
            await self._until_final(container)

    async def _until_final(self, container: Container) -> ContainerStateTerminated:
        """Run a container, again and again if the restart policy says so."""
        while True:
            count = statuses.find(self.status, container.name).restart_count
            ended = await Attempt(self, container, count).run()
            final = (
                ended.exit_code == 0
                or self.pod.spec.restart_policy != "OnFailure"
                or self.ending.wanted
            )
            if final:
                return ended
            self.status = statuses.restarts(self.status, container.name)
            delay = min(_BACKOFF_S[0] * 2**count, _BACKOFF_S[1])
            self.note(
                "BackOff",
                f"Restarting failed container in {delay:g} s",
                container.name,
                warning=True,
            )
            await self.save()
            await self.ending.unless(asyncio.sleep(delay))

    async def _finish(self, reason: str, message: str) -> None:
        self.status = statuses.finished(self.status, reason, message)
        if self.status.phase == "Failed" and reason:
            self.note(reason, message, warning=reason != statuses.STOPPED)
        await self.save(await self._collect())

    async def _collect(self) -> PodOutputs:
        wanted = self.request.outputs
        name = wanted.container or self.pod.spec.containers[0].name
        state = statuses.find(self.status, name)
        result = None
        if wanted.result and state.state.terminated:
            key = ContainerKey(pod_uid=self.uid, container=name, attempt=state.restart_count)
            data = await self.host.logs.result(key, RESULT_LIMIT_BYTES)
            result = data.decode("utf-8", errors="replace")
        ended = state.state.terminated if wanted.exit_code else None
        return PodOutputs(result=result, exit_code=str(ended.exit_code) if ended else None)

    async def _clean_up(self) -> None:
        handles = list(self.handles.values())
        if self.sandbox and self.sandbox.id:
            handles.append(Handle(id=self.sandbox.id, key=self.sandbox.spec.key))
        async with self.host.removals:
            for handle in handles:
                await until_it_works(partial(self._remove, handle), self.warn)
        await self.host.directories.remove(self.uid)
        await until_it_works(lambda: self.host.table.set_cleaned(self.uid), self.warn)

    async def _remove(self, handle: Handle) -> None:
        try:
            await self.host.runtime.remove(handle)
        except NotFoundError:
            return
