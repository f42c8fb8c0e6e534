"""ConfigMaps and Secrets that come beside pods and runs: each pod gets those that it refers to."""

from collections.abc import Iterator, Sequence
from typing import Final

from argoexec_cli.models.base import Model, encode_json
from argoexec_cli.models.config import ConfigMap, Secret
from argoexec_cli.models.pod import Container, Pod, Volume

Companion = ConfigMap | Secret


class Companions(Model):
    """What came beside the pods, each in its namespace (an empty one: whichever the pod has)."""

    config_maps: tuple[ConfigMap, ...] = ()
    secrets: tuple[Secret, ...] = ()

    def of(self, pod: Pod) -> "Companions":
        """Return what *pod* refers to, of its own namespace."""
        wanted = set(_references(pod))
        space = pod.metadata.namespace
        return Companions(
            tuple(one for one in self.config_maps if _is(one, space, wanted)),
            tuple(one for one in self.secrets if _is(one, space, wanted)),
        )

    @property
    def hash(self) -> str:
        """Equal for equal objects; empty when there are none."""
        if not (self.config_maps or self.secrets):
            return ""
        import hashlib  # most pods need none, and it loads a large library

        return hashlib.sha256(encode_json(self)).hexdigest()[:32]


NOTHING: Final = Companions()


def companions(given: Sequence[Companion]) -> Companions:
    """Sort them by kind."""
    return Companions(
        tuple(one for one in given if isinstance(one, ConfigMap)),
        tuple(one for one in given if isinstance(one, Secret)),
    )


def _is(one: Companion, namespace: str, wanted: set[tuple[str, str]]) -> bool:
    space = one.metadata.namespace
    return space in ("", namespace) and (one.kind, one.metadata.name) in wanted


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
