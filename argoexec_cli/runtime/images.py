"""The images on a host, so that unused ones can go: a power that a runtime declares by
`Capabilities.images`.

The runtime only tells and does. Which images may go, and when, is the executor's decision.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol, cast

from argoexec_cli.runtime.base import Runtime, Value


class StoredImage(Value, frozen=True, kw_only=True):
    """An image that is on the host, whoever brought it. `id` is the same as in `base.Image`.

    `in_use`: a container, of anybody and in any state, was made from it.
    """

    id: str
    size_bytes: int = 0
    in_use: bool = False


class Disk(Value, frozen=True, kw_only=True):
    """The file system that holds the images, and what of it an unprivileged user may still fill."""

    path: str
    capacity_bytes: int
    available_bytes: int


class ImageStore(Protocol):
    """What a runtime with `Capabilities.images` implements beside `Runtime`. Each call may be
    repeated. `UnavailableError` when the runtime does not answer.
    """

    async def list_images(self) -> list[StoredImage]:
        """Return every image on the host."""
        ...

    async def remove_image(self, name: str) -> bool:
        """Remove what *name* (as it was pulled, or an id) stands for, and the content that nothing
        else needs. An image with a name that somebody else gave it loses only this one.

        False, and nothing is done, when a container was made from it: never by force. True also
        when it is gone already.
        """
        ...

    async def disk(self) -> Disk | None:
        """Return how full the images' file system is; None where that cannot be seen from here."""
        ...


def image_store_of(runtime: Runtime) -> ImageStore | None:
    """Return the runtime's images; None when it cannot tell of them."""
    return cast("ImageStore", runtime) if runtime.capabilities.images else None


def disk_of(directory: Path | None) -> Disk | None:
    """Return how full the file system of *directory* is; None when that is no
    directory of this machine.
    """
    try:
        figures = os.statvfs(directory) if directory is not None else None
    except OSError:
        return None
    if figures is None:
        return None
    return Disk(
        path=str(directory),
        capacity_bytes=figures.f_blocks * figures.f_frsize,
        available_bytes=figures.f_bavail * figures.f_frsize,
    )
