"""From a case to the request that runs its pod, and whether an executor can be asked for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from argoexec_cli.conformance.case import Case
from argoexec_cli.models.base import decode
from argoexec_cli.models.executor import ExecutorInfo
from argoexec_cli.models.pod import Pod
from argoexec_cli.models.record import PodRequest


def to_request(case: Case, namespace: str, image: str) -> PodRequest:
    """Return the request. `FieldError` for a pod that already reading refuses."""
    meta = {"name": case.name, "namespace": namespace} | case.pod.get("metadata", {})
    data = case.pod | {"metadata": meta, "spec": _with_image(case.pod["spec"], image)}
    return PodRequest(
        pod=decode(data, Pod),
        outputs=case.outputs,
        files=case.files,
        config_maps=case.config_maps,
        secrets=case.secrets,
    )


def missing(case: Case, info: ExecutorInfo) -> str:
    """Return what the executor lacks for the case, in words; "" when it can be asked."""
    for need in case.needs:
        if need not in info.capabilities:
            return f"needs {need}"
    if case.expect.refused:
        return ""
    unknown = (path for path in _paths(case.pod["spec"], "spec.") if not _known(path, info))
    path = next(unknown, "")
    return f"has no {path}" if path else ""


def not_granted(case: Case, info: ExecutorInfo) -> str:
    """Return what policy keeps from the case, in words; "" when nothing does."""
    for grant in case.grants:
        if grant not in info.granted:
            return f"policy does not grant {grant}"
    for grant in case.denied:
        if any(one.partition(":")[0] == grant for one in info.granted):
            return f"policy grants {grant}"
    return ""


def _with_image(spec: Mapping[str, Any], image: str) -> dict[str, Any]:
    groups = ("initContainers", "containers")
    return dict(spec) | {
        group: [{"image": image} | container for container in spec[group]]
        for group in groups
        if group in spec
    }


def _known(path: str, info: ExecutorInfo) -> bool:
    """Whether a field is supported: it is listed, or below one that is listed with nothing below
    it, which takes what it is given.
    """
    known = [field.replace("[]", "") for field in info.supported_pod_fields]
    parts = path.replace("[]", "").split(".")
    above = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    listed = next((one for one in above if one in known), "")
    return bool(listed) and (
        listed == ".".join(parts) or not any(one.startswith(f"{listed}.") for one in known)
    )


def _paths(value: object, prefix: str) -> Iterator[str]:
    """Yield the path of every value that is no mapping: `spec.containers[].name`."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _paths(inner, f"{prefix}{key}.")
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        for inner in value:
            yield from _paths(inner, f"{prefix.removesuffix('.')}[].")
    else:
        yield prefix.removesuffix(".")
