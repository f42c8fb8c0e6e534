"""What is mounted into volumes, where they are mounted themselves.

The place of an inner mount has to be there already when the outer one is read-only: nobody can make
it then. A kubelet makes it, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

from argoexec_cli.errors import NotFoundError
from argoexec_cli.executors.local.plan.files import is_made, volume_files
from argoexec_cli.executors.local.plan.sources import Sources
from argoexec_cli.executors.local.plan.walk import containers_at
from argoexec_cli.models.pod import Container, Volume, VolumeMount

_NETWORK_FILES: Final = ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf")


def places_in(volume: Volume, sources: Sources) -> dict[str, bool]:
    """Return path → whether it is a file, for all that is mounted below the volume's root where a
    container has the volume read-only.
    """
    volumes = {one.name: one for one in sources.pod.spec.volumes}
    places: dict[str, bool] = {}
    for _, container in containers_at(sources.pod.spec):
        for outer in container.volume_mounts:
            whole = outer.name == volume.name and not (outer.sub_path or outer.sub_path_expr)
            if whole and (outer.read_only or is_made(volume)):
                places |= _below(outer, dict(_targets(container, volumes, sources)))
    return places


def _below(outer: VolumeMount, targets: Mapping[PurePosixPath, bool]) -> dict[str, bool]:
    top = PurePosixPath(outer.mount_path)
    return {
        str(target.relative_to(top)): is_file
        for target, is_file in targets.items()
        if top in target.parents
    }


def _targets(
    container: Container, volumes: Mapping[str, Volume], sources: Sources
) -> Iterator[tuple[PurePosixPath, bool]]:
    yield PurePosixPath(container.termination_message_path), True
    yield from ((PurePosixPath(path), True) for path in _NETWORK_FILES)
    for mount in container.volume_mounts:
        is_file = bool(mount.sub_path) and _is_file(volumes[mount.name], mount.sub_path, sources)
        yield PurePosixPath(mount.mount_path), is_file


def _is_file(volume: Volume, sub_path: str, sources: Sources) -> bool:
    try:
        return str(PurePosixPath(sub_path)) in volume_files(volume, sources)
    except NotFoundError:  # told when that volume is made
        return False
