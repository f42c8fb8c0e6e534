"""The ConfigMaps and Secrets that a task's pod refers to: they travel with it, as an executor
elsewhere cannot read them in the cluster.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from argoexec_cli.errors import NotFoundError
from argoexec_cli.kube.base import Kube, Object
from argoexec_cli.kube.resources import CONFIG_MAPS, SECRETS, Resource
from argoexec_cli.models.base import decode, encode
from argoexec_cli.models.config import ConfigMap, Secret
from argoexec_cli.models.record import PodRequest

_KINDS: Final[dict[str, Resource]] = {
    "configMap": CONFIG_MAPS,
    "configMapRef": CONFIG_MAPS,
    "configMapKeyRef": CONFIG_MAPS,
    "secret": SECRETS,
    "secretRef": SECRETS,
    "secretKeyRef": SECRETS,
}


async def attach(kube: Kube, request: PodRequest) -> PodRequest:
    """Return *request* with what its pod refers to, read in its namespace.

    What does not exist is left out: whether it has to be there, the executor knows. `DeniedError`
    names the rule that is missing.
    """
    wanted = sorted(set(references(encode(request.pod.spec))))
    if not wanted:
        return request
    namespace = request.pod.metadata.namespace
    found = []
    for kind, name in wanted:
        try:
            found.append((kind, await kube.get(_KINDS[kind], name, namespace)))
        except NotFoundError:
            continue
    return msgspec.structs.replace(
        request,
        config_maps=tuple(decode(_plain(one), ConfigMap) for kind, one in found if kind == _CM),
        secrets=tuple(decode(_plain(one), Secret) for kind, one in found if kind != _CM),
    )


_CM: Final = "configMap"


def references(value: object) -> Iterator[tuple[str, str]]:
    """Yield ("configMap" or "secret", name) for everything that a pod's spec refers to."""
    if isinstance(value, list | tuple):
        for one in value:
            yield from references(one)
    if not isinstance(value, dict):
        return
    for key, one in value.items():
        if key in _KINDS and isinstance(one, dict):
            name = one.get("secretName") or one.get("name")
            if isinstance(name, str) and name:
                yield (_CM if _KINDS[key] == CONFIG_MAPS else "secret"), name
        yield from references(one)


def _plain(found: Object) -> dict[str, Any]:
    kept = ("data", "binaryData", "type", "immutable")
    plain = {key: found[key] for key in kept if found.get(key) is not None}
    return plain | {"metadata": {"name": found["metadata"]["name"]}}
