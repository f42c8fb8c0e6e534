"""A pod's directories on the host: its emptyDir volumes, made before its first container and
removed after its last.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from argoexec_cli.errors import CapacityError
from argoexec_cli.models.record import PodRequest


class PodDirectories:
    """All pods' directories below one directory of the data directory."""

    def __init__(self, directory: Path) -> None:
        """Use *directory*, which is made when the first pod needs it."""
        self._directory = directory

    async def prepare(self, request: PodRequest) -> dict[str, Path]:
        """Make the pod's volumes and write its files; returns volume name → host path. May be
        repeated.

        Files are only written while they are missing: a pod that is adopted keeps what its
        containers made of them.
        """
        root = self._directory / request.pod.metadata.uid / "volumes"
        volumes = {volume.name: root / volume.name for volume in request.pod.spec.volumes}
        if volumes:
            await asyncio.to_thread(_make, volumes, request)
        return volumes

    async def remove(self, pod_uid: str) -> None:
        """Delete everything of the pod. Unknown: nothing to do."""
        directory = self._directory / pod_uid
        if directory.exists():
            await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)


def _make(volumes: dict[str, Path], request: PodRequest) -> None:
    try:
        for path in volumes.values():
            path.mkdir(mode=0o755, parents=True, exist_ok=True)
            # emptyDir is writable for every user of the pod (core/v1), whatever the daemon's umask.
            path.chmod(0o777)
        for file in request.files:
            target = volumes[file.volume] / file.path
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(file.content, encoding="utf-8", newline="")
                target.chmod(file.mode)
    except OSError as exc:
        raise CapacityError(
            f"cannot make the pod's volumes: {exc}", hint=f"df -h {exc.filename or '.'}"
        ) from exc
