"""One attempt of one container: pull, start, follow its log, wait, stop if asked to, and write down
how it ended.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from argoexec_cli.errors import (
    AlreadyExistsError,
    ArgoexecError,
    CapacityError,
    StartError,
)
from argoexec_cli.executors.local import statuses
from argoexec_cli.executors.local.ending import NODE_PORTS, AttemptError, Ending, EndingError
from argoexec_cli.executors.local.logs import LogWriter
from argoexec_cli.executors.local.plan.spec import (
    Place,
    container_spec,
    with_network_files,
    with_sub_paths,
)
from argoexec_cli.executors.local.pulling import Pulling
from argoexec_cli.executors.local.retrying import PASSING, until_it_works
from argoexec_cli.models.pod import Container, PodSpec
from argoexec_cli.models.status import ContainerStateTerminated
from argoexec_cli.runtime.base import ContainerKey, ContainerSpec, Exit, Found, Handle, Image

if TYPE_CHECKING:
    from argoexec_cli.executors.local.worker import PodWorker

_GONE: Final = "container {} is gone: something else removed it from the runtime"
_RESTARTED: Final = "the host was restarted while container {} ran"


class Attempt:
    """Runs one container once. Everything it learns goes into the worker's status."""

    def __init__(
        self, worker: PodWorker, container: Container, count: int, ending: Ending | None = None
    ) -> None:
        """Prepare attempt number *count* (from 0) of *container*, which *ending* (by default the
        pod's) ends.
        """
        self._worker = worker
        self._host = worker.host
        self._container = container
        self._name = container.name
        self._key = ContainerKey(pod_uid=worker.uid, container=container.name, attempt=count)
        self._ending = ending or worker.ending
        self._is_last = _is_last(worker.pod.spec, container)
        self._is_retried = container.sidecar or worker.pod.spec.restart_policy == "OnFailure"
        self._has_begun = False
        self.started = asyncio.Event()

    async def run(self) -> ContainerStateTerminated:
        """Return how the container ended, which is in the worker's status (and durable, unless it
        is the only one of the pod, whose end is the pod's).

        A container that ended before a restart is not run again; one that ran and is gone is
        `Lost`, and so is one that a restart of the host has ended, unless it is to be run again.
        """
        state = statuses.find(self._worker.status, self._name).state
        if state.terminated:
            return state.terminated
        found = self._worker.found.get(self._key)
        if state.running and found is None:
            self._lose(_GONE)
        if found is None or found.state == "created":
            handle = await self._started()
        else:
            handle = found.handle
            if not state.running:
                self._note_start(handle, image_id="")
            self.started.set()
        exit_ = await self._follow(handle)
        if found and found.state == "exited" and self._ending.wanted and exit_.exit_code:
            # The wish is older than this process, which cannot know whether it was the cause.
            self._ending.applied = True
        if not self._ending.applied:
            self._check_lost(found, exit_)
        message = await self._host.messages.read(self._key, self._container, exit_.exit_code)
        self._worker.status = statuses.ended(self._worker.status, self._name, exit_, message)
        self._host.logs.finished(self._key.pod_uid, self._key)
        ended = statuses.find(self._worker.status, self._name).state.terminated
        assert ended is not None  # noqa: S101 - `statuses.ended` has just set it
        if not self._is_last:
            await self._worker.save()
        return ended

    def _check_lost(self, found: Found | None, exit_: Exit) -> None:
        """Return when the end is the container's own, or is followed by another attempt."""
        restarted = self._host.restarted and found is not None and found.state == "exited"
        if restarted and exit_.exit_code:
            if not self._is_retried:
                self._lose(_RESTARTED, exit_)
        elif exit_.reason == "ContainerStatusUnknown":
            self._lose(_GONE)

    def _lose(self, why: str, exit_: Exit = statuses.UNKNOWN) -> None:
        message = why.format(self._name)
        self._worker.status = statuses.ended(self._worker.status, self._name, exit_, message)
        raise AttemptError(statuses.LOST, message)

    async def _started(self) -> Handle:
        with self._host.images.held(self._container.image):
            image = await self._ending.unless(Pulling(self._worker, self._container).run())
            handle = await self._start(image)
        self._worker.handles[self._key] = handle
        self._note_start(handle, image.digest or image.id)
        return handle

    def _note_start(self, handle: Handle, image_id: str) -> None:
        self._worker.note("Created", f"Created container {self._name}", self._name)
        self._worker.note("Started", f"Started container {self._name}", self._name)
        status = self._worker.status
        self._worker.status = statuses.started(status, self._name, handle.id, image_id)
        if self._container.sidecar:
            self._worker.status = statuses.ready(self._worker.status, self._name)
        self.started.set()

    async def _start(self, image: Image) -> Handle:
        worker = self._worker
        spec = await self._spec(image)
        try:
            return await until_it_works(lambda: self._try_to_start(spec), worker.warn)
        except StartError as exc:
            worker.status = statuses.not_started(worker.status, self._name, exc.message)
            worker.note("Failed", f"Error: {exc.message}", self._name, warning=True)
            raise AttemptError("StartError", exc.message) from exc
        except ArgoexecError as exc:
            taken = isinstance(exc, AlreadyExistsError)
            reason = NODE_PORTS if taken else "CreateContainerError"
            worker.status = statuses.waits(worker.status, self._name, reason, exc.message)
            worker.note("Failed", f"Error: {exc.message}", self._name, warning=True)
            raise AttemptError(reason, exc.message) from exc

    async def _try_to_start(self, spec: ContainerSpec) -> Handle:
        """Start the container when its turn comes: who waits for a try keeps nobody else back.

        A start is never cut off half-way: if the pod is to end meanwhile, the container is stopped
        next, or is no more when it had not come to run.
        """
        await self._end_unless_begun()
        own_network = not spec.sandbox.id and not spec.sandbox.spec.host_network
        async with self._host.starts.one(network=own_network):
            await self._end_unless_begun()
            self._has_begun = True
            try:
                return await self._host.runtime.start(spec)
            except CapacityError:
                self._has_begun = False
                raise

    async def _end_unless_begun(self) -> None:
        if self._ending.wanted and not (self._has_begun and await self._runs_all_the_same()):
            self._ending.applied = True
            raise EndingError

    async def _runs_all_the_same(self) -> bool:
        """Tell whether a start that was refused has begun; if not, it never will."""
        runtime = self._host.runtime
        for found in await runtime.list():
            if found.handle.key == self._key:
                if found.state != "created":
                    return True
                await runtime.remove(found.handle)
        return False

    async def _spec(self, image: Image) -> ContainerSpec:
        worker = self._worker
        assert worker.sandbox is not None  # noqa: S101 - made before the first container
        try:
            container = with_sub_paths(self._container, worker.sources)
            mounts = await self._host.directories.mounts(worker.pod, container, worker.volumes)
            message = await self._host.messages.mount(self._key, self._container)
            outputs = await worker.output_mounts(self._key, self._container)
            place = Place(worker.sandbox, image, (message, *mounts, *outputs))
            spec = container_spec(self._container, self._key, worker.sources, place)
        except ArgoexecError as exc:
            raise self._cannot_configure(exc) from exc
        return with_network_files(spec, worker.network_files)

    def _cannot_configure(self, exc: ArgoexecError) -> AttemptError:
        reason = "CreateContainerConfigError"
        self._worker.status = statuses.waits(self._worker.status, self._name, reason, exc.message)
        self._worker.note("Failed", f"Error: {exc.message}", self._name, warning=True)
        return AttemptError(reason, exc.message)

    async def _follow(self, handle: Handle) -> Exit:
        """Wait for the end, pumping the log and the status into our own stores meanwhile."""
        async with asyncio.TaskGroup() as group:
            drain = group.create_task(
                self._drain(handle), name=f"log of {self._name} in {self._worker.uid}"
            )
            group.create_task(self._worker.save(), name=f"status of {self._worker.uid}")
            exit_ = await self._wait(handle)
            await self._unless_discarded(drain)
        return exit_

    async def _unless_discarded(self, drain: asyncio.Task[None]) -> None:
        """Wait for the log; give it up when the pod is being deleted, perhaps because the disk is
        full of logs.
        """
        discarded = asyncio.ensure_future(self._ending.discarded.wait())
        try:
            await asyncio.wait({drain, discarded}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            discarded.cancel()
            drain.cancel()

    async def _drain(self, handle: Handle) -> None:
        await until_it_works(lambda: self._pump(handle), self._warn_of_log)

    async def _pump(self, handle: Handle) -> None:
        writer = await self._host.logs.open(self._key)
        try:
            await self._copy_log(handle, writer)
            await writer.sync()
        finally:
            writer.close()

    async def _copy_log(self, handle: Handle, writer: LogWriter) -> None:
        try:
            async for batch in self._host.runtime.logs(handle, writer.position):
                if batch.runs:
                    writer.append(batch.runs, batch.position)
                    self._worker.trouble("")
        except PASSING:
            raise
        except ArgoexecError as exc:
            self._worker.note("LogLost", exc.message, self._name, warning=True)

    def _warn_of_log(self, fault: ArgoexecError) -> None:
        reason = "LogStorageFull" if isinstance(fault, CapacityError) else "LogDelayed"
        self._worker.trouble(fault.message)
        self._worker.warn(fault, reason, self._name)

    async def _wait(self, handle: Handle) -> Exit:
        """Wait for the container's end, and bring it about when it is to end."""
        async with asyncio.TaskGroup() as group:
            stopper = group.create_task(
                self._stop_when_wanted(handle), name=f"stop of {self._worker.uid}"
            )
            exit_ = await until_it_works(lambda: self._host.runtime.wait(handle), self._worker.warn)
            stopper.cancel()
        return exit_

    async def _stop_when_wanted(self, handle: Handle) -> None:
        stopping: asyncio.Task[None] | None = None
        grace_s = float("inf")
        try:
            while True:
                grace_s = await self._ending.changed(grace_s)
                if stopping:
                    stopping.cancel()
                self._ending.applied = True
                self._worker.note("Killing", f"Stopping container {self._name}", self._name)
                stopping = asyncio.ensure_future(self._stop(handle, grace_s))
        finally:
            if stopping:
                stopping.cancel()
                await asyncio.gather(stopping, return_exceptions=True)

    async def _stop(self, handle: Handle, grace_s: float) -> None:
        await until_it_works(
            lambda: self._host.runtime.stop(handle, grace_s=grace_s),
            self._worker.warn,
            faults=(ArgoexecError,),
        )


def _is_last(spec: PodSpec, container: Container) -> bool:
    """Whether the container's end is the pod's."""
    return spec.containers == (container,) and not any(c.sidecar for c in spec.init_containers)
