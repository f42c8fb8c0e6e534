"""A pod's directories on the host: its emptyDir volumes, made before its first container and
removed after its last.
"""

from __future__ import annotations

import asyncio
import errno
import shutil
from pathlib import Path
from typing import Final

from argoexec_cli.errors import ArgoexecError, CapacityError, InvalidError, UnavailableError
from argoexec_cli.models.record import File, PodRequest
from argoexec_cli.runtime.base import Mount, Sandbox

_CONFLICTS: Final = frozenset({errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG})


class PodDirectories:
    """All pods' directories below one directory of the data directory."""

    def __init__(self, directory: Path) -> None:
        """Use *directory*, which is made when the first pod needs it."""
        self._directory = directory

    async def prepare(self, request: PodRequest) -> dict[str, Path]:
        """Make the pod's volumes with its files in them; returns volume name → host path. May be
        repeated.

        They appear all at once, and once: what containers made of them since is left alone, also
        after a restart. `InvalidError`: the files cannot be in one directory.
        """
        made = self._directory / request.pod.metadata.uid / "volumes"
        names = [volume.name for volume in request.pod.spec.volumes]
        if names and not made.exists():
            await asyncio.to_thread(_make, made, names, request.files)
        return {name: made / name for name in names}

    async def network_files(self, sandbox: Sandbox) -> tuple[Mount, ...]:
        """Write the files that describe the pod's network, and return their mounts; none when the
        runtime does that itself. May be repeated.
        """
        if not sandbox.resolv_conf:
            return ()
        directory = self._directory / sandbox.spec.key.pod_uid / "network"
        name = sandbox.hostname or sandbox.spec.hostname
        files = {
            "hosts": f"127.0.0.1\tlocalhost\n::1\tlocalhost\n{sandbox.ip}\t{name}\n",
            "hostname": f"{name}\n",
            "resolv.conf": sandbox.resolv_conf,
        }
        await asyncio.to_thread(_write, directory, files)
        return tuple(Mount(source=str(directory / file), target=f"/etc/{file}") for file in files)

    async def remove(self, pod_uid: str) -> None:
        """Delete everything of the pod. Unknown: nothing to do."""
        directory = self._directory / pod_uid
        if directory.exists():
            await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)


def _make(made: Path, names: list[str], files: tuple[File, ...]) -> None:
    half = made.with_name("volumes.half-made")
    try:
        shutil.rmtree(half, ignore_errors=True)
        for name in names:
            path = half / name
            path.mkdir(mode=0o755, parents=True)
            # emptyDir is writable for every user of the pod (core/v1), whatever the daemon's umask.
            path.chmod(0o777)
        for file in files:
            target = half / file.volume / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(file.content, encoding="utf-8", newline="")
            target.chmod(file.mode)
        half.rename(made)
    except OSError as exc:
        raise _translate(exc, made) from exc


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
        return CapacityError(problem, hint=f"free some space: df -h {made.parent.parent}")
    if exc.errno in _CONFLICTS:
        return InvalidError(f"{problem}: {exc.filename}", hint="two files need the same path")
    return UnavailableError(problem, hint=f"check it: ls -ld {made.parent.parent}")
