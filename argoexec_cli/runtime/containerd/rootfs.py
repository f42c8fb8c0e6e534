"""Reads files of an image without running anything in it."""

from __future__ import annotations

import ctypes
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from argoexec_cli.rpc.gen.containerd.types import mount_pb2

_libc: Final = ctypes.CDLL(None, use_errno=True)
_FLAGS: Final = {
    "ro": 0x1,
    "nosuid": 0x2,
    "nodev": 0x4,
    "noexec": 0x8,
    "bind": 0x1000,
    "rbind": 0x1000 | 0x4000,
    "rw": 0,
}
_DETACH: Final = 2
_LINKS: Final = 16
_FILE_LIMIT: Final = 4 << 20
_LONGEST: Final = 3500
"""The kernel takes a page of options in all; images of many layers need more than that."""


def read_files(
    mounts: Iterable[mount_pb2.Mount], paths: Iterable[str], work: Path
) -> dict[str, str]:
    """Return the texts of the files at *paths* in a root that *mounts* describe; empty where there
    is no file. Mounts it below *work* meanwhile. `OSError`.
    """
    with _mounted(mounts, work) as root:
        return {path: _read(root, path) for path in paths}


def mount(source: str, target: Path, kind: str, options: Iterable[str]) -> None:
    """Mount *source*, with the options that the program mount has. `OSError`."""
    flags, data = 0, []
    for option in options:
        if option in _FLAGS:
            flags |= _FLAGS[option]
        else:
            data.append(option)
    words = (os.fsencode(source), os.fsencode(target), kind.encode())
    if _libc.mount(*words, ctypes.c_ulong(flags), ",".join(data).encode()):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(target))


def unmount(target: Path) -> None:
    """Unmount what is at *target*, when something is; it stays until nobody uses it any more."""
    while _libc.umount2(os.fsencode(target), _DETACH) == 0:
        pass


@contextmanager
def _mounted(mounts: Iterable[mount_pb2.Mount], work: Path) -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(dir=work))
    root = place / "root"
    root.mkdir()
    try:
        for one in mounts:
            mount(one.source, root, one.type, _shortened(list(one.options), place))
        yield root
    finally:
        unmount(root)
        shutil.rmtree(place, ignore_errors=True)


def _shortened(options: list[str], place: Path) -> list[str]:
    """Name many layers by short links."""
    if sum(map(len, options)) < _LONGEST:
        return options
    name = "lowerdir="
    layers = next(one for one in options if one.startswith(name)).removeprefix(name).split(":")
    for number, layer in enumerate(layers):
        (place / str(number)).symlink_to(layer)
    links = ":".join(str(place / str(number)) for number in range(len(layers)))
    return [one for one in options if not one.startswith(name)] + [name + links]


def _read(root: Path, path: str) -> str:
    found = _resolve(root, path)
    if found is None or not found.is_file() or found.stat().st_size > _FILE_LIMIT:
        return ""
    return found.read_text(encoding="utf-8", errors="replace")


def _resolve(root: Path, path: str) -> Path | None:
    """Follow *path* and its links as a process would whose root is *root*; None: nothing there."""
    left, here, links = list(PurePosixPath(path).parts), root, 0
    while left:
        part = left.pop(0)
        if part == "/":
            here = root
        elif part == "..":
            here = here if here == root else here.parent
        elif (here / part).is_symlink():
            links += 1
            if links > _LINKS:
                return None
            left = [*PurePosixPath(os.readlink(here / part)).parts, *left]
        else:
            here = here / part
            if not here.exists():
                return None
    return here
