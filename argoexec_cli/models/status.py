"""A pod's status as a kubelet would report it."""

from datetime import datetime
from typing import Final, Literal

import msgspec

from argoexec_cli.models.base import Model

Phase = Literal["", "Pending", "Running", "Succeeded", "Failed", "Unknown"]
TERMINAL: Final = frozenset({"Succeeded", "Failed"})


class ContainerStateWaiting(Model):
    """Not started yet. Source: core/v1 ContainerStateWaiting; reasons as the kubelet's
    (ContainerCreating, ErrImagePull, …).
    """

    reason: str = ""
    message: str = ""


class ContainerStateRunning(Model):
    """Running since `started_at`."""

    started_at: datetime | None = None


class ContainerStateTerminated(Model):
    """Ended. `reason`: Completed, Error, OOMKilled, StartError (exit code 128),
    ContainerStatusUnknown or DeadlineExceeded.

    `signal` is set when the container died of one; `exit_code` is then 128 + signal.
    """

    exit_code: int
    signal: int = 0
    reason: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    container_id: str = msgspec.field(default="", name="containerID")


class ContainerState(Model):
    """Exactly one member is set."""

    waiting: ContainerStateWaiting | None = None
    running: ContainerStateRunning | None = None
    terminated: ContainerStateTerminated | None = None


class ContainerStatus(Model, omit_defaults=False):
    """Source: core/v1 ContainerStatus. `restart_count` is also the number of the current attempt,
    from 0. As in Kubernetes, a document has these fields also where they are 0, false or empty.
    """

    name: str
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()
    ready: bool = False
    started: bool = False
    restart_count: int = 0
    image: str = ""
    image_id: str = msgspec.field(default="", name="imageID")
    container_id: str = msgspec.field(default="", name="containerID")


class PodCondition(Model):
    """Source: core/v1 PodCondition: PodScheduled, Initialized, ContainersReady, Ready."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str = ""
    message: str = ""
    last_transition_time: datetime | None = None


class PodIP(Model):
    """Source: core/v1 PodIP."""

    ip: str


class PodStatus(Model):
    """Source: core/v1 PodStatus. Terminal phases are Succeeded and Failed; a terminal status never
    changes again.
    """

    phase: Phase = ""
    reason: str = ""
    message: str = ""
    conditions: tuple[PodCondition, ...] = ()
    host_ip: str = msgspec.field(default="", name="hostIP")
    pod_ip: str = msgspec.field(default="", name="podIP")
    pod_ips: tuple[PodIP, ...] = msgspec.field(default=(), name="podIPs")
    qos_class: str = ""
    start_time: datetime | None = None
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()

    @property
    def terminal(self) -> bool:
        """Whether the pod has ended for good."""
        return self.phase in TERMINAL
