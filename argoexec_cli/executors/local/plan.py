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
from argoexec_cli.models.pod import Container, Pod, PodSpec, VolumeMount
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

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_UID: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?")
"""Names directories and containers, so it is no more than letters, digits and '-'."""
_LONGEST_S: Final = 2**31 - 1
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
        hostname=pod.spec.hostname or meta.name[:63].rstrip("-."),
        own_hostname=bool(pod.spec.hostname),
        shared=len(pod.spec.containers) > 1 or any(c.sidecar for c in pod.spec.init_containers),
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


def with_network_files(spec: ContainerSpec, files: tuple[Mount, ...]) -> ContainerSpec:
    """Add the mounts of the network's files, except where the pod mounts something itself."""
    own = {mount.target for mount in spec.mounts}
    added = tuple(file for file in files if file.target not in own)
    return msgspec.structs.replace(spec, mounts=(*added, *spec.mounts)) if added else spec


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
    if spec.hostname and not _LABEL.fullmatch(spec.hostname):
        raise FieldError("spec.hostname", f"{spec.hostname!r} is not a valid host name")
    _check_volumes(spec)
    _check_containers(request)
    _check_files(request)
    _check_times(request)


def _check_volumes(spec: PodSpec) -> None:
    seen: set[str] = set()
    for index, volume in enumerate(spec.volumes):
        path = f"spec.volumes[{index}].name"
        if not _LABEL.fullmatch(volume.name):
            raise FieldError(path, f"{volume.name!r} is not a valid volume name")
        if volume.name in seen:
            raise FieldError(path, f"another volume is called {volume.name!r} too")
        seen.add(volume.name)


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
            _check_env(container, path)
            _check_mounts(container, path, volumes)
            _check_resources(container, path)
    wanted = request.outputs.container
    if wanted and wanted not in {container.name for container in spec.containers}:
        raise FieldError("outputs.container", f"the pod has no container {wanted!r}")


def _check_env(container: Container, path: str) -> None:
    for index, variable in enumerate(container.env):
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
        if target in targets:
            raise FieldError(f"{at}.mountPath", f"{mount.mount_path} is mounted twice")
        targets.add(target)


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
