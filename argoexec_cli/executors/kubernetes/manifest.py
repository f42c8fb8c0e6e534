"""From a request to the objects of the cluster: the pod, and what travels with it. Pure.

ConfigMaps and Secrets get names of their own, which the pod's references follow, so that they never
meet those of the cluster or of other pods. Files become a ConfigMap that is mounted file by file.
"""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple

import msgspec

from argoexec_cli.executors.kubernetes import marks
from argoexec_cli.executors.kubernetes.outfile import ask_for_file
from argoexec_cli.executors.kubernetes.records import main_container
from argoexec_cli.kube.base import Object
from argoexec_cli.kube.resources import CONFIG_MAPS, SECRETS, Resource
from argoexec_cli.models.base import Model, encode_json
from argoexec_cli.models.record import File, PodRequest

_FILES: Final = "argoexec-files"
_BY_NAME: Final = {
    "configMapKeyRef": "ConfigMap",
    "configMapRef": "ConfigMap",
    "configMap": "ConfigMap",
    "secretKeyRef": "Secret",
    "secretRef": "Secret",
    "secret": "Secret",
}


class Travelling(NamedTuple):
    """An object that goes with the pod, and ends with it."""

    resource: Resource
    manifest: Object


class Objects(NamedTuple):
    """The pod's manifest and what travels with it."""

    pod: Object
    others: tuple[Travelling, ...]


def to_objects(request: PodRequest, spec_hash: str, owner: str = "") -> Objects:
    """Return the objects for a request that was accepted by the daemon with the id *owner*."""
    meta = request.pod.metadata
    spec = _plain(request.pod.spec)
    spec.setdefault("restartPolicy", "Never")
    spec["automountServiceAccountToken"] = False
    ask_for_file(spec, request, main_container(request))
    names = _names(request)
    _rename(spec, names)
    others = list(_travelling(request, names))
    if request.files:
        name = own_name(meta.name, "Files", "")
        _mount_files(spec, request.files, name)
        data = {f"f{number}": file.content for number, file in enumerate(request.files)}
        others.append(Travelling(CONFIG_MAPS, {"metadata": {"name": name}, "data": data}))
    annotations = {
        **meta.annotations,
        marks.HASH: spec_hash,
        marks.REQUEST: encode_json(_kept(request)).decode(),
    }
    pod = {
        "metadata": {
            "name": meta.name,
            "namespace": meta.namespace,
            "labels": {**meta.labels, marks.LABEL: "true"}
            | ({marks.OWNER: owner} if owner else {}),
            "annotations": annotations,
        },
        "spec": spec,
    }
    return Objects(pod, tuple(others))


def own_name(pod: str, kind: str, name: str) -> str:
    """Return the name in the cluster of what travels with *pod* as *name*."""
    digest = hashlib.sha256(f"{kind}/{name}".encode()).hexdigest()[:10]
    return f"{pod[:240]}-{digest}"


def owned(manifest: Object, pod: Object) -> Object:
    """Return *manifest* as something that the cluster removes together with *pod*."""
    owner = {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": pod["metadata"]["name"],
        "uid": pod["metadata"]["uid"],
    }
    return manifest | {"metadata": manifest["metadata"] | {"ownerReferences": [owner]}}


def _plain(model: Model) -> Object:
    """Return a model as JSON has it: lists, and bytes in base64."""
    data: Object = msgspec.json.decode(encode_json(model))
    return data


def _kept(request: PodRequest) -> PodRequest:
    """Return what the record needs: no Secret's value is in it."""
    return msgspec.structs.replace(request, files=(), config_maps=(), secrets=())


def _names(request: PodRequest) -> dict[tuple[str, str], str]:
    pod = request.pod.metadata.name
    kinds = [("ConfigMap", one.metadata.name) for one in request.config_maps]
    kinds += [("Secret", one.metadata.name) for one in request.secrets]
    return {(kind, name): own_name(pod, kind, name) for kind, name in kinds}


def _travelling(request: PodRequest, names: dict[tuple[str, str], str]) -> list[Travelling]:
    found = []
    for resource, objects in ((CONFIG_MAPS, request.config_maps), (SECRETS, request.secrets)):
        for one in objects:
            manifest = _plain(one)
            name = names[resource.kind, one.metadata.name]
            manifest["metadata"] = {"name": name}
            found.append(Travelling(resource, manifest))
    return found


def _rename(value: Any, names: dict[tuple[str, str], str]) -> None:
    """Have every reference below *value* to what travels follow its new name."""
    if isinstance(value, list):
        for each in value:
            _rename(each, names)
        return
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        kind = _BY_NAME.get(key)
        if kind and isinstance(inner, dict):
            for field in ("name", "secretName"):
                if (kind, inner.get(field)) in names:
                    inner[field] = names[kind, inner[field]]
        elif key == "imagePullSecrets":
            for each in inner:
                each["name"] = names.get(("Secret", each["name"]), each["name"])
        _rename(inner, names)


def _mount_files(spec: Object, files: tuple[File, ...], name: str) -> None:
    """Mount each file wherever the volume that it belongs to is mounted."""
    items = [
        {"key": f"f{number}", "path": f"f{number}", "mode": file.mode}
        for number, file in enumerate(files)
    ]
    volume = {"name": _FILES, "configMap": {"name": name, "items": items}}
    spec["volumes"] = [*spec.get("volumes", []), volume]
    for group in ("initContainers", "containers"):
        for container in spec.get(group, []):
            container["volumeMounts"] = [
                new
                for mount in container.get("volumeMounts", [])
                for new in _with_files(mount, files)
            ]


def _with_files(mount: Object, files: tuple[File, ...]) -> list[Object]:
    """Return the mounts in place of *mount*: itself, and those of the files below it."""
    found = [mount]
    part = PurePosixPath(mount.get("subPath", ""))
    for number, file in enumerate(files):
        path = PurePosixPath(file.path)
        if file.volume != mount["name"] or not path.is_relative_to(part):
            continue
        own = {"name": _FILES, "subPath": f"f{number}", "readOnly": True}
        rest = path.relative_to(part)
        if rest.parts:
            found.append(own | {"mountPath": str(PurePosixPath(mount["mountPath"]) / rest)})
        else:
            found[0] = own | {"mountPath": mount["mountPath"]}
    return found
