"""What is wrong with a pod's volumes, and with the objects that come with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from argoexec_cli.errors import InvalidError
from argoexec_cli.executors.local.plan.sources import is_field, is_resource
from argoexec_cli.models.base import FieldError, Model
from argoexec_cli.models.config import ConfigMap, Secret
from argoexec_cli.models.pod import PodSpec, Volume
from argoexec_cli.models.quantity import parse_bytes
from argoexec_cli.models.record import PodRequest
from argoexec_cli.models.sources import (
    DownwardAPIVolumeFile,
    KeyToPath,
    ObjectFieldSelector,
    ResourceFieldSelector,
)

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_KEY: Final = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_LATER: Final = frozenset({"status.podIP", "status.podIPs"})
_SOURCES: Final = ("empty_dir", "host_path", "config_map", "secret", "downward_api", "projected")


def check_volumes(request: PodRequest) -> None:
    """Raise `FieldError` for the first thing that is wrong."""
    seen: set[str] = set()
    for index, volume in enumerate(request.pod.spec.volumes):
        path = f"spec.volumes[{index}]"
        if not _LABEL.fullmatch(volume.name):
            raise FieldError(f"{path}.name", f"{volume.name!r} is not a valid volume name")
        if volume.name in seen:
            raise FieldError(f"{path}.name", f"another volume is called {volume.name!r} too")
        seen.add(volume.name)
        _check_source(volume, path, request.pod.spec)
    _check_objects(request)


def check_selectors(
    field: ObjectFieldSelector | None,
    resource: ResourceFieldSelector | None,
    path: str,
    spec: PodSpec,
) -> None:
    """Raise `FieldError` for a field of the pod, or a resource, that is none."""
    if field and not is_field(field.field_path):
        raise FieldError(f"{path}.fieldRef.fieldPath", f"{field.field_path!r} is not supported")
    if resource is None:
        return
    if not is_resource(resource):
        raise FieldError(
            f"{path}.resourceFieldRef.resource",
            f"{resource.resource!r} is not supported",
            hint="limits or requests, of cpu or memory",
        )
    names = {container.name for container in (*spec.init_containers, *spec.containers)}
    if resource.container_name and resource.container_name not in names:
        raise FieldError(
            f"{path}.resourceFieldRef.containerName",
            f"the pod has no container {resource.container_name!r}",
        )


def check_one_source(choice: Model, path: str) -> None:
    """Raise `FieldError` unless exactly one of the members that are models is set."""
    members = [getattr(choice, name) for name in choice.__struct_fields__]
    if sum(isinstance(member, Model) for member in members) != 1:
        raise FieldError(path, "exactly one source is needed")


def _check_source(volume: Volume, path: str, spec: PodSpec) -> None:
    given = [name for name in _SOURCES if getattr(volume, name) is not None]
    if len(given) > 1:
        raise FieldError(path, "may not specify more than 1 volume type")
    if volume.empty_dir and volume.empty_dir.size_limit:
        try:
            parse_bytes(str(volume.empty_dir.size_limit))
        except InvalidError as exc:
            raise FieldError(f"{path}.emptyDir.sizeLimit", exc.message, hint=exc.hint) from exc
    if volume.host_path:
        host = PurePosixPath(volume.host_path.path)
        if not host.is_absolute() or ".." in host.parts or "\0" in volume.host_path.path:
            raise FieldError(f"{path}.hostPath.path", "is not an absolute path without '..'")
    for index, source in enumerate(volume.projected.sources if volume.projected else ()):
        check_one_source(source, f"{path}.projected.sources[{index}]")
    _check_default_mode(volume, path)
    for at, item in _items(volume, path):
        _check_item(item, at, spec)


def _check_default_mode(volume: Volume, path: str) -> None:
    made = {
        "configMap": volume.config_map,
        "secret": volume.secret,
        "downwardAPI": volume.downward_api,
        "projected": volume.projected,
    }
    for name, source in made.items():
        if source and source.default_mode is not None:
            _check_mode(source.default_mode, f"{path}.{name}.defaultMode")


def _check_mode(mode: int, at: str) -> None:
    if not 0 <= mode <= 0o777:
        raise FieldError(at, f"{mode:#o} is not between 0 and 0o777")


def _items(volume: Volume, path: str) -> Iterator[tuple[str, KeyToPath | DownwardAPIVolumeFile]]:
    groups: list[tuple[str, tuple[KeyToPath | DownwardAPIVolumeFile, ...]]] = []
    if volume.config_map:
        groups.append((f"{path}.configMap", volume.config_map.items))
    if volume.secret:
        groups.append((f"{path}.secret", volume.secret.items))
    if volume.downward_api:
        groups.append((f"{path}.downwardAPI", volume.downward_api.items))
    for index, source in enumerate(volume.projected.sources if volume.projected else ()):
        at = f"{path}.projected.sources[{index}]"
        if source.config_map:
            groups.append((f"{at}.configMap", source.config_map.items))
        if source.secret:
            groups.append((f"{at}.secret", source.secret.items))
        if source.downward_api:
            groups.append((f"{at}.downwardAPI", source.downward_api.items))
    for at, items in groups:
        yield from ((f"{at}.items[{index}]", item) for index, item in enumerate(items))


def _check_item(item: KeyToPath | DownwardAPIVolumeFile, at: str, spec: PodSpec) -> None:
    path = PurePosixPath(item.path)
    if path.is_absolute() or not path.parts or ".." in path.parts or "\0" in item.path:
        raise FieldError(f"{at}.path", f"{item.path!r} is not a path below the volume")
    if item.mode is not None:
        _check_mode(item.mode, f"{at}.mode")
    if isinstance(item, DownwardAPIVolumeFile):
        _check_downward(item, at, spec)


def _check_downward(item: DownwardAPIVolumeFile, at: str, spec: PodSpec) -> None:
    field, resource = item.field_ref, item.resource_field_ref
    check_one_source(item, at)
    check_selectors(field, resource, at, spec)
    if resource and not resource.container_name:
        raise FieldError(f"{at}.resourceFieldRef.containerName", "is required in a volume")
    if field and field.field_path in _LATER:
        raise FieldError(
            f"{at}.fieldRef.fieldPath",
            f"{field.field_path} is not known yet when volumes are made",
            hint="use a variable: env[].valueFrom.fieldRef",
        )


def _check_objects(request: PodRequest) -> None:
    namespace = request.pod.metadata.namespace
    groups: tuple[tuple[str, tuple[ConfigMap | Secret, ...]], ...] = (
        ("configMaps", request.config_maps),
        ("secrets", request.secrets),
    )
    for group, objects in groups:
        seen: set[str] = set()
        for index, one in enumerate(objects):
            at = f"{group}[{index}]"
            name = one.metadata.name
            if not name or name in seen:
                raise FieldError(f"{at}.metadata.name", f"{name!r} is empty or there twice")
            if one.metadata.namespace not in ("", namespace):
                raise FieldError(f"{at}.metadata.namespace", f"is not the pod's, {namespace}")
            for key in one.values:
                if not _KEY.fullmatch(key) or key in (".", ".."):
                    raise FieldError(f"{at}.data", f"{key!r} is not a valid key")
            seen.add(name)
