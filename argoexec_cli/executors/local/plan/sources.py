"""What variables and files of a pod can be made from: ConfigMaps, Secrets, fields of the pod."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

import msgspec

from argoexec_cli.errors import InvalidError, NotFoundError
from argoexec_cli.models.config import ConfigMap, Secret
from argoexec_cli.models.pod import Container, Pod
from argoexec_cli.models.quantity import parse_quantity
from argoexec_cli.models.record import PodRequest
from argoexec_cli.models.sources import (
    EnvFromSource,
    EnvVarSource,
    KeySelector,
    ObjectFieldSelector,
    ResourceFieldSelector,
)

_SUBSCRIPT: Final = re.compile(r"metadata\.(labels|annotations)\['([^']*)'\]")
_FIELDS: Final = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "metadata.labels",
    "metadata.annotations",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.podIP",
    "status.podIPs",
)


class Sources(msgspec.Struct, frozen=True):
    """The pod, what came with it, and where it runs. `room` is what the host has of cpu (cores) and
    memory (bytes): the limit of a container without one.
    """

    pod: Pod
    config_maps: Mapping[str, ConfigMap]
    secrets: Mapping[str, Secret]
    room: Mapping[str, float]
    node_name: str = ""
    pod_ip: str = ""
    host_ip: str = ""

    def config_map(self, name: str, *, optional: bool = False) -> Mapping[str, bytes]:
        """Return a ConfigMap's values; none for an optional one that is not there."""
        return _values(self.config_maps, name, "ConfigMap", optional=optional)

    def _texts(self, name: str, *, optional: bool) -> Mapping[str, bytes]:
        """Return a ConfigMap's values without those of binaryData, which are for files alone."""
        binary = self.config_maps[name].binary_data if name in self.config_maps else {}
        values = self.config_map(name, optional=optional)
        return {key: value for key, value in values.items() if key not in binary}

    def secret(self, name: str, *, optional: bool = False) -> Mapping[str, bytes]:
        """Return a Secret's values; none for an optional one that is not there."""
        return _values(self.secrets, name, "Secret", optional=optional)

    def all_of(self, source: EnvFromSource) -> Mapping[str, bytes]:
        """Return every key of what *source* names that can be in a variable."""
        if ref := source.config_map_ref:
            return self._texts(ref.name, optional=ref.optional)
        if ref := source.secret_ref:
            return self.secret(ref.name, optional=ref.optional)
        return {}

    def value(self, source: EnvVarSource, container: Container) -> str | None:
        """Return a variable's value; None for an optional one that is not there."""
        if field := source.field_ref:
            return self.field(field)
        if resource := source.resource_field_ref:
            return self.resource(resource, container.name)
        if ref := source.config_map_key_ref:
            return _key(self._texts(ref.name, optional=ref.optional), ref, "ConfigMap")
        if ref := source.secret_key_ref:
            return _key(self.secret(ref.name, optional=ref.optional), ref, "Secret")
        return ""

    def field(self, selector: ObjectFieldSelector) -> str:
        """Return a field of the pod, as text."""
        path, meta = selector.field_path, self.pod.metadata
        if match := _SUBSCRIPT.fullmatch(path):
            return (meta.labels if match[1] == "labels" else meta.annotations).get(match[2], "")
        texts = {
            "metadata.name": meta.name,
            "metadata.namespace": meta.namespace,
            "metadata.uid": meta.uid,
            "metadata.labels": _lines(meta.labels),
            "metadata.annotations": _lines(meta.annotations),
            "spec.nodeName": self.node_name,
            "spec.serviceAccountName": "default",
            "status.hostIP": self.host_ip,
        }
        return texts.get(path, self.pod_ip)

    def resource(self, selector: ResourceFieldSelector, name: str = "") -> str:
        """Return a limit or request of the container *name*, in units of the divisor."""
        wanted = selector.container_name or name
        containers = (*self.pod.spec.init_containers, *self.pod.spec.containers)
        resources = next(c.resources for c in containers if c.name == wanted)
        kind, _, resource = selector.resource.partition(".")
        limit = resources.limits.get(resource)
        quantity = resources.requests.get(resource, limit) if kind == "requests" else limit
        if quantity is None:
            quantity = self.room.get(resource, 0) if kind == "limits" else 0
        divisor = parse_quantity(str(selector.divisor or "1")) or parse_quantity("1")
        return str(math.ceil(parse_quantity(str(quantity)) / divisor))


def sources_of(
    request: PodRequest,
    room: Mapping[str, float],
    node_name: str = "",
    pod_ip: str = "",
    host_ip: str = "",
) -> Sources:
    """Return the sources of a request's pod."""
    return Sources(
        pod=request.pod,
        config_maps={one.metadata.name: one for one in request.config_maps},
        secrets={one.metadata.name: one for one in request.secrets},
        room=room,
        node_name=node_name,
        pod_ip=pod_ip,
        host_ip=host_ip,
    )


def is_field(path: str) -> bool:
    """Whether the downward API knows the field."""
    return path in _FIELDS or _SUBSCRIPT.fullmatch(path) is not None


def is_resource(selector: ResourceFieldSelector) -> bool:
    """Whether the downward API knows the resource, and the divisor is more than nothing."""
    kind, _, resource = selector.resource.partition(".")
    try:
        divisor = parse_quantity(str(selector.divisor or "1"))
    except InvalidError:
        return False
    return kind in ("limits", "requests") and resource in ("cpu", "memory") and divisor >= 0


def _values(
    objects: Mapping[str, ConfigMap] | Mapping[str, Secret],
    name: str,
    kind: str,
    *,
    optional: bool,
) -> Mapping[str, bytes]:
    if found := objects.get(name):
        return found.values
    if optional:
        return {}
    raise NotFoundError(
        f'{kind.lower()} "{name}" not found', hint=f"send the {kind} with the pod that needs it"
    )


def _key(values: Mapping[str, bytes], ref: KeySelector, kind: str) -> str | None:
    if (value := values.get(ref.key)) is not None:
        return value.decode("utf-8", "replace")
    if ref.optional:
        return None
    raise NotFoundError(f"couldn't find key {ref.key} in {kind} {ref.name}")


def _lines(values: Mapping[str, str]) -> str:
    """Return a map as the downward API writes it: sorted, each value in quotes."""
    quoted = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
    return "\n".join(f'{key}="{value.translate(quoted)}"' for key, value in sorted(values.items()))
