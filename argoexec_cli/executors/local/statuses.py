"""Pod status, step by step: pure functions from a status and what happened to the next status.

The words are the kubelet's. A pod's phase follows from its containers and is never set back.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import msgspec

from argoexec_cli.executors.local.conditions import not_scheduled, over, scheduled, updated
from argoexec_cli.executors.local.plan.qos import qos_class
from argoexec_cli.models.pod import Pod
from argoexec_cli.models.record import PodEvent
from argoexec_cli.models.status import (
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    Phase,
    PodIP,
    PodStatus,
)
from argoexec_cli.runtime.base import Exit

STOPPED: Final = "Stopped"
DEADLINE: Final = "DeadlineExceeded"
UNSCHEDULABLE: Final = "Unschedulable"
LOST: Final = "Lost"
START_ERROR_CODE: Final = 128
"""The exit code that Kubernetes gives to a container whose command could not be started."""
UNKNOWN: Final = Exit(exit_code=137, reason="ContainerStatusUnknown")
"""What the kubelet reports for a container of which nothing is known any more."""


def unschedulable(pod: Pod, message: str) -> PodStatus:
    """Return the status of a pod that this host could never run. It has ended: unlike a cluster, a
    host does not grow.
    """
    return PodStatus(
        phase="Failed",
        reason=UNSCHEDULABLE,
        message=message,
        qos_class=qos_class(pod.spec),
        conditions=not_scheduled(UNSCHEDULABLE, message),
    )


def admitted(pod: Pod, host_ip: str) -> PodStatus:
    """Return the status of a pod that has got its place on the host and starts now."""
    creating = "PodInitializing" if pod.spec.init_containers else "ContainerCreating"
    return PodStatus(
        phase="Pending",
        start_time=now(),
        host_ip=host_ip,
        qos_class=qos_class(pod.spec),
        conditions=scheduled(),
        init_container_statuses=tuple(
            ContainerStatus(
                name=container.name, image=container.image, state=waiting("PodInitializing")
            )
            for container in pod.spec.init_containers
        ),
        container_statuses=tuple(
            ContainerStatus(name=container.name, image=container.image, state=waiting(creating))
            for container in pod.spec.containers
        ),
    )


def find(status: PodStatus, name: str) -> ContainerStatus:
    """Return the status of the container called *name*."""
    everything = (*status.init_container_statuses, *status.container_statuses)
    return next((one for one in everything if one.name == name), ContainerStatus(name=name))


def change(
    status: PodStatus, name: str, how: Callable[[ContainerStatus], ContainerStatus]
) -> PodStatus:
    """Return the pod's status with *how* applied to one container's."""
    return msgspec.structs.replace(
        status,
        init_container_statuses=tuple(
            how(c) if c.name == name else c for c in status.init_container_statuses
        ),
        container_statuses=tuple(
            how(c) if c.name == name else c for c in status.container_statuses
        ),
    )


def started(status: PodStatus, name: str, container_id: str, image_id: str) -> PodStatus:
    """A container runs. The pod is Running from its first main container on."""
    main = any(container.name == name for container in status.container_statuses)
    phase: Phase = "Running" if main else status.phase

    def how(container: ContainerStatus) -> ContainerStatus:
        return msgspec.structs.replace(
            container,
            state=ContainerState(running=ContainerStateRunning(started_at=now())),
            container_id=container_id,
            image_id=image_id,
            ready=main,
            started=True,
        )

    return updated(msgspec.structs.replace(change(status, name, how), phase=phase))


def addressed(status: PodStatus, ip: str) -> PodStatus:
    """The pod has its address."""
    ips = (PodIP(ip),) if ip else ()
    return msgspec.structs.replace(status, pod_ip=ip, pod_ips=ips)


def ready(status: PodStatus, name: str) -> PodStatus:
    """A container that counts for the pod's readiness without being a main one: a sidecar."""
    return updated(change(status, name, lambda c: msgspec.structs.replace(c, ready=True)))


def ended(status: PodStatus, name: str, exit_: Exit, message: str = "") -> PodStatus:
    """A container has ended."""

    def how(container: ContainerStatus) -> ContainerStatus:
        running = container.state.running
        terminated = ContainerStateTerminated(
            exit_code=exit_.exit_code,
            signal=exit_.exit_code - 128
            if 128 < exit_.exit_code < 160 and exit_.reason != "Completed"
            else 0,
            reason=exit_.reason,
            message=message,
            started_at=exit_.started_at or (running.started_at if running else None),
            finished_at=exit_.finished_at or now(),
            container_id=container.container_id,
        )
        return msgspec.structs.replace(
            container, state=ContainerState(terminated=terminated), ready=False, started=False
        )

    return updated(change(status, name, how))


def not_started(status: PodStatus, name: str, message: str) -> PodStatus:
    """The command of a container could not be started (reason StartError, exit code 128, as in
    Kubernetes).
    """

    def how(container: ContainerStatus) -> ContainerStatus:
        terminated = ContainerStateTerminated(
            exit_code=START_ERROR_CODE, reason="StartError", message=message, finished_at=now()
        )
        return msgspec.structs.replace(container, state=ContainerState(terminated=terminated))

    return change(status, name, how)


def waits(status: PodStatus, name: str, reason: str, message: str = "") -> PodStatus:
    """A container waits, and why."""
    return change(
        status, name, lambda c: msgspec.structs.replace(c, state=waiting(reason, message))
    )


def waiting_reason(status: PodStatus, name: str) -> str:
    """Return why a container waits; "" when it does not."""
    waits = find(status, name).state.waiting
    return waits.reason if waits else ""


def restarts(status: PodStatus, name: str) -> PodStatus:
    """A container will be started once more."""
    return change(
        status,
        name,
        lambda c: msgspec.structs.replace(
            c,
            last_state=c.state,
            state=waiting("CrashLoopBackOff"),
            restart_count=c.restart_count + 1,
        ),
    )


def finished(status: PodStatus, reason: str, message: str) -> PodStatus:
    """The pod has ended: Succeeded when no reason speaks against it and every main container ended
    with 0.
    """
    for container in (*status.init_container_statuses, *status.container_statuses):
        if container.state.running:
            status = ended(status, container.name, UNKNOWN, "nobody saw how it ended")
    phase: Phase = "Succeeded" if not reason and all_succeeded(status) else "Failed"
    conditions = over(status.conditions, succeeded=phase == "Succeeded")
    return msgspec.structs.replace(
        status, phase=phase, reason=reason, message=message, conditions=conditions
    )


def all_succeeded(status: PodStatus) -> bool:
    """Whether every main container ended with 0."""
    return all(
        c.state.terminated is not None and c.state.terminated.exit_code == 0
        for c in status.container_statuses
    )


def waiting(reason: str, message: str = "") -> ContainerState:
    """Return the state of a container that has not started."""
    return ContainerState(waiting=ContainerStateWaiting(reason=reason, message=message))


def event(reason: str, message: str, container: str = "", *, warning: bool = False) -> PodEvent:
    """Return an event that happens now."""
    return PodEvent(
        time=now(),
        type="Warning" if warning else "Normal",
        reason=reason,
        message=message,
        container=container,
    )


def now() -> datetime:
    """Return the present, in UTC."""
    return datetime.now(UTC)
