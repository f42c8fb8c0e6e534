"""From a pod of the cluster to a record. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final, get_args, get_origin

import msgspec

from argoexec_cli.errors import DataLossError, InvalidError
from argoexec_cli.executors.kubernetes import marks
from argoexec_cli.executors.kubernetes.outfile import OUTPUT_ERROR, problem_of
from argoexec_cli.kube.base import Object
from argoexec_cli.models.base import decode, decode_json
from argoexec_cli.models.record import (
    OutputsWanted,
    PodEvent,
    PodOutputs,
    PodRecord,
    PodRequest,
)
from argoexec_cli.models.status import ContainerStateTerminated, PodStatus

_CONTAINER: Final = re.compile(r"\{([^}]+)\}")
_PLAIN: Final = frozenset({"Completed", "Error", ""})


def request_of(pod: Object) -> PodRequest:
    """Return what was asked for. `DataLossError` when somebody has changed our annotation."""
    text = (pod["metadata"].get("annotations") or {}).get(marks.REQUEST, "")
    try:
        return decode_json(text, PodRequest)
    except InvalidError as exc:
        raise _damaged(pod) from exc


def _damaged(pod: Object) -> DataLossError:
    meta = pod["metadata"]
    name = f"{meta['namespace']}/{meta['name']}"
    return DataLossError(
        f"{name}: the annotation {marks.REQUEST} is damaged",
        hint=f"kubectl get pod -n {meta['namespace']} {meta['name']} -o yaml",
    )


def record_of(pod: Object, outputs: PodOutputs, events: tuple[PodEvent, ...] = ()) -> PodRecord:
    """Return the record of a pod."""
    asked = request_of(pod).pod
    return PodRecord(
        pod=msgspec.structs.replace(asked, status=status_of(pod)),
        outputs=outputs,
        events=events,
        revision=int(pod["metadata"]["resourceVersion"]),
    )


def status_of(pod: Object) -> PodStatus:
    """Return the status, with the reasons that other executors give.

    A pod that was stopped before a node had it never gets an end from a kubelet.
    """
    status = decode(prune(pod.get("status") or {}, PodStatus), PodStatus)
    meta = pod["metadata"]
    stopped = marks.STOPPED in (meta.get("annotations") or {})
    nowhere = meta.get("deletionTimestamp") and not pod["spec"].get("nodeName")
    if nowhere and not status.terminal:
        status = msgspec.structs.replace(status, phase="Failed")
    if status.phase == "Succeeded":
        return _with_file(pod, status)
    if status.phase != "Failed":
        return status
    if stopped:
        return msgspec.structs.replace(status, reason="Stopped")
    if status.reason:
        return status
    ends = [one for one in ends_of(status) if one.exit_code]
    telling = next((one for one in ends if one.reason not in _PLAIN), None)
    if telling is None:
        return status
    return msgspec.structs.replace(status, reason=telling.reason, message=telling.message)


def _with_file(pod: Object, status: PodStatus) -> PodStatus:
    """Return the status of a pod that succeeded: failed when a file that is wanted is missing."""
    request = request_of(pod)
    end = exit_of(status, main_container(request))
    problem = problem_of(request, end) if end else ""
    if not problem:
        return status
    return msgspec.structs.replace(status, phase="Failed", reason=OUTPUT_ERROR, message=problem)


def exit_of(status: PodStatus, container: str) -> ContainerStateTerminated | None:
    """Return how the container called *container*, by default the first one, has ended."""
    for one in status.container_statuses:
        if container in ("", one.name):
            return one.state.terminated
    return None


def main_container(request: PodRequest) -> str:
    """Return the name of the container whose outputs count."""
    wanted: OutputsWanted = request.outputs
    return wanted.container or request.pod.spec.containers[0].name


def event_of(event: Object) -> PodEvent:
    """Return an Event of the cluster as one of ours."""
    times = ("lastTimestamp", "eventTime", "firstTimestamp")
    time = next((event[key] for key in times if event.get(key)), None)
    stamp = time or event["metadata"]["creationTimestamp"]
    path = (event.get("involvedObject") or {}).get("fieldPath") or ""
    container = _CONTAINER.search(path)
    return PodEvent(
        time=datetime.fromisoformat(stamp),
        type="Warning" if event.get("type") == "Warning" else "Normal",
        reason=event.get("reason") or "",
        message=event.get("message") or "",
        container=container[1] if container else "",
        count=event.get("count") or 1,
    )


def prune(data: Any, model: Any) -> Any:
    """Return *data* without the fields that *model* lacks: a cluster has many more than we read."""
    if isinstance(data, dict) and isinstance(model, type) and issubclass(model, msgspec.Struct):
        fields = {one.encode_name: one.type for one in msgspec.structs.fields(model)}
        return {
            key: prune(value, fields[key])
            for key, value in data.items()
            if key in fields and value is not None
        }
    if isinstance(data, list) and get_origin(model) is tuple:
        return [prune(each, get_args(model)[0]) for each in data]
    inner = next((one for one in get_args(model) if _is_model(one)), None)
    return prune(data, inner) if inner is not None else data


def _is_model(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, msgspec.Struct)


def ends_of(status: PodStatus) -> list[ContainerStateTerminated]:
    """Return how the containers ended, those that have."""
    everything = (*status.init_container_statuses, *status.container_statuses)
    return [one.state.terminated for one in everything if one.state.terminated is not None]
