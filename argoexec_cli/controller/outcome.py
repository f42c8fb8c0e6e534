"""What a pod's status means for its node. Source of the rules and texts: Argo's controller."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from argoexec_cli.controller.podspec import MAIN
from argoexec_cli.models.record import PodRecord
from argoexec_cli.models.status import PodStatus
from argoexec_cli.models.verdict import verdict
from argoexec_cli.models.workflow import NodeOutputs, NodeStatus

STOPPED_NODE: Final = "workflow shutdown with strategy: Stop"
STOPPED_RUN: Final = "Stopped with strategy 'Stop'"
POD_DELETED: Final = "pod deleted"


def observe(node: NodeStatus, record: PodRecord) -> NodeStatus:
    """Return *node* as its pod's record says that it is."""
    status = record.pod.status
    phase, message = verdict(status)
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
