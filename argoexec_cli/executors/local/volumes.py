"""What a pod has on the host: its volumes and the files that describe its network. They are made
before its first container and removed after its last.

    <uid>/volumes/<name>            a volume on the disk
    <uid>/volumes.kept              the same, since a restart of the host until it is needed
    <uid>/mounts/volume-<name>      a volume in memory, or a path of the host
    <uid>/mounts/<container>-<n>    a part of a volume, for a subPath
    <uid>/mounts/secrets            the Secrets themselves, for a daemon that is started again
    <uid>/network                   hosts, hostname, resolv.conf
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from argoexec_cli.errors import (
    ArgoexecError,
    CapacityError,
    InvalidError,
    NotFoundError,
    UnavailableError,
)
from argoexec_cli.executors.local.mounting import (
    Make,
    bind_below,
    mount_memory,
    remove_directory,
    remove_others,
    unmount,
    unmount_all,
)
from argoexec_cli.executors.local.plan.dns import names_of, resolv_conf
from argoexec_cli.executors.local.plan.files import VolumeFile, is_made, is_memory, volume_files
from argoexec_cli.executors.local.plan.nesting import places_in
from argoexec_cli.executors.local.plan.sources import Sources
from argoexec_cli.models.pod import Container, HostPathVolumeSource, Pod, PodSpec, Volume
from argoexec_cli.models.quantity import parse_bytes
from argoexec_cli.models.record import PodRequest
from argoexec_cli.runtime.base import Mount, Sandbox

_log = logging.getLogger(__name__)
_RESOLV_CONF: Final = Path("/etc/resolv.conf")
_KEPT: Final = "volumes.kept"
_CONFLICTS: Final = frozenset({errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG})


class PodDirectories:
    """All pods' directories below one directory of the data directory."""

    def __init__(self, directory: Path, host_paths: tuple[str, ...] = ()) -> None:
        """Use *directory*, which is made when the first pod needs it. *host_paths* are those below
        which policy lets pods mount.
        """
        self._directory = directory
        self._host_paths = host_paths

    async def prepare(self, request: PodRequest, sources: Sources) -> dict[str, Path]:
        """Make the pod's volumes with their files in them; returns volume name → host path. May be
        repeated.

        They appear once: what containers made of them since is left alone, also after a restart;
        those in memory are made anew after one of the host.
        `NotFoundError`: a ConfigMap or Secret is not there. `InvalidError`: the files cannot be in
        one directory.
        """
        volumes = request.pod.spec.volumes
        if not volumes:
            return {}
        root = self._directory / request.pod.metadata.uid
        if not (root / "volumes").exists():
            await asyncio.to_thread(_make, root, request, sources, self._host_paths)
        return {one.name: _path(root, one) for one in volumes}

    async def mounts(
        self, pod: Pod, container: Container, volumes: dict[str, Path]
    ) -> tuple[Mount, ...]:
        """Return the container's mounts of *volumes*, the outer before the inner.

        `InvalidError` for a subPath that leads out of its volume.
        """
        read_only = {one.name for one in pod.spec.volumes if is_made(one)}
        directory = self._directory / pod.metadata.uid / "mounts"
        mounts = []
        for index, mount in enumerate(container.volume_mounts):
            source = volumes[mount.name]
            if mount.sub_path:
                part = directory / f"{container.name}-{index}"
                await asyncio.to_thread(bind_below, source, mount.sub_path, part)
                source = part
            mounts.append(
                Mount(
                    source=str(source),
                    target=mount.mount_path,
                    read_only=mount.read_only or mount.name in read_only,
                )
            )
        return tuple(sorted(mounts, key=lambda mount: len(PurePosixPath(mount.target).parts)))

    async def network_files(self, spec: PodSpec, sandbox: Sandbox) -> tuple[Mount, ...]:
        """Write the files that describe the pod's network, and return their mounts; none when the
        runtime does that itself. May be repeated.
        """
        usual = sandbox.resolv_conf or await asyncio.to_thread(_host_resolv_conf)
        servers = resolv_conf(spec, usual) or sandbox.resolv_conf
        if not servers:
            return ()
        directory = self._directory / sandbox.spec.key.pod_uid / "network"
        files = {**names_of(sandbox), "resolv.conf": servers}
        if not sandbox.resolv_conf:  # the others are the runtime's
            files = {"resolv.conf": servers}
        await asyncio.to_thread(_write, directory, files)
        return tuple(Mount(source=str(directory / file), target=f"/etc/{file}") for file in files)

    async def forget_mounts(self, pod_uid: str) -> None:
        """Have `prepare` mount anew what was mounted before the host was restarted: the places are
        empty now, and would be taken for it. Repeatable.
        """
        await asyncio.to_thread(_forget_mounts, self._directory / pod_uid)

    async def remove(self, pod_uid: str) -> None:
        """Delete everything of the pod. Unknown: nothing to do."""
        directory = self._directory / pod_uid
        if directory.exists():
            await asyncio.to_thread(remove_directory, directory)

    async def remove_others(self, pod_uids: Collection[str]) -> None:
        """Delete what belongs to none of these pods: a crash came before they were accepted."""
        await asyncio.to_thread(remove_others, self._directory, pod_uids)


def _make(root: Path, request: PodRequest, sources: Sources, host_paths: tuple[str, ...]) -> None:
    """Make all volumes; or only what is mounted, where those on the disk are kept."""
    kept, half = root / _KEPT, root / "volumes.half-made"
    try:
        if has_kept := kept.exists():
            half = kept
        else:
            shutil.rmtree(half, ignore_errors=True)
            half.mkdir(mode=0o755, parents=True)
        for volume in request.pod.spec.volumes:
            if volume.host_path:
                _bind_host_path(volume.host_path, host_paths, _place(root, volume))
            elif is_memory(volume):
                _make_one(_memory(root, volume), volume, request, sources)
            elif not has_kept:
                _make_one(half / volume.name, volume, request, sources)
        half.rename(root / "volumes")
    except OSError as exc:
        raise _translate(exc, root) from exc


def _make_one(path: Path, volume: Volume, request: PodRequest, sources: Sources) -> None:
    files = volume_files(volume, sources)
    files |= {
        file.path: VolumeFile(file.content.encode(), file.mode)
        for file in request.files
        if file.volume == volume.name
    }
    _fill(path, files, mode=0o755 if is_made(volume) else 0o777)
    _make_places(path, places_in(volume, sources))
    if (group := request.pod.spec.security_context.fs_group) is not None:
        _give_to_group(path, group)


def _forget_mounts(root: Path) -> None:
    unmount_all(root / "mounts")
    if (root / "volumes").exists():
        (root / "volumes").rename(root / _KEPT)


def _memory(root: Path, volume: Volume) -> Path:
    """Mount a volume's memory, a new one if there is one that is half filled."""
    path = _place(root, volume)
    if path.exists():
        unmount(path)
    limit = volume.empty_dir.size_limit if volume.empty_dir else None
    mount_memory(path, size_bytes=parse_bytes(str(limit)) if limit else 0)
    return path


def _place(root: Path, volume: Volume) -> Path:
    return root / "mounts" / f"volume-{volume.name}"


def _path(root: Path, volume: Volume) -> Path:
    if volume.host_path or is_memory(volume):
        return _place(root, volume)
    return root / "volumes" / volume.name


def _bind_host_path(source: HostPathVolumeSource, granted: tuple[str, ...], place: Path) -> None:
    """Bind a path of the host, as it is below what policy grants: no link that a task left there
    leads elsewhere. The type says what has to be there, or is made (core/v1 HostPathType).
    """
    path = PurePosixPath(source.path)
    top = next(one for one in granted if path.is_relative_to(one))
    kind = "file" if source.type.startswith("File") else "directory"
    make: Make = ""
    if source.type.endswith("OrCreate"):
        make = "file" if kind == "file" else "directory"
    try:
        below = str(path.relative_to(top))
        bind_below(Path(top).resolve(), below, place, make=make, mode=0o755)
    except InvalidError as exc:
        raise _wrong_host_path(source, kind, exc.message) from exc
    if source.type and not (place.is_file() if kind == "file" else place.is_dir()):
        raise _wrong_host_path(source, kind, f"{source.path} is not a {kind}")


def _wrong_host_path(source: HostPathVolumeSource, kind: str, problem: str) -> NotFoundError:
    return NotFoundError(
        f"hostPath type check failed: {problem}", hint=f"look at it: ls -ld {source.path}"
    )


def _give_to_group(path: Path, group: int) -> None:
    """Have the group own a volume, and read and write in it (core/v1 fsGroup)."""
    for one in (path, *path.rglob("*")):
        os.chown(one, -1, group)
        mode = one.stat().st_mode & 0o777
        one.chmod(mode | 0o2070 if one.is_dir() else mode | 0o040)


def _fill(path: Path, files: dict[str, VolumeFile], *, mode: int) -> None:
    path.mkdir(mode=0o755, parents=True, exist_ok=True)
    # emptyDir is writable for every user of the pod (core/v1), whatever the daemon's umask.
    path.chmod(mode)
    for name, file in files.items():
        target = path / name
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        target.write_bytes(file.content)
        target.chmod(file.mode)


def _make_places(path: Path, places: Mapping[str, bool]) -> None:
    for name, is_file in places.items():
        place = path / name
        if place.exists():
            continue
        place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        if is_file:
            place.touch(mode=0o644)
        else:
            place.mkdir(mode=0o755)


def _host_resolv_conf() -> str:
    try:
        return _RESOLV_CONF.read_text(encoding="utf-8", errors="replace")
    except OSError:  # a host without name servers
        return ""


def _write(directory: Path, files: dict[str, str]) -> None:
    try:
        directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        for name, content in files.items():
            (directory / name).write_text(content, encoding="utf-8")
    except OSError as exc:
        raise _translate(exc, directory) from exc


def _translate(exc: OSError, made: Path) -> ArgoexecError:
    problem = f"cannot make the pod's files: {exc.strerror}"
    if exc.errno in (errno.ENOSPC, errno.EDQUOT):
        return CapacityError(problem, hint=f"free some space: df -h {made.parent}")
    if exc.errno in _CONFLICTS:
        return InvalidError(f"{problem}: {exc.filename}", hint="two files need the same path")
    return UnavailableError(problem, hint=f"check it: ls -ld {made.parent}")
