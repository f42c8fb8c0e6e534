"""In which order a pod's containers run: init containers one after the other, sidecars beside what
comes after them, the main containers all at once (core/v1 PodSpec).

A main container that fails lets the others go on; the pod has then failed. One that cannot run at
all (no image, no such command) ends the others: nobody would ever start it again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from argoexec_cli.executors.local import statuses
from argoexec_cli.executors.local.attempt import Attempt
from argoexec_cli.executors.local.ending import AttemptError, Ending, EndingError
from argoexec_cli.models.pod import Container
from argoexec_cli.models.status import ContainerStateTerminated
from argoexec_cli.runtime.base import ContainerKey

if TYPE_CHECKING:
    from argoexec_cli.executors.local.worker import PodWorker


async def run_containers(worker: PodWorker) -> None:
    """Return when all containers have ended.

    `EndingError` when the pod is to end, `AttemptError` when it cannot go on; nothing runs then
    either.
    """
    outcome: Exception | None = None
    sidecars: list[Sidecar] = []
    async with asyncio.TaskGroup() as group:
        try:
            await _in_order(worker, group, sidecars)
        except (EndingError, AttemptError) as exc:
            outcome = exc
        await _end(sidecars, worker)
    if outcome is not None:
        raise outcome


class Sidecar:
    """An init container with restartPolicy Always: restarted whenever it ends, until `end`."""

    def __init__(self, worker: PodWorker, container: Container) -> None:
        """Prepare it; `run` runs it."""
        self._worker = worker
        self._container = container
        self._ending = worker.ending.part()
        self._started = asyncio.Event()
        self._over = asyncio.Event()
        self._fault: AttemptError | None = None
        if _mains_are_there(worker):  # it had started before a restart of ours
            self._started.set()

    async def run(self) -> None:
        """Run the container until it is to end. What goes wrong the first time is told by
        `started`, later it is a reason to start again.
        """
        try:
            while True:
                count = statuses.find(self._worker.status, self._container.name).restart_count
                await self._run_once(count)
                if self._fault or self._ending.wanted:
                    break
                await restart(self._worker, self._container, count, self._ending)
        except EndingError:
            pass
        finally:
            self._over.set()
            self._started.set()

    async def started(self) -> None:
        """Wait until it has started, once; it does not any more when the pod is to end.
        `AttemptError` when it cannot.
        """
        started = asyncio.ensure_future(self._started.wait())
        wanted = asyncio.ensure_future(self._worker.ending.changed())
        try:
            await asyncio.wait({started, wanted}, return_when=asyncio.FIRST_COMPLETED)
            if not started.done():
                self.want_end()
            await started
        finally:
            for one in (started, wanted):
                one.cancel()
        if self._fault:
            raise self._fault

    async def end(self, until_s: float) -> None:
        """End it until the loop's time *until_s* and wait for that, from now on also because the
        pod is to end. How it ends does not count.
        """
        left_s = until_s - asyncio.get_running_loop().time()
        self._ending.want("", "", max(0.0, left_s))
        self._worker.ending.lead(self._ending)
        await self._over.wait()

    def want_end(self) -> None:
        """Have it end, or not begin."""
        self._ending.want("", "", self._worker.grace_s)

    async def _run_once(self, count: int) -> None:
        attempt = Attempt(self._worker, self._container, count, self._ending)
        attempt.started = self._started
        try:
            await attempt.run()
        except AttemptError as exc:
            if not self._started.is_set():
                self._fault = exc


async def until_final(worker: PodWorker, container: Container) -> ContainerStateTerminated:
    """Run a container, again and again if the restart policy says so."""
    while True:
        count = statuses.find(worker.status, container.name).restart_count
        ended = await Attempt(worker, container, count).run()
        again = ended.exit_code != 0 and worker.pod.spec.restart_policy == "OnFailure"
        if not again:
            return ended
        if worker.ending.wanted:
            worker.ending.applied = True  # but for the wish it would go on
            return ended
        await restart(worker, container, count, worker.ending)


async def restart(worker: PodWorker, container: Container, count: int, ending: Ending) -> None:
    """Wait, ever longer, before attempt *count* of the container is followed by the next: as with
    the kubelet the first restart comes at once.
    """
    worker.status = statuses.restarts(worker.status, container.name)
    first_s, longest_s = worker.host.settings.restart_backoff_s
    delay = min(first_s * 2 ** min(count - 1, 30), longest_s) if count else 0.0
    if count:
        message = f"Back-off {delay:g}s restarting failed container {container.name}"
        worker.note("BackOff", message, container.name, warning=True)
    await worker.save()
    await ending.unless(_drop_attempt(worker, container.name, count))
    await ending.unless(asyncio.sleep(delay))


async def _in_order(worker: PodWorker, group: asyncio.TaskGroup, sidecars: list[Sidecar]) -> None:
    over = _mains_are_over(worker)
    for container in worker.pod.spec.init_containers:
        if not container.sidecar:
            if (await until_final(worker, container)).exit_code:
                raise AttemptError("", f"init container {container.name} failed")
            continue
        sidecar = Sidecar(worker, container)
        sidecars.append(sidecar)
        if over:  # before a restart of ours: only what still runs is to be ended
            sidecar.want_end()
        group.create_task(sidecar.run(), name=f"sidecar {container.name} of {worker.uid}")
        await worker.unless_ending(sidecar.started())
    await _mains(worker)


async def _mains(worker: PodWorker) -> None:
    containers = worker.pod.spec.containers
    if len(containers) == 1:
        await until_final(worker, containers[0])
        return
    async with asyncio.TaskGroup() as group:
        mains = [
            group.create_task(_main(worker, one), name=f"{one.name} of {worker.uid}")
            for one in containers
        ]
    for main in mains:
        if fault := main.result():
            raise fault


async def _main(worker: PodWorker, container: Container) -> AttemptError | EndingError | None:
    """Run one of several main containers; returns what keeps it from running."""
    try:
        await until_final(worker, container)
    except EndingError as exc:
        return exc
    except AttemptError as exc:
        worker.ending.want(exc.reason, exc.message, worker.grace_s)
        return exc
    return None


async def _end(sidecars: list[Sidecar], worker: PodWorker) -> None:
    """End the sidecars, the last first; they share what the others left of the grace period."""
    until_s = asyncio.get_running_loop().time() + worker.grace_s
    for sidecar in reversed(sidecars):
        await sidecar.end(until_s)


async def _drop_attempt(worker: PodWorker, container: str, count: int) -> None:
    """Keep of a container that is restarted for weeks the last two logs and no dead body."""
    key = ContainerKey(pod_uid=worker.uid, container=container, attempt=count)
    if handle := worker.handles.get(key):
        await worker.remove(handle)
        del worker.handles[key]
    if count:
        await worker.host.logs.remove_attempt(
            ContainerKey(pod_uid=worker.uid, container=container, attempt=count - 1)
        )


def _mains_are_there(worker: PodWorker) -> bool:
    names = {container.name for container in worker.pod.spec.containers}
    return any(key.container in names for key in worker.found)


def _mains_are_over(worker: PodWorker) -> bool:
    return all(
        statuses.find(worker.status, container.name).state.terminated
        for container in worker.pod.spec.containers
    )
