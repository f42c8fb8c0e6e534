"""The files of volumes that are made from something: configMap, secret, downwardAPI, projected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from argoexec_cli.errors import NotFoundError
from argoexec_cli.executors.local.plan.sources import Sources
from argoexec_cli.models.pod import Volume
from argoexec_cli.models.sources import DownwardAPIVolumeFile, KeyToPath, VolumeProjection

_MODE: Final = 0o644


class VolumeFile(NamedTuple):
    """A file below the volume's root."""

    content: bytes
    mode: int


def is_made(volume: Volume) -> bool:
    """Whether the volume has files that are made here. Such a volume is read-only."""
    sources = (volume.config_map, volume.secret, volume.downward_api, volume.projected)
    return any(source is not None for source in sources)


def is_memory(volume: Volume) -> bool:
    """Whether the volume must not touch a disk."""
    if volume.projected:
        return any(one.secret for one in volume.projected.sources)
    empty = volume.empty_dir
    return volume.secret is not None or (empty is not None and empty.medium == "Memory")


def volume_files(volume: Volume, sources: Sources) -> dict[str, VolumeFile]:
    """Return path → file. `NotFoundError` for what is not there and not optional."""
    files: dict[str, VolumeFile] = {}
    if one := volume.config_map:
        values = sources.config_map(one.name, optional=one.optional)
        files.update(_chosen(values, one.items, _mode(one.default_mode), optional=one.optional))
    if secret := volume.secret:
        values = sources.secret(secret.secret_name, optional=secret.optional)
        mode = _mode(secret.default_mode)
        files.update(_chosen(values, secret.items, mode, optional=secret.optional))
    if downward := volume.downward_api:
        files.update(_downward(downward.items, _mode(downward.default_mode), sources))
    if projected := volume.projected:
        for source in projected.sources:
            files.update(_projected(source, _mode(projected.default_mode), sources))
    return files


def _projected(
    source: VolumeProjection, mode: int, sources: Sources
) -> Iterator[tuple[str, VolumeFile]]:
    if one := source.config_map:
        values = sources.config_map(one.name, optional=one.optional)
        yield from _chosen(values, one.items, mode, optional=one.optional)
    if one := source.secret:
        values = sources.secret(one.name, optional=one.optional)
        yield from _chosen(values, one.items, mode, optional=one.optional)
    if downward := source.downward_api:
        yield from _downward(downward.items, mode, sources)


def _chosen(
    values: Mapping[str, bytes], items: tuple[KeyToPath, ...], mode: int, *, optional: bool
) -> Iterator[tuple[str, VolumeFile]]:
    if not items:
        yield from ((key, VolumeFile(value, mode)) for key, value in values.items())
    for item in items:
        if item.key in values:
            own = mode if item.mode is None else item.mode
            yield item.path, VolumeFile(values[item.key], own)
        elif not optional:
            raise NotFoundError(f"references non-existent config key: {item.key}")


def _downward(
    items: tuple[DownwardAPIVolumeFile, ...], mode: int, sources: Sources
) -> Iterator[tuple[str, VolumeFile]]:
    for item in items:
        text = ""
        if item.field_ref:
            text = sources.field(item.field_ref)
        elif item.resource_field_ref:
            text = sources.resource(item.resource_field_ref)
        yield item.path, VolumeFile(text.encode(), mode if item.mode is None else item.mode)


def _mode(mode: int | None) -> int:
    return _MODE if mode is None else mode
