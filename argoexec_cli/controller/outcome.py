"""What a pod's status means for its node. Source of the rules and texts: Argo's controller."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec

from argoexec_cli.controller.podspec import MAIN
from argoexec_cli.models.record import PodRecord
from argoexec_cli.models.status import ContainerStateTerminated, ContainerStatus, PodStatus
from argoexec_cli.models.workflow import NodeOutputs, NodeStatus, Phase

STOPPED_NODE: Final = "workflow shutdown with strategy: Stop"
STOPPED_RUN: Final = "Stopped with strategy 'Stop'"
POD_DELETED: Final = "pod deleted"
_PHASES: Final[dict[str, Phase]] = {
    "": "Pending",
    "Pending": "Pending",
    "Running": "Running",
    "Succeeded": "Succeeded",
    "Failed": "Failed",
    "Unknown": "Error",
}
# The pod ended through no deed of its containers: Argo's Error, not Failed.
_LOST: Final = frozenset(
    {"Lost", "NodeLost", "ContainerStatusUnknown", "ErrImagePull", "InvalidImageName"}
)


def observe(node: NodeStatus, record: PodRecord) -> NodeStatus:
    """Return *node* as its pod's record says that it is."""
    status = record.pod.status
    phase, message = _PHASES[status.phase], ""
    if status.phase == "Failed":
        phase, message = _failure(status)
    elif status.phase in ("", "Pending"):
        message = _pending_reason(status)
    elif status.phase == "Unknown":
        message = status.message or status.reason
    if phase in ("Pending", "Running"):
        return msgspec.structs.replace(node, phase=phase, message=message)
    return msgspec.structs.replace(
        node,
        phase=phase,
        message=message,
        finished_at=_finished_at(status),
        progress="1/1" if phase == "Succeeded" else node.progress,
        outputs=_outputs(record),
    )


def _failure(status: PodStatus) -> tuple[Phase, str]:
    if status.reason in _LOST:
        return "Error", status.message or status.reason
    if status.message:
        return "Failed", status.message
    for container in status.init_container_statuses:
        if (ended := container.state.terminated) and ended.exit_code:
            return "Error", _exit_message(container.name, ended)
    for container in _main_first(status.container_statuses):
        if (ended := container.state.terminated) and ended.exit_code:
            phase: Phase = "Error" if ended.reason in _LOST else "Failed"
            return phase, _exit_message(container.name, ended)
    return "Failed", status.reason


def _exit_message(name: str, ended: ContainerStateTerminated) -> str:
    text = f"{name}: {ended.reason or 'Error'} (exit code {ended.exit_code})"
    return f"{text}: {ended.message}" if ended.message else text


def _pending_reason(status: PodStatus) -> str:
    for container in (*status.init_container_statuses, *status.container_statuses):
        if waiting := container.state.waiting:
            parts = [part for part in (waiting.reason, waiting.message) if part]
            if parts:
                return ": ".join(parts)
    return ": ".join(part for part in (status.reason, status.message) if part)


def _finished_at(status: PodStatus) -> datetime | None:
    statuses = (*status.init_container_statuses, *status.container_statuses)
    ended = [s.state.terminated.finished_at for s in statuses if s.state.terminated]
    return max((time for time in ended if time is not None), default=None)


def _outputs(record: PodRecord) -> NodeOutputs:
    exit_code = record.outputs.exit_code
    if exit_code is None:
        codes = [
            container.state.terminated.exit_code
            for container in record.pod.status.container_statuses
            if container.name == MAIN and container.state.terminated
        ]
        exit_code = str(codes[0]) if codes else None
    return NodeOutputs(result=record.outputs.result, exit_code=exit_code)


def _main_first(statuses: Iterable[ContainerStatus]) -> list[ContainerStatus]:
    return sorted(statuses, key=lambda status: status.name != MAIN)
