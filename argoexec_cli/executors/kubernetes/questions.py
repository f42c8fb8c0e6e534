"""What callers ask of a pod of the cluster. Pure."""

from __future__ import annotations

from argoexec_cli.errors import AlreadyExistsError, InvalidError, NotFoundError
from argoexec_cli.executors.kubernetes import marks
from argoexec_cli.executors.kubernetes.records import request_of, status_of
from argoexec_cli.kube.base import Object


def check_same(pod: Object, digest: str, uid: str) -> None:
    """Raise `AlreadyExistsError` unless the pod is the one that is wanted."""
    meta = pod["metadata"]
    annotations = meta.get("annotations") or {}
    if marks.HASH not in annotations:
        problem = "exists, and is not of argoexec's making"
    elif marks.DELETED in annotations:
        problem = "is being deleted"
    elif annotations[marks.HASH] != digest:
        problem = "exists with another spec"
    elif uid and request_of(pod).pod.metadata.uid != uid:
        problem = "exists with another uid"
    else:
        return
    message = f"pod {meta['namespace']}/{meta['name']} {problem}"
    raise AlreadyExistsError(message, hint="choose another name, or delete that one first")


def choose_container(pod: Object, name: str) -> str:
    """Return the container called *name*, by default the only one. `NotFoundError`.

    `InvalidError` when a name is needed.
    """
    spec = request_of(pod).pod.spec
    names = [one.name for one in (*spec.init_containers, *spec.containers)]
    if name and name not in names:
        raise NotFoundError(
            f"the pod has no container {name!r}", hint=f"it has: {', '.join(names)}"
        )
    if not name and len(spec.containers) > 1:
        mains = ", ".join(one.name for one in spec.containers)
        raise InvalidError(f"the pod has several containers, one of: {mains}", hint="-c NAME")
    return name or spec.containers[0].name


def was_restarted(pod: Object, container: str) -> bool:
    """Tell whether there is a log of an attempt before the last."""
    status = status_of(pod)
    everything = (*status.init_container_statuses, *status.container_statuses)
    return any(one.restart_count for one in everything if one.name == container)


def has_ended(pod: Object, container: str) -> bool:
    """Tell whether the container writes nothing more."""
    status = status_of(pod)
    everything = (*status.init_container_statuses, *status.container_statuses)
    found = next((one for one in everything if one.name == container), None)
    return status.terminal or (
        found is not None
        and found.state.terminated is not None
        and request_of(pod).pod.spec.restart_policy != "OnFailure"
    )
