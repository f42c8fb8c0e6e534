"""Going through a pod's containers, with their paths for messages."""

from __future__ import annotations

from collections.abc import Iterator

from argoexec_cli.models.pod import Container, PodSpec


def containers_at(spec: PodSpec) -> Iterator[tuple[str, Container]]:
    """Yield `spec.containers[0]` and the container, the init containers first."""
    for index, container in enumerate(spec.init_containers):
        yield f"spec.initContainers[{index}]", container
    for index, container in enumerate(spec.containers):
        yield f"spec.containers[{index}]", container
