"""Further commands in the containers of pods."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from argoexec_cli.errors import InvalidError, NotFoundError, PreconditionError, UnsupportedError
from argoexec_cli.executors.local import statuses
from argoexec_cli.executors.local.host import Host
from argoexec_cli.models.exec import ExecRequest, Process
from argoexec_cli.models.pod import PodSpec
from argoexec_cli.models.status import ContainerStatus
from argoexec_cli.runtime.base import ContainerKey, Handle
from argoexec_cli.runtime.exec import ExecSpec, execs_of

if TYPE_CHECKING:
    from argoexec_cli.executors.local.worker import PodWorker


@asynccontextmanager
async def run_command(
    host: Host, worker_of: Callable[[str], PodWorker | None], request: ExecRequest
) -> AsyncIterator[Process]:
    """Do what `Execs.exec` promises; *worker_of* gives the worker of a pod that has not ended."""
    execs = execs_of(host.runtime)
    if execs is None:
        name = host.runtime.capabilities.name
        raise UnsupportedError(f"the runtime {name} cannot run commands in containers")
    if not request.command:
        raise InvalidError("a command is needed", hint="argoexec exec NAME -- sh")
    stored = await host.table.get(request.ref)
    pod = stored.record.pod
    name = container_of(pod.spec, request.container, "exec")
    handle = _handle(worker_of(pod.metadata.uid), str(request.ref), name)
    spec = ExecSpec(
        command=request.command, stdin=request.stdin, tty=request.tty, size=request.size
    )
    async with execs.exec(handle, spec) as process:
        yield process


def container_of(spec: PodSpec, name: str, command: str) -> str:
    """Return *name*, or the only main container. `InvalidError` when there are several,
    `NotFoundError` when there is none of that name; *command* is for the hint.
    """
    if not name:
        if len(spec.containers) > 1:
            names = ", ".join(container.name for container in spec.containers)
            raise InvalidError(
                f"a container name is needed, one of: {names}",
                hint=f"argoexec {command} NAME -c CONTAINER",
            )
        return spec.containers[0].name
    names_ = [container.name for container in (*spec.init_containers, *spec.containers)]
    if name not in names_:
        raise NotFoundError(
            f"the pod has no container {name!r}", hint=f"it has: {', '.join(names_)}"
        )
    return name


def _handle(worker: PodWorker | None, pod: str, name: str) -> Handle:
    """Return the container's handle. `PreconditionError` says why it does not run."""
    if worker is None or worker.status.terminal:
        raise PreconditionError(
            f"pod {pod} has ended", hint="what it wrote is there: argoexec logs NAME"
        )
    status = statuses.find(worker.status, name)
    key = ContainerKey(pod_uid=worker.uid, container=name, attempt=status.restart_count)
    handle = worker.handles.get(key)
    if status.state.running is None or handle is None:
        raise PreconditionError(
            f"container {name} of pod {pod} does not run: {_why(status)}",
            hint="wait for it: argoexec wait NAME --for running",
        )
    return handle


def _why(status: ContainerStatus) -> str:
    if ended := status.state.terminated:
        return f"it has ended (exit code {ended.exit_code})"
    waiting = status.state.waiting
    return f"it waits ({waiting.reason})" if waiting and waiting.reason else "it has not started"
