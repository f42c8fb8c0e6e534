"""Unpacks an archive that comes from a container, which is not to be trusted."""

from __future__ import annotations

import os
import secrets
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO, cast

from argoexec_cli.cli.transfer import BLOCK, Pipe
from argoexec_cli.errors import (
    ArgoexecError,
    CapacityError,
    DataLossError,
    DeniedError,
    NotFoundError,
)


class Unpacking:
    """Puts what the archive has under *name* to *goal*, and nothing anywhere else.

    No entry is written through a link, and no link is made that leads out of *goal*. Files get
    their names when they are whole. `warnings` tells what was left out; `count` what was not.
    """

    def __init__(self, goal: Path, name: str) -> None:
        """Prepare; nothing is written yet."""
        self._goal = goal
        self._name = name
        self._directories: list[tuple[Path, tarfile.TarInfo]] = []
        self._begun = False
        self.warnings: list[str] = []
        self.count = 0

    def read(self, source: Pipe) -> None:
        """Unpack, blocking. `DataLossError` for an archive that breaks off, `DeniedError` for a
        path that leads elsewhere or may not be written, `CapacityError` for a full disk.
        """
        try:
            stream = cast("IO[bytes]", source)
            with tarfile.open(fileobj=stream, mode="r|", bufsize=BLOCK) as archive:
                for entry in archive:
                    self._take(archive, entry)
            while source.read(BLOCK):
                continue  # what fills its last block
            for path, entry in reversed(self._directories):
                _finish(path, entry)
        except (tarfile.ReadError, EOFError) as exc:
            if self._begun:  # else there is no archive, and its maker has said why
                raise DataLossError("the archive breaks off", hint="copy it again") from exc
        except OSError as exc:
            raise _refused(exc) from exc

    def _take(self, archive: tarfile.TarFile, entry: tarfile.TarInfo) -> None:
        self._begun = True
        path = self._place(entry.name)
        if entry.isdir():
            self._make_directory(path, entry)
        elif entry.isfile():
            content = archive.extractfile(entry)
            assert content is not None  # noqa: S101 - a file has content
            _write(path, entry, content)
        elif entry.issym():
            if not self._leads_inside(path, entry.linkname):
                self.warnings.append(f"{entry.name}, a link to {entry.linkname}")
                return
            _link(lambda new: os.symlink(entry.linkname, new), path)
        elif entry.islnk():
            first = self._place(entry.linkname)
            _link(lambda new: os.link(first, new, follow_symlinks=False), path)
        else:
            self.warnings.append(f"{entry.name}, which is no file, directory or link")
            return
        self.count += 1

    def _make_directory(self, path: Path, entry: tarfile.TarInfo) -> None:
        if path.is_symlink() and path != self._goal:
            path.unlink()
        path.mkdir(mode=0o700, exist_ok=True)
        self._directories.append((path, entry))

    def _place(self, name: str) -> Path:
        """Return where an entry goes. `DeniedError` when that is not below the goal."""
        parts = [part for part in PurePosixPath(name).parts if part != "."]
        if self._name != ".":
            if not parts or parts[0] != self._name:
                raise _elsewhere(name)
            parts = parts[1:]
        if ".." in parts or any(part.startswith("/") for part in parts):
            raise _elsewhere(name)
        path = self._goal
        for part in parts:
            if path != self._goal and path.is_symlink():
                raise _elsewhere(name)
            path = path / part
        return path

    def _leads_inside(self, path: Path, target: str) -> bool:
        if os.path.isabs(target) or path == self._goal:
            return False
        below = os.path.normpath(path.parent.relative_to(self._goal) / target)
        return below != ".." and not below.startswith("../")


def place_here(local: Path, name: str) -> Path:
    """Return where something called *name* goes: below *local* when that is a directory, else
    there. `NotFoundError` when there is no directory to hold it.
    """
    goal = local / name if local.is_dir() else local
    if not goal.absolute().parent.is_dir():
        raise NotFoundError(f"{goal.parent} is no directory", hint=f"mkdir -p {goal.parent}")
    return goal


def _write(path: Path, entry: tarfile.TarInfo, content: IO[bytes]) -> None:
    def write(new: Path) -> None:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            shutil.copyfileobj(content, file, 1 << 20)
            if file.tell() != entry.size:
                raise tarfile.ReadError("unexpected end of data")
        _finish(new, entry)

    _link(write, path)


def _link(make: Callable[[Path], None], path: Path) -> None:
    """Make something under a name of its own, then give it the right one."""
    new = path.parent / f".{path.name[:100]}.{secrets.token_hex(4)}"
    try:
        make(new)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _finish(path: Path, entry: tarfile.TarInfo) -> None:
    """Give permissions, without the bits that lend an owner's rights, and the time."""
    path.chmod(entry.mode & 0o777)
    os.utime(path, (entry.mtime, entry.mtime))


def _elsewhere(name: str) -> DeniedError:
    return DeniedError(
        f"the container's tar wants to write to {name!r}, which is not where it was asked to",
        hint="do not trust this container",
    )


def _refused(exc: OSError) -> ArgoexecError:
    kind = CapacityError if exc.errno in (28, 122) else DeniedError
    return kind(f"cannot write {exc.filename or 'here'}: {exc.strerror}", hint="df -h .; ls -ld .")
