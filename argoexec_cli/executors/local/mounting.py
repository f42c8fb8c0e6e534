"""Mounts of the host that a pod needs: directories in memory, and parts of volumes held fast."""

from __future__ import annotations

import ctypes
import errno
import logging
import os
import shutil
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Final, Literal

from argoexec_cli.errors import ArgoexecError, InvalidError, PreconditionError, UnavailableError

Make = Literal["", "directory", "file"]
_log = logging.getLogger(__name__)
_libc: Final = ctypes.CDLL(None, use_errno=True)
_NOSUID_NODEV: Final = 0x2 | 0x4
_BIND: Final = 0x1000
_RECURSIVE: Final = 0x4000
_SLAVE: Final = 1 << 19
_DETACH: Final = 0x2
_NOFOLLOW: Final = 0x8


def mount_memory(target: Path, *, size_bytes: int = 0, mode: int = 0o700) -> None:
    """Mount a new tmpfs at *target*, which is made. `PreconditionError` when we may not mount."""
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    options = f"mode={mode:o}" + (f",size={size_bytes}" if size_bytes else "")
    _mount(b"tmpfs", target, b"tmpfs", _NOSUID_NODEV, options)


def bind_below(
    root: Path, sub_path: str, target: Path, *, make: Make = "directory", mode: int = 0o750
) -> None:
    """Bind what is at *sub_path* below *root* to *target*, with what is mounted below it, making
    directories (and, with *make* file, an empty file) that are not there; done already when
    something is mounted at *target*: one that is only there is left of a try that failed.

    No link is followed, and what is found is held while it is bound: whatever the task does in its
    volume meanwhile, nothing outside it is bound. `InvalidError` for a link or a file in the way,
    or nothing there.
    """
    if os.path.lexists(target) and _mount_id(target) != _mount_id(target.parent):
        return
    found = _open_below(root, sub_path, make, mode)
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if stat.S_ISDIR(os.fstat(found).st_mode):
            target.mkdir(exist_ok=True)
        else:
            target.touch()
        _mount(f"/proc/self/fd/{found}".encode(), target, b"none", _BIND | _RECURSIVE, "")
        # Or unmounting the copy would unmount what is below the original.
        _mount(b"none", target, b"none", _SLAVE | _RECURSIVE, "")
    finally:
        os.close(found)


def unmount(place: Path) -> None:
    """Unmount what is at *place*, and remove the empty place."""
    while _libc.umount2(os.fsencode(place), _DETACH | _NOFOLLOW) == 0:
        pass
    if place.is_dir():
        place.rmdir()
    else:
        place.unlink()


def unmount_all(directory: Path) -> None:
    """Unmount everything right below *directory* and remove the empty places; nothing that was
    mounted is deleted.
    """
    for place in directory.iterdir() if directory.exists() else ():
        unmount(place)


def remove_directory(directory: Path) -> None:
    """Unmount everything right below its `mounts`, then delete all of it."""
    try:
        unmount_all(directory / "mounts")
    except OSError as exc:  # what is still mounted is not ours to delete
        _log.warning("%s stays: %s", directory, exc.strerror)
        return
    shutil.rmtree(directory, ignore_errors=True)


def remove_others(directory: Path, kept: Collection[str]) -> None:
    """Remove, as `remove_directory` does, everything in *directory* but what is *kept*."""
    found = os.listdir(directory) if directory.exists() else []
    for name in set(found) - set(kept):
        remove_directory(directory / name)


def _mount_id(path: Path) -> str:
    held = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        lines = Path(f"/proc/self/fdinfo/{held}").read_text(encoding="ascii").splitlines()
    finally:
        os.close(held)
    return next(line for line in lines if line.startswith("mnt_id:"))


def _open_below(root: Path, sub_path: str, make: Make, mode: int) -> int:
    """Open *sub_path* as it is now (O_PATH), component by component."""
    flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
    held = os.open(root, flags | os.O_DIRECTORY)
    try:
        parts = Path(sub_path).parts
        for number, part in enumerate(parts, start=1):
            try:
                found = os.open(part, flags, dir_fd=held)
            except FileNotFoundError:
                if not make:
                    raise
                _make(part, held, mode, file=make == "file" and number == len(parts))
                found = os.open(part, flags, dir_fd=held)
            os.close(held)
            held = found
            if stat.S_ISLNK(os.fstat(held).st_mode):
                raise InvalidError(f"{sub_path!r} leads through a link", hint="remove it")
    except OSError as exc:
        os.close(held)
        raise InvalidError(f"{sub_path!r}: {exc.strerror}", hint="look at it") from exc
    except InvalidError:
        os.close(held)
        raise
    return held


def _make(name: str, directory: int, mode: int, *, file: bool) -> None:
    if file:
        flags = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        os.close(os.open(name, flags, 0o644, dir_fd=directory))
    else:
        os.mkdir(name, mode, dir_fd=directory)


def _mount(source: bytes, target: Path, kind: bytes, flags: int, options: str) -> None:
    if _libc.mount(source, os.fsencode(target), kind, ctypes.c_ulong(flags), options.encode()):
        raise _translate(ctypes.get_errno(), target)


def _translate(number: int, target: Path) -> ArgoexecError:
    problem = f"cannot mount {target}: {os.strerror(number)}"
    if number in (errno.EPERM, errno.EACCES):
        return PreconditionError(problem, hint="run the daemon as root")
    return UnavailableError(problem, hint=f"look at it: findmnt {target.parent}")
