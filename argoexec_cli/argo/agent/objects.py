"""What the agent reads of a WorkflowTaskSet and of a Workflow. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec

from argoexec_cli.kube.base import Object

COMPLETED: Final = "workflows.argoproj.io/completed"
INSTANCE: Final = "workflows.argoproj.io/controller-instanceid"
FULFILLED: Final = frozenset({"Succeeded", "Failed", "Error", "Skipped", "Omitted"})
_ENDED: Final = frozenset({"Succeeded", "Failed", "Error"})


class TaskSet(NamedTuple):
    """A task set at one version. `uid` is its workflow's; `size` is what it takes, in bytes."""

    namespace: str
    name: str
    uid: str
    version: str
    tasks: dict[str, dict[str, Any]]
    nodes: dict[str, dict[str, Any]]
    completed: bool
    size: int


class Facts(NamedTuple):
    """What a Workflow says that concerns its tasks. `deadline` and `now` are seconds since 1970.

    `stopping`: it is being stopped, and exit handlers may still run. `over`: nothing may run.
    """

    uid: str
    version: int
    stopping: bool = False
    over: bool = False
    deadline: float | None = None
    parallelism: int | None = None


def read_task_set(found: Object) -> TaskSet:
    """Read a task set. The owner is the workflow; without one it stands for itself."""
    meta = found["metadata"]
    owners = [one["uid"] for one in meta.get("ownerReferences") or [] if _is_workflow(one)]
    tasks = (found.get("spec") or {}).get("tasks") or {}
    nodes = (found.get("status") or {}).get("nodes") or {}
    return TaskSet(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=owners[0] if owners else meta["uid"],
        version=meta.get("resourceVersion", ""),
        tasks={node: one for node, one in tasks.items() if isinstance(one, dict)},
        nodes={node: one for node, one in nodes.items() if isinstance(one, dict)},
        completed=(meta.get("labels") or {}).get(COMPLETED) == "true",
        size=len(msgspec.json.encode(found)),
    )


def read_workflow(found: Object) -> Facts:
    """Read a workflow; what is not there does not concern us."""
    meta, spec, status = found["metadata"], found.get("spec") or {}, found.get("status") or {}
    shutdown, phase = spec.get("shutdown") or "", status.get("phase") or ""
    limit, started = spec.get("activeDeadlineSeconds"), status.get("startedAt")
    deadline = None
    if isinstance(limit, int) and isinstance(started, str):
        deadline = _seconds(started) + limit
    parallelism = spec.get("parallelism")
    return Facts(
        uid=meta["uid"],
        version=version_number(meta.get("resourceVersion", "")),
        stopping=shutdown == "Stop",
        over=shutdown == "Terminate" or phase in _ENDED,
        deadline=deadline,
        parallelism=parallelism if isinstance(parallelism, int) and parallelism > 0 else None,
    )


def is_absorbed(workflow: Object, node: str) -> bool:
    """Whether the controller has taken the node's result over, as far as the workflow shows it.

    A workflow whose nodes are compressed or stored elsewhere does not show it before it has ended.
    """
    status = workflow.get("status") or {}
    if status.get("phase") in _ENDED:
        return True
    found = (status.get("nodes") or {}).get(node) or {}
    return found.get("phase") in FULFILLED


def instance_selector(instance_id: str) -> str:
    """Return the selector of what one controller's agent may touch."""
    return f"{INSTANCE}={instance_id}" if instance_id else f"!{INSTANCE}"


def version_number(version: str) -> int:
    """Return a resource version as a number, 0 where it is none."""
    return int(version) if version.isdecimal() else 0


def _is_workflow(owner: dict[str, Any]) -> bool:
    return owner.get("kind") == "Workflow" and bool(owner.get("uid"))


def _seconds(time: str) -> float:
    moment = datetime.fromisoformat(time.replace("Z", "+00:00"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
