"""ConfigMaps and Secrets that a submission brings along: each pod gets those that it refers to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from argoexec_cli.controller.documents import Document
from argoexec_cli.models.config import ConfigMap, Secret
from argoexec_cli.models.pod import Container, Pod, Volume

Companion = ConfigMap | Secret


class Companions(NamedTuple):
    """What came beside the pods, each in its namespace."""

    config_maps: tuple[ConfigMap, ...] = ()
    secrets: tuple[Secret, ...] = ()

    def of(self, pod: Pod) -> Companions:
        """Return what *pod* refers to, of its own namespace."""
        wanted = set(_references(pod))
        space = pod.metadata.namespace
        return Companions(
            tuple(one for one in self.config_maps if _is(one, space, wanted)),
            tuple(one for one in self.secrets if _is(one, space, wanted)),
        )


def check_companion(one: Companion, document: Document) -> None:
    """Refuse, with file and line, an object that nobody could refer to."""
    if not one.metadata.name:
        document.refuse("metadata.name", f"metadata.name: a {one.kind} needs a name")


def companions(given: Sequence[Companion]) -> Companions:
    """Sort them by kind."""
    return Companions(
        tuple(one for one in given if isinstance(one, ConfigMap)),
        tuple(one for one in given if isinstance(one, Secret)),
    )


def _is(one: Companion, namespace: str, wanted: set[tuple[str, str]]) -> bool:
    return one.metadata.namespace == namespace and (one.kind, one.metadata.name) in wanted


def _references(pod: Pod) -> Iterator[tuple[str, str]]:
    """Yield kind and name of everything that the pod refers to."""
    spec = pod.spec
    for container in (*spec.init_containers, *spec.containers):
        yield from _of_container(container)
    for volume in spec.volumes:
        yield from _of_volume(volume)
    for ref in spec.image_pull_secrets:
        yield "Secret", ref.name


def _of_container(container: Container) -> Iterator[tuple[str, str]]:
    for source in container.env_from:
        if source.config_map_ref:
            yield "ConfigMap", source.config_map_ref.name
        if source.secret_ref:
            yield "Secret", source.secret_ref.name
    for variable in container.env:
        if value := variable.value_from:
            if value.config_map_key_ref:
                yield "ConfigMap", value.config_map_key_ref.name
            if value.secret_key_ref:
                yield "Secret", value.secret_key_ref.name


def _of_volume(volume: Volume) -> Iterator[tuple[str, str]]:
    if volume.config_map:
        yield "ConfigMap", volume.config_map.name
    if volume.secret:
        yield "Secret", volume.secret.secret_name
    for source in volume.projected.sources if volume.projected else ():
        if source.config_map:
            yield "ConfigMap", source.config_map.name
        if source.secret:
            yield "Secret", source.secret.name
