"""A file of a container as an output parameter: it is the container's termination message, which
the kubelet reads when the container has ended. So it is one file, of less than 4 KiB. Pure.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

from argoexec_cli.kube.base import Object
from argoexec_cli.models.base import FieldError
from argoexec_cli.models.pod import Container
from argoexec_cli.models.record import FileParameter, OutputParameter, PodRequest
from argoexec_cli.models.status import ContainerStateTerminated

OUTPUT_ERROR: Final = "OutputError"
_USUAL: Final = "/dev/termination-log"
_LIMIT: Final = 4096
_LIMIT_OF_POD: Final = 12 * 1024
_HINT: Final = "print it: outputs.result; or use an executor on a host"


def ask_for_file(spec: Object, request: PodRequest, container: str) -> None:
    """Have the kubelet read the file of the one output parameter, if there is one.

    `FieldError` for what a cluster cannot give back.
    """
    wanted = request.outputs.parameters
    if not wanted:
        return
    path = "outputs.parameters"
    if len(wanted) > 1:
        raise FieldError(path, "a cluster gives back one file of a container", hint=_HINT)
    asked = next(one for one in request.pod.spec.containers if one.name == container)
    if asked.termination_message_path != _USUAL:
        problem = "the container's own terminationMessagePath is in the place of the file"
        raise FieldError(path, problem, hint=_HINT)
    if _is_mounted(asked, wanted[0].path):
        problem = f"{wanted[0].path} is in a volume, which a cluster cannot give back"
        raise FieldError(path, problem, hint=_HINT)
    for one in spec["containers"]:
        if one["name"] == container:
            one["terminationMessagePath"] = wanted[0].path
            one["terminationMessagePolicy"] = "File"


def read_file(request: PodRequest, end: ContainerStateTerminated) -> tuple[OutputParameter, ...]:
    """Return the parameter, if it was written or has a default."""
    return tuple(
        OutputParameter(name=one.name, value=value)
        for one in request.outputs.parameters
        if not _problem(one, request, end) and (value := _value(one, end)) is not None
    )


def problem_of(request: PodRequest, end: ContainerStateTerminated) -> str:
    """Say what is wrong with the file of a container that succeeded, "" for nothing."""
    for one in request.outputs.parameters:
        if problem := _problem(one, request, end):
            return f"output parameter {one.name}: {one.path} {problem}"
    return ""


def _problem(wanted: FileParameter, request: PodRequest, end: ContainerStateTerminated) -> str:
    spec = request.pod.spec
    count = len(spec.containers) + len(spec.init_containers)
    limit = min(_LIMIT, _LIMIT_OF_POD // count)
    if len(end.message.encode()) >= limit:
        return f"has {limit} bytes or more, and a cluster gives back less"
    if not end.message and wanted.default is None:
        return "was not written, or is empty"
    return ""


def _value(wanted: FileParameter, end: ContainerStateTerminated) -> str | None:
    return end.message.removesuffix("\n") if end.message else wanted.default


def _is_mounted(container: Container, path: str) -> bool:
    mounts = container.volume_mounts
    return any(PurePosixPath(path).is_relative_to(one.mount_path) for one in mounts)
