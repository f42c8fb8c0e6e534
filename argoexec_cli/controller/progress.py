"""How a run changes: pure functions from a run to the same run, further on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from argoexec_cli.controller.outcome import STOPPED_NODE, STOPPED_RUN, observe
from argoexec_cli.models.record import PodRecord
from argoexec_cli.models.workflow import (
    FULFILLED,
    NodeStatus,
    Phase,
    WorkflowRun,
    WorkflowRunStatus,
)

EXPIRED_RUN = "Max duration limit exceeded"
EXPIRED_NODE = "Step exceeded its deadline"


def begin(run: WorkflowRun, node: NodeStatus, now: datetime) -> WorkflowRun:
    """Return *run* as it is accepted: Pending, with its one node."""
    node = msgspec.structs.replace(node, started_at=now)
    status = WorkflowRunStatus("Pending", "", now, None, node.progress, {node.id: node})
    return msgspec.structs.replace(run, status=status)


def see(run: WorkflowRun, node: NodeStatus, record: PodRecord, now: datetime) -> WorkflowRun:
    """Return *run* as *record*, of the pod of *node*, says that it is."""
    seen = observe(node, record)
    reason = record.pod.status.reason
    if seen.phase == "Failed" and run.spec.shutdown:
        seen = msgspec.structs.replace(seen, message=STOPPED_NODE)
    elif seen.phase == "Failed" and reason and (limit := deadline(run)) and limit <= now:
        seen = msgspec.structs.replace(seen, message=EXPIRED_NODE)
    return with_node(run, seen, now)


def end(run: WorkflowRun, node: NodeStatus, phase: Phase, message: str) -> WorkflowRun:
    """Return *run* as it ends without, or in spite of, its pod."""
    ended = msgspec.structs.replace(node, phase=phase, message=message)
    return with_node(run, ended, datetime.now(UTC))


def stop(run: WorkflowRun, message: str) -> WorkflowRun:
    """Return *run* with the wish to stop it; the first message stays."""
    if run.spec.shutdown:
        return run
    return msgspec.structs.replace(
        run,
        spec=msgspec.structs.replace(run.spec, shutdown="Stop"),
        status=msgspec.structs.replace(run.status, message=message or STOPPED_RUN),
    )


def deadline(run: WorkflowRun) -> datetime | None:
    """Return when the run has to be over, or None."""
    spec, start = run.spec.workflow_spec, run.status.started_at
    if spec is None or spec.active_deadline_seconds is None or start is None:
        return None
    return start + timedelta(seconds=spec.active_deadline_seconds)


def with_node(run: WorkflowRun, node: NodeStatus, now: datetime) -> WorkflowRun:
    """Return *run* with its one node as given; *now* is when that ended, if the node cannot say."""
    old = run.status
    if node.phase in FULFILLED and node.finished_at is None:
        node = msgspec.structs.replace(node, finished_at=now)
    message = node.message
    if run.spec.shutdown:
        message = old.message
    elif message == EXPIRED_NODE:
        message = EXPIRED_RUN
    status = msgspec.structs.replace(
        old,
        phase=node.phase,
        message=message,
        finished_at=node.finished_at,
        progress=node.progress,
        nodes={**old.nodes, node.id: node},
    )
    return msgspec.structs.replace(run, status=status)
