"""Output parameters: files that a container writes and the executor reads when it has ended.

A file in a volume is read there. Any other is a file of the host, mounted at its path into the one
container that it is asked of: so this works on every runtime, and nothing has to be fetched from a
container. It exists from the start, empty; whether the task wrote it shows in its time.
"""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path, PurePosixPath
from typing import Final

from argoexec_cli.models.pod import Container, VolumeMount
from argoexec_cli.models.record import (
    RESULT_LIMIT_BYTES,
    FileParameter,
    OutputParameter,
    OutputsWanted,
)
from argoexec_cli.runtime.base import ContainerKey, Mount

_UNWRITTEN_NS: Final = 0
"""The time of a file that the task did not touch: opening it to write sets the present."""
_PLACE: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
"""To look at something without opening it: a task may have made a device of the host there."""


class OutputError(Exception):
    """A file that was asked for cannot be returned; the text says which and why."""


class OutputFiles:
    """The files, in each pod's directory, which goes with the pod."""

    def __init__(self, directory: Path) -> None:
        """Use the pods' *directory*."""
        self._directory = directory

    async def mounts(
        self, key: ContainerKey, container: Container, wanted: OutputsWanted
    ) -> tuple[Mount, ...]:
        """Make this attempt's files, and return their mounts; those that are there are kept."""
        places = []
        for number, one in enumerate(wanted.parameters):
            if _covering(container, one.path) is None:
                path = self._path(key, number)
                await asyncio.to_thread(_make, path)
                places.append(Mount(source=str(path), target=one.path))
        return tuple(places)

    async def read(
        self,
        key: ContainerKey,
        container: Container,
        wanted: OutputsWanted,
        volumes: dict[str, Path],
    ) -> tuple[OutputParameter, ...]:
        """Return the parameters of a container that has ended. `OutputError` for the first that
        neither was written nor has a default.
        """
        return await asyncio.to_thread(self._read, key, container, wanted, volumes)

    def _read(
        self,
        key: ContainerKey,
        container: Container,
        wanted: OutputsWanted,
        volumes: dict[str, Path],
    ) -> tuple[OutputParameter, ...]:
        found = []
        for number, one in enumerate(wanted.parameters):
            if (mount := _covering(container, one.path)) is None:
                content = _content(self._path(key, number), "", one, touched=True)
            else:
                below = PurePosixPath(one.path).relative_to(mount.mount_path)
                path = str(PurePosixPath(mount.sub_path) / below)
                content = _content(volumes[mount.name], path, one, touched=False)
            found.append(OutputParameter(name=one.name, value=_value(content, one)))
        return tuple(found)

    def _path(self, key: ContainerKey, number: int) -> Path:
        name = f"{key.container}-{key.attempt}-{number}"
        return self._directory / key.pod_uid / "outputs" / name


def _covering(container: Container, path: str) -> VolumeMount | None:
    """Return the innermost mount of a volume that *path* lies in."""
    inside = [
        mount
        for mount in container.volume_mounts
        if PurePosixPath(path).is_relative_to(mount.mount_path)
    ]
    return max(inside, key=lambda mount: len(PurePosixPath(mount.mount_path).parts), default=None)


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if not path.exists():
        path.touch()
        path.chmod(0o666)  # any user of the container may write to it
        os.utime(path, ns=(_UNWRITTEN_NS, _UNWRITTEN_NS))


def _content(root: Path, path: str, wanted: FileParameter, *, touched: bool) -> bytes | None:
    """Return the file's content, None if it is missing. No link is followed: the task made it."""
    try:
        held = _open(root, path)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise OutputError(f"output parameter {wanted.name}: {wanted.path}: {exc.strerror}") from exc
    try:
        return _regular(held, wanted, touched=touched)
    finally:
        os.close(held)


def _regular(held: int, wanted: FileParameter, *, touched: bool) -> bytes | None:
    state = os.fstat(held)
    where = f"output parameter {wanted.name}: {wanted.path}"
    if not stat.S_ISREG(state.st_mode):
        raise OutputError(f"{where} is not a file")
    if touched and not state.st_size and state.st_mtime_ns == _UNWRITTEN_NS:
        return None
    if state.st_size > RESULT_LIMIT_BYTES + 1:
        raise OutputError(f"{where} has {state.st_size} bytes, more than {RESULT_LIMIT_BYTES}")
    file = os.open(f"/proc/self/fd/{held}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, RESULT_LIMIT_BYTES + 1)
    finally:
        os.close(file)


def _open(root: Path, path: str) -> int:
    held = os.open(root, _PLACE)
    for part in PurePosixPath(path).parts:
        try:
            found = os.open(part, _PLACE, dir_fd=held)
        finally:
            os.close(held)
        held = found
    return held


def _value(content: bytes | None, wanted: FileParameter) -> str:
    if content is not None:
        return content.removesuffix(b"\n").decode("utf-8", "replace")
    if wanted.default is None:
        raise OutputError(f"output parameter {wanted.name}: {wanted.path} was not written")
    return wanted.default
