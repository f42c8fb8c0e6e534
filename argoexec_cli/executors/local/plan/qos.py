"""A pod's class of service (core/v1 PodQOSClass), from its limits and requests."""

from __future__ import annotations

from collections.abc import Mapping

from argoexec_cli.models.pod import Container, PodSpec
from argoexec_cli.models.quantity import parse_quantity


def qos_class(spec: PodSpec) -> str:
    """Return Guaranteed, Burstable or BestEffort, as the kubelet does."""
    containers = (*spec.init_containers, *spec.containers)
    if not any(_nonzero(c.resources.limits) or _nonzero(c.resources.requests) for c in containers):
        return "BestEffort"
    return "Guaranteed" if all(map(_is_guaranteed, containers)) else "Burstable"


def _is_guaranteed(container: Container) -> bool:
    limits = _nonzero(container.resources.limits)
    requests = limits | _nonzero(container.resources.requests)
    return limits.keys() >= {"cpu", "memory"} and requests == limits


def _nonzero(quantities: Mapping[str, str | int | float]) -> dict[str, object]:
    parsed = {name: parse_quantity(str(value)) for name, value in quantities.items()}
    return {name: value for name, value in parsed.items() if value}
