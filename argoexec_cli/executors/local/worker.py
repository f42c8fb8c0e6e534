"""The life of one pod, from accepted to cleaned up.

    queued → admitted → volumes → init containers in order → main containers → outputs
           → terminal → cleaned up

The worker can be cut off at any await and run again by the next process: each step asks what is
there before it acts. The rules that make it safe: the row of the pod is durable before the worker
exists; a container's name follows from the pod, the container and the attempt, so starting it twice
is finding it; the terminal status is durable only after the log is; containers are removed only
after the terminal status is.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from argoexec_cli.errors import (
    AlreadyExistsError,
    ArgoexecError,
    CapacityError,
    DataLossError,
    NotFoundError,
)
from argoexec_cli.executors.local import statuses
from argoexec_cli.executors.local.admission import need_of
from argoexec_cli.executors.local.containers import run_containers
from argoexec_cli.executors.local.ending import NODE_PORTS, AttemptError, Ending, EndingError
from argoexec_cli.executors.local.eviction import evict_if_full
from argoexec_cli.executors.local.host import Host
from argoexec_cli.executors.local.outputs import OutputError
from argoexec_cli.executors.local.plan.sources import sources_of
from argoexec_cli.executors.local.plan.spec import sandbox_spec
from argoexec_cli.executors.local.retrying import until_it_works
from argoexec_cli.executors.local.rows import StoredPod
from argoexec_cli.models.pod import Container, PodSpec
from argoexec_cli.models.record import (
    RESULT_LIMIT_BYTES,
    OutputParameter,
    PodEvent,
    PodOutputs,
    PodRecord,
    PodUpdate,
)
from argoexec_cli.models.status import PodStatus
from argoexec_cli.runtime.base import ContainerKey, Found, Handle, Mount, Sandbox

_log = logging.getLogger(__name__)
DEFAULT_GRACE_S: Final = 30.0
"""Kubernetes' default of terminationGracePeriodSeconds."""
_T = TypeVar("_T")


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
        self.outputs = stored.record.outputs
        self.ending = Ending()
        self.found = {one.handle.key: one for one in found}
        self.handles: dict[ContainerKey, Handle] = {one.handle.key: one.handle for one in found}
        self.sandbox: Sandbox | None = None
        self.volumes: dict[str, Path] = {}
        self.sources = sources_of(self.request, {})
        self.network_files: tuple[Mount, ...] = ()
        self._events: list[PodEvent] = []
        self._unwritten: list[PodEvent] = []
        self._told = False
        self._saving: asyncio.Task[None] | None = None
        self._cleaned = asyncio.Event()
        if stored.stop_grace_s is not None:
            self.stop(stored.stop_grace_s, discard=stored.deleting)

    @property
    def uid(self) -> str:
        """The pod's uid."""
        return self.pod.metadata.uid

    @property
    def news(self) -> tuple[PodEvent, ...]:
        """Events that are not durable (yet): on a disk that is full they are all there is."""
        return (*self._unwritten, *self._events)

    @property
    def grace_s(self) -> float:
        """The pod's own grace period."""
        return grace_s(self.pod.spec)

    def stop(self, grace_s: float, *, discard: bool = False) -> None:
        """End the pod; the wish is durable already. May be repeated, with a shorter grace period
        too. With *discard* nobody wants the rest of its log.
        """
        if discard:
            self.ending.discarded.set()
        self.ending.want(statuses.STOPPED, "stopped by request", grace_s)

    def log_complete(self, key: ContainerKey) -> bool:
        """Whether everything that this attempt of a container wrote is stored."""
        container = statuses.find(self.status, key.container)
        return (
            self.status.terminal
            or container.restart_count > key.attempt
            or (container.restart_count == key.attempt and container.state.terminated is not None)
        )

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
                await self._finish("InternalError", f"the executor failed: {exc!r}", PodOutputs())
        self.host.logs.finished(self.uid)
        await self._clean_up()
        self._cleaned.set()

    async def save(self) -> None:
        """Make status, outputs and new events durable, then tell the watchers. Waits for a disk
        that is full.
        """
        events, self._events = tuple(self._events), []
        self._unwritten += events

        async def write() -> PodRecord | None:
            # What is told is what was written, not what became of it meanwhile.
            pod = msgspec.structs.replace(self.pod, status=self.status)
            record = PodRecord(pod=pod, outputs=self.outputs, events=events)
            revision = await self.host.table.update(
                self.uid, pod.status, events, outputs=record.outputs
            )
            return msgspec.structs.replace(record, revision=revision) if revision else None

        record = await until_it_works(write, self._note_fault)
        self._unwritten = [event for event in self._unwritten if event not in events]
        if record:
            self.host.hub.publish(
                PodUpdate(
                    type="MODIFIED", record=record, token=self.host.hub.token(record.revision)
                )
            )

    def save_soon(self) -> None:
        """Save in the background, for news that nothing waits for: what comes while a disk is full
        waits together.
        """
        self._told = True
        if self._saving is None or self._saving.done():
            self._saving = self.host.tasks.spawn(self._save_all(), name=f"status of {self.uid}")

    async def _save_all(self) -> None:
        while self._told:
            self._told = False
            await self.save()

    def note(
        self, reason: str, message: str, container: str = "", *, warning: bool = False
    ) -> None:
        """Remember an event; it is written with the next status."""
        self._events.append(statuses.event(reason, message, container, warning=warning))

    def warn(self, fault: ArgoexecError, reason: str = "Retrying", container: str = "") -> None:
        """Tell that something does not work at the moment and is tried again."""
        self._note_fault(fault, reason, container)
        self.save_soon()

    def trouble(self, message: str) -> None:
        """Have the status of a pod that runs say what it suffers from; "" when that is over."""
        if message != self.status.message and not self.status.terminal:
            self.status = msgspec.structs.replace(self.status, message=message)
            self.save_soon()

    def _note_fault(
        self, fault: ArgoexecError, reason: str = "Retrying", container: str = ""
    ) -> None:
        self.note(reason, fault.message, container, warning=True)
        meta = self.pod.metadata
        _log.warning("pod %s/%s: %s: %s", meta.namespace, meta.name, reason, fault.message)

    async def _live(self) -> None:
        reason = message = ""
        async with AsyncExitStack() as stack:
            try:
                await self._admitted(stack)
                if deadline := self._admit():
                    stack.callback(deadline.cancel)
                await self._begin()
            except EndingError:
                pass
            except AttemptError as exc:
                reason, message = exc.reason, exc.message
            if self.ending.applied:
                reason, message = self.ending.reason, self.ending.message
            outputs, problem = await self._collect()
            if problem and not reason and statuses.all_succeeded(self.status):
                reason, message = "OutputError", problem
            await self._finish(reason, message, outputs)

    async def _admitted(self, stack: AsyncExitStack) -> None:
        """Wait for a place on the host, which *stack* gives back. What runs already has one."""
        need = need_of(self.pod.spec)
        if not self.found:
            try:
                self.host.admission.check(need)
            except CapacityError as exc:  # it was accepted when the host gave more
                raise AttemptError(statuses.UNSCHEDULABLE, exc.message) from exc
        place = self.host.admission.admitted(need, now=bool(self.found))
        await self.unless_ending(stack.enter_async_context(place))

    def _admit(self) -> asyncio.TimerHandle | None:
        """Begin (or, when adopted, go on) counting the pod's time."""
        if self.status.start_time is None:
            self.status = statuses.admitted(self.pod, self.host.settings.host_ip)
            self.note("Scheduled", f"Assigned to {self.host.settings.name}")
        limit = self.pod.spec.active_deadline_seconds
        if limit is None or self.status.start_time is None:
            return None
        left = limit - (statuses.now() - self.status.start_time).total_seconds()
        message = f"Pod was active longer than {limit} s (spec.activeDeadlineSeconds)"
        loop = asyncio.get_running_loop()
        return loop.call_later(
            max(0.0, left), self.ending.want, statuses.DEADLINE, message, grace_s(self.pod.spec)
        )

    async def _begin(self) -> None:
        """Make what the containers need, then run them."""
        await self._prepare()
        try:
            self.sandbox = await self._until_it_works(self._create_sandbox)
            self.network_files = await self._until_it_works(
                partial(self.host.directories.network_files, self.pod.spec, self.sandbox)
            )
        except AlreadyExistsError as exc:
            raise AttemptError(NODE_PORTS, exc.message) from exc
        except ArgoexecError as exc:
            raise AttemptError("FailedCreatePodSandBox", exc.message) from exc
        ip = self.status.host_ip if self.pod.spec.host_network else self.sandbox.ip
        self.status = statuses.addressed(self.status, ip)
        self.sources = msgspec.structs.replace(self.sources, pod_ip=ip)
        await self._run_within_limits()

    async def _create_sandbox(self) -> Sandbox:
        """Make what the containers share. Not cut off half-way when the pod is to end: what is made
        is removed with it.
        """
        spec = sandbox_spec(self.pod)
        async with self.host.sandboxes.one(network=not spec.host_network):
            making = asyncio.ensure_future(self.host.runtime.create_sandbox(spec))
            try:
                return await asyncio.shield(making)
            except asyncio.CancelledError:
                if self.ending.wanted:
                    with contextlib.suppress(ArgoexecError):
                        self.sandbox = await making
                making.cancel()
                await asyncio.gather(making, return_exceptions=True)
                raise

    async def _run_within_limits(self) -> None:
        """Run the containers, and end them when a volume of theirs is too large."""
        every_s = self.host.settings.evict_s
        watch = asyncio.ensure_future(
            evict_if_full(self.pod.spec, self.volumes, self.ending, every_s)
        )
        try:
            await run_containers(self)
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def _prepare(self) -> None:
        """Make the volumes, from what came with the pod."""
        if not self.request.secrets:
            try:
                secrets = await self.host.secrets.load(self.uid)
            except DataLossError as exc:
                raise AttemptError(statuses.LOST, exc.message) from exc
            self.request = msgspec.structs.replace(self.request, secrets=secrets)
        settings = self.host.settings
        self.sources = sources_of(
            self.request, settings.room.quantities, settings.name, host_ip=settings.host_ip
        )
        try:
            self.volumes = await self._until_it_works(
                lambda: self.host.directories.prepare(self.request, self.sources)
            )
        except NotFoundError as exc:
            self.note("FailedMount", exc.message, warning=True)
            raise AttemptError("CreateContainerConfigError", exc.message) from exc
        except ArgoexecError as exc:
            raise AttemptError("FailedCreatePodSandBox", exc.message) from exc

    async def _until_it_works(self, call: Callable[[], Awaitable[_T]]) -> _T:
        return await self.unless_ending(until_it_works(call, self.warn))

    async def unless_ending(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Await *work*, giving it up when the pod is to end; but a pod that the runtime has
        containers of is ended by stopping them, and for that comes past here.
        """
        return await (work if self.found else self.ending.unless(work))

    async def _finish(self, reason: str, message: str, outputs: PodOutputs) -> None:
        self.status = statuses.finished(self.status, reason, message)
        self.outputs = outputs
        if self.status.phase == "Failed" and reason:
            self.note(reason, message, warning=reason != statuses.STOPPED)
        await self.save()

    async def output_mounts(self, key: ContainerKey, container: Container) -> tuple[Mount, ...]:
        """Return the mounts of the files that this container is to write."""
        wanted = self.request.outputs
        if container.name != (wanted.container or self.pod.spec.containers[0].name):
            return ()
        return await self.host.outputs.mounts(key, container, wanted)

    async def _collect(self) -> tuple[PodOutputs, str]:
        """Return what was asked for, and what is wrong with it."""
        wanted, problem = self.request.outputs, ""
        name = wanted.container or self.pod.spec.containers[0].name
        state = statuses.find(self.status, name)
        if (ended := state.state.terminated) is None:
            return PodOutputs(), problem
        key = ContainerKey(pod_uid=self.uid, container=name, attempt=state.restart_count)
        result: str | None = None
        parameters: tuple[OutputParameter, ...] = ()
        if wanted.result:
            data = await self.host.logs.result(key, RESULT_LIMIT_BYTES)
            result = data.decode("utf-8", errors="replace")
        try:
            container = next(one for one in self.pod.spec.containers if one.name == name)
            parameters = await self.host.outputs.read(key, container, wanted, self.volumes)
        except OutputError as exc:
            problem = str(exc)
        exit_code = str(ended.exit_code) if wanted.exit_code else None
        return PodOutputs(result=result, exit_code=exit_code, parameters=parameters), problem

    async def _clean_up(self) -> None:
        handles = sorted(self.handles.values(), key=lambda handle: not handle.key.container)
        if self.sandbox and self.sandbox.id and self.sandbox.spec.key not in self.handles:
            handles.append(Handle(id=self.sandbox.id, key=self.sandbox.spec.key))
        async with self.host.removals:
            for handle in handles:
                await self.remove(handle)
        await self.host.directories.remove(self.uid)
        await until_it_works(lambda: self.host.table.set_cleaned(self.uid), self.warn)

    async def remove(self, handle: Handle) -> None:
        """Remove a container or sandbox, however often it takes: nothing is left behind."""
        await until_it_works(
            lambda: self.host.runtime.remove(handle), self.warn, faults=(ArgoexecError,)
        )


def grace_s(spec: PodSpec) -> float:
    """Return the pod's own grace period."""
    grace = spec.termination_grace_period_seconds
    return DEFAULT_GRACE_S if grace is None else float(grace)
