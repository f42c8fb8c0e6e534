"""From a pod to what the runtime is asked to start: pure functions, checked once when the pod is
accepted.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Final

import msgspec

from argoexec_cli.errors import InvalidError
from argoexec_cli.models.base import FieldError, encode_json
from argoexec_cli.models.pod import Container, Pod, VolumeMount
from argoexec_cli.models.quantity import parse_bytes, parse_millicores
from argoexec_cli.models.record import PodRequest
from argoexec_cli.models.status import PodStatus
from argoexec_cli.runtime.base import (
    ContainerKey,
    ContainerSpec,
    Image,
    Mount,
    Resources,
    Sandbox,
    SandboxSpec,
)

_NAME: Final = re.compile(r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")
_LABEL: Final = re.compile(r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
_VARIABLE: Final = re.compile(r"\$(?:\$|\(([^()]*)\))")


def accept(request: PodRequest) -> PodRequest:
    """Check the request and fill in what the server decides: namespace, uid, creation time, an
    empty status.

    `FieldError` names the first field that is wrong.
    """
    meta = request.pod.metadata
    meta = msgspec.structs.replace(
        meta,
        name=meta.name or _generated(meta.generate_name),
        namespace=meta.namespace or "default",
        uid=meta.uid or str(uuid.uuid4()),
        creation_timestamp=datetime.now(UTC),
    )
    pod = msgspec.structs.replace(request.pod, metadata=meta, status=PodStatus(phase="Pending"))
    accepted = msgspec.structs.replace(request, pod=pod)
    _check(accepted)
    return accepted


def spec_hash(request: PodRequest) -> str:
    """Return a hash of all that the client decides: equal for a repeated submission, whatever uid
    or time it got.
    """
    meta = request.pod.metadata
    own = msgspec.structs.replace(
        meta, uid="", creation_timestamp=None, namespace=meta.namespace or "default"
    )
    pod = msgspec.structs.replace(request.pod, metadata=own, status=PodStatus())
    return hashlib.sha256(encode_json(msgspec.structs.replace(request, pod=pod))).hexdigest()[:32]


def sandbox_spec(pod: Pod) -> SandboxSpec:
    """Return what the pod's containers share."""
    meta = pod.metadata
    return SandboxSpec(
        key=ContainerKey(pod_uid=meta.uid, container=""),
        pod_name=meta.name,
        pod_namespace=meta.namespace,
        hostname=meta.name[:63].rstrip("-."),
        shared=len(pod.spec.containers) > 1,
    )


def container_spec(
    container: Container,
    key: ContainerKey,
    sandbox: Sandbox,
    image: Image,
    volumes: dict[str, Path],
) -> ContainerSpec:
    """Resolve one container: variables expanded, mounts turned into host paths, quantities into
    numbers.
    """
    env = expand_env((variable.name, variable.value) for variable in container.env)
    variables = dict(env)
    limits = container.resources.limits
    return ContainerSpec(
        key=key,
        sandbox=sandbox,
        image=image,
        command=tuple(expand(word, variables) for word in container.command),
        args=tuple(expand(word, variables) for word in container.args),
        working_dir=container.working_dir,
        env=env,
        mounts=tuple(_mount(mount, volumes) for mount in container.volume_mounts),
        resources=Resources(
            cpu_millicores=parse_millicores(str(limits.get("cpu", 0))),
            memory_bytes=parse_bytes(str(limits.get("memory", 0))),
        ),
    )


def expand_env(variables: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Expand `$(NAME)` in each value from the variables before it (core/v1 EnvVar.value)."""
    known: dict[str, str] = {}
    for name, value in variables:
        known[name] = expand(value, known)
    return tuple(known.items())


def expand(text: str, variables: dict[str, str]) -> str:
    """Replace `$(NAME)`; an unknown name stays as it is, and `$$` is a literal `$` (core/v1
    Container.command).
    """

    def value(match: re.Match[str]) -> str:
        if match[1] is None:
            return "$"
        return variables.get(match[1], match[0])

    return _VARIABLE.sub(value, text) if "$" in text else text


def _generated(prefix: str) -> str:
    return f"{prefix[:58]}{uuid.uuid4().hex[:5]}" if prefix else ""


def _mount(mount: VolumeMount, volumes: dict[str, Path]) -> Mount:
    return Mount(
        source=str(volumes[mount.name]), target=mount.mount_path, read_only=mount.read_only
    )


def _check(request: PodRequest) -> None:
    meta, spec = request.pod.metadata, request.pod.spec
    if not _NAME.match(meta.name):
        problem = f"{meta.name!r} is not a valid name" if meta.name else "a name is required"
        raise FieldError(
            "metadata.name", problem, hint="lower case letters, digits, '-' and '.', at most 253"
        )
    if not _LABEL.match(meta.namespace):
        raise FieldError(
            "metadata.namespace", f"{meta.namespace!r} is not a valid namespace", hint="-n NAME"
        )
    if not spec.containers:
        raise FieldError("spec.containers", "at least one container is required")
    if len(spec.containers) > 1:
        raise FieldError(
            "spec.containers[1]",
            "more than one container is not supported yet",
            hint="use one pod for each",
        )
    if len({volume.name for volume in spec.volumes}) < len(spec.volumes):
        raise FieldError("spec.volumes", "two volumes have the same name")
    _check_containers(request)
    _check_files(request)
    _check_times(request)


def _check_containers(request: PodRequest) -> None:
    spec = request.pod.spec
    volumes = {volume.name for volume in spec.volumes}
    seen: set[str] = set()
    groups = (("initContainers", spec.init_containers), ("containers", spec.containers))
    for group, containers in groups:
        for index, container in enumerate(containers):
            path = f"spec.{group}[{index}]"
            if not _LABEL.match(container.name):
                raise FieldError(
                    f"{path}.name", f"{container.name!r} is not a valid container name"
                )
            if container.name in seen:
                raise FieldError(
                    f"{path}.name", f"another container is called {container.name!r} too"
                )
            if not container.image:
                raise FieldError(f"{path}.image", "an image is required")
            seen.add(container.name)
            _check_mounts(container, path, volumes)
            _check_resources(container, path)
    wanted = request.outputs.container
    if wanted and wanted not in {container.name for container in spec.containers}:
        raise FieldError("outputs.container", f"the pod has no container {wanted!r}")


def _check_mounts(container: Container, path: str, volumes: set[str]) -> None:
    targets: set[str] = set()
    for index, mount in enumerate(container.volume_mounts):
        at = f"{path}.volumeMounts[{index}]"
        if mount.name not in volumes:
            raise FieldError(
                f"{at}.name", f"the pod has no volume {mount.name!r}", hint="add it to spec.volumes"
            )
        if not mount.mount_path.startswith("/") or ":" in mount.mount_path:
            raise FieldError(
                f"{at}.mountPath", f"{mount.mount_path!r} is not an absolute path without ':'"
            )
        if mount.mount_path in targets:
            raise FieldError(f"{at}.mountPath", f"{mount.mount_path} is mounted twice")
        targets.add(mount.mount_path)


def _check_resources(container: Container, path: str) -> None:
    for kind, quantities in (
        ("limits", container.resources.limits),
        ("requests", container.resources.requests),
    ):
        for name, quantity in quantities.items():
            at = f"{path}.resources.{kind}.{name}"
            if name not in ("cpu", "memory"):
                raise FieldError(at, "is not supported", hint="cpu and memory are")
            try:
                parse_bytes(str(quantity))
            except InvalidError as exc:
                raise FieldError(at, exc.message, hint=exc.hint) from exc


def _check_files(request: PodRequest) -> None:
    volumes = {volume.name for volume in request.pod.spec.volumes}
    for index, file in enumerate(request.files):
        path = PurePosixPath(file.path)
        if file.volume not in volumes:
            raise FieldError(f"files[{index}].volume", f"the pod has no volume {file.volume!r}")
        if path.is_absolute() or not path.parts or ".." in path.parts:
            raise FieldError(
                f"files[{index}].path", f"{file.path!r} is not a path below the volume"
            )


def _check_times(request: PodRequest) -> None:
    spec = request.pod.spec
    if spec.active_deadline_seconds is not None and spec.active_deadline_seconds < 1:
        raise FieldError("spec.activeDeadlineSeconds", "must be at least 1")
    if (
        spec.termination_grace_period_seconds is not None
        and spec.termination_grace_period_seconds < 0
    ):
        raise FieldError("spec.terminationGracePeriodSeconds", "must not be negative")
