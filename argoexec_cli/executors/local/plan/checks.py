"""What is wrong with a request, told once, when it comes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

from argoexec_cli.errors import InvalidError
from argoexec_cli.executors.local.plan.identity_checks import check_identity
from argoexec_cli.executors.local.plan.network_checks import check_names, check_network
from argoexec_cli.executors.local.plan.volume_checks import (
    check_one_source,
    check_selectors,
    check_volumes,
)
from argoexec_cli.models.base import FieldError
from argoexec_cli.models.pod import Container, PodSpec
from argoexec_cli.models.quantity import parse_bytes, parse_millicores
from argoexec_cli.models.record import OutputsWanted, PodRequest

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_UID: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?")
"""Names directories and containers, so it is no more than letters, digits and '-'."""
_LONGEST_S: Final = 2**31 - 1


def check(request: PodRequest) -> None:
    """Raise `FieldError` for the first field that is wrong."""
    meta, spec = request.pod.metadata, request.pod.spec
    if not _NAME.fullmatch(meta.name):
        problem = f"{meta.name!r} is not a valid name" if meta.name else "a name is required"
        raise FieldError(
            "metadata.name", problem, hint="lower case letters, digits, '-' and '.', at most 253"
        )
    if not _LABEL.fullmatch(meta.namespace):
        raise FieldError(
            "metadata.namespace", f"{meta.namespace!r} is not a valid namespace", hint="-n NAME"
        )
    if not _UID.fullmatch(meta.uid):
        raise FieldError("metadata.uid", f"{meta.uid!r} is not a valid uid", hint="leave it empty")
    if not spec.containers:
        raise FieldError("spec.containers", "at least one container is required")
    check_names(request.pod)
    check_volumes(request)
    check_network(spec)
    check_identity(spec)
    _check_containers(request)
    _check_files(request)
    _check_outputs(request.outputs)
    _check_times(request)


def _check_containers(request: PodRequest) -> None:
    spec = request.pod.spec
    volumes = {volume.name for volume in spec.volumes}
    seen: set[str] = set()
    groups = (("initContainers", spec.init_containers), ("containers", spec.containers))
    for group, containers in groups:
        for index, container in enumerate(containers):
            path = f"spec.{group}[{index}]"
            if not _LABEL.fullmatch(container.name):
                raise FieldError(
                    f"{path}.name", f"{container.name!r} is not a valid container name"
                )
            if container.name in seen:
                raise FieldError(
                    f"{path}.name", f"another container is called {container.name!r} too"
                )
            if not container.image:
                raise FieldError(f"{path}.image", "an image is required")
            if container.restart_policy and group == "containers":
                raise FieldError(f"{path}.restartPolicy", "is only for init containers")
            seen.add(container.name)
            _check_texts(container, path)
            _check_env(container, path, spec)
            _check_mounts(container, path, volumes)
            _check_resources(container, path)
    wanted = request.outputs.container
    if wanted and wanted not in {container.name for container in spec.containers}:
        raise FieldError("outputs.container", f"the pod has no container {wanted!r}")


def _check_texts(container: Container, path: str) -> None:
    texts = {
        "command": container.command,
        "args": container.args,
        "env": tuple(variable.value for variable in container.env),
        "volumeMounts": tuple(mount.mount_path for mount in container.volume_mounts),
        "workingDir": (container.working_dir,),
        "terminationMessagePath": (container.termination_message_path,),
    }
    for field, words in texts.items():
        if any("\0" in word for word in words):
            raise FieldError(f"{path}.{field}", "holds a NUL byte, which ends a text")
    if not PurePosixPath(container.termination_message_path).is_absolute():
        raise FieldError(f"{path}.terminationMessagePath", "is not an absolute path")
    if container.working_dir and not PurePosixPath(container.working_dir).is_absolute():
        raise FieldError(f"{path}.workingDir", f"{container.working_dir!r} is not an absolute path")


def _check_outputs(wanted: OutputsWanted) -> None:
    names: set[str] = set()
    for index, one in enumerate(wanted.parameters):
        at = f"outputs.parameters[{index}]"
        if not one.name or one.name in names:
            raise FieldError(f"{at}.name", f"{one.name!r} is empty or used twice")
        path = PurePosixPath(one.path)
        if not path.is_absolute() or ":" in one.path or ".." in path.parts or "\0" in one.path:
            raise FieldError(f"{at}.path", f"{one.path!r} is not an absolute path without ':'")
        names.add(one.name)


def _check_env(container: Container, path: str, spec: PodSpec) -> None:
    for index, whole in enumerate(container.env_from):
        check_one_source(whole, f"{path}.envFrom[{index}]")
    for index, variable in enumerate(container.env):
        if source := variable.value_from:
            at = f"{path}.env[{index}].valueFrom"
            if variable.value:
                raise FieldError(at, "excludes a value beside it")
            check_one_source(source, at)
            check_selectors(source.field_ref, source.resource_field_ref, at, spec)
        if not variable.name or "=" in variable.name or "\0" in variable.name:
            raise FieldError(
                f"{path}.env[{index}].name", f"{variable.name!r} is not a valid variable name"
            )


def _check_mounts(container: Container, path: str, volumes: set[str]) -> None:
    targets: set[PurePosixPath] = set()
    for index, mount in enumerate(container.volume_mounts):
        at = f"{path}.volumeMounts[{index}]"
        if mount.name not in volumes:
            raise FieldError(
                f"{at}.name", f"the pod has no volume {mount.name!r}", hint="add it to spec.volumes"
            )
        target = PurePosixPath(mount.mount_path)
        if not target.is_absolute() or ":" in mount.mount_path or ".." in target.parts:
            raise FieldError(
                f"{at}.mountPath",
                f"{mount.mount_path!r} is not an absolute path without ':' and '..'",
            )
        if not target.name:
            raise FieldError(f"{at}.mountPath", "is the root of the container's file system")
        if target == PurePosixPath(container.termination_message_path):
            raise FieldError(f"{at}.mountPath", "is the terminationMessagePath, too")
        if mount.sub_path and mount.sub_path_expr:
            raise FieldError(f"{at}.subPathExpr", "excludes subPath")
        sub = PurePosixPath(mount.sub_path)
        if sub.is_absolute() or ".." in sub.parts or "\0" in mount.sub_path:
            raise FieldError(f"{at}.subPath", f"{mount.sub_path!r} is not below the volume")
        if target in targets:
            raise FieldError(f"{at}.mountPath", f"{mount.mount_path} is mounted twice")
        targets.add(target)


def _check_resources(container: Container, path: str) -> None:
    resources = container.resources
    limits = _parsed(resources.limits, f"{path}.resources.limits")
    for name, request in _parsed(resources.requests, f"{path}.resources.requests").items():
        if request > limits.get(name, request):
            problem = f"must not be more than the limit, {resources.limits[name]}"
            raise FieldError(f"{path}.resources.requests.{name}", problem)


def _parsed(quantities: Mapping[str, str | int | float], path: str) -> dict[str, int]:
    parsed = {}
    for name, quantity in quantities.items():
        at = f"{path}.{name}"
        if name not in ("cpu", "memory"):
            raise FieldError(at, "is not supported", hint="cpu and memory are")
        try:
            parsed[name] = (parse_millicores if name == "cpu" else parse_bytes)(str(quantity))
        except InvalidError as exc:
            raise FieldError(at, exc.message, hint=exc.hint) from exc
    return parsed


def _check_files(request: PodRequest) -> None:
    volumes = {volume.name for volume in request.pod.spec.volumes}
    for index, file in enumerate(request.files):
        path = PurePosixPath(file.path)
        if file.volume not in volumes:
            raise FieldError(f"files[{index}].volume", f"the pod has no volume {file.volume!r}")
        if path.is_absolute() or not path.parts or ".." in path.parts or "\0" in file.path:
            raise FieldError(
                f"files[{index}].path", f"{file.path!r} is not a path below the volume"
            )
        if not 0 <= file.mode <= 0o777:
            raise FieldError(f"files[{index}].mode", f"{file.mode:#o} is not between 0 and 0o777")


def _check_times(request: PodRequest) -> None:
    spec = request.pod.spec
    times = (
        ("spec.activeDeadlineSeconds", spec.active_deadline_seconds, 1),
        ("spec.terminationGracePeriodSeconds", spec.termination_grace_period_seconds, 0),
    )
    for path, seconds, least in times:
        if seconds is not None and not least <= seconds <= _LONGEST_S:
            raise FieldError(path, f"must be from {least} to {_LONGEST_S}")
