"""Makes an archive of files here, to be unpacked in a container."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from typing import IO, cast

from argoexec_cli.cli.transfer import BLOCK, Pipe
from argoexec_cli.errors import DeniedError, NotFoundError


class Source:
    """A file or directory here; what a link leads to, if it is one. `NotFoundError`."""

    def __init__(self, path: Path) -> None:
        """Look at it."""
        if not path.exists():
            raise NotFoundError(f"{path} does not exist", hint=f"ls {path.parent}")
        self.name = path.absolute().name
        self.path = path.resolve()
        self.is_directory = self.path.is_dir()


class Packing:
    """An archive of one file, or of a directory with all that is in it, under another name.

    Links in a directory are packed as links. Owners are left out: files belong to whoever unpacks
    them. `total` is about how long the archive will be.
    """

    def __init__(self, source: Source, name: str) -> None:
        """Look at *source*; nothing is read yet."""
        self.source = source
        self._name = name
        self.total = _size(source.path)

    def write(self, out: Pipe) -> None:
        """Write the archive, blocking. `DeniedError` for what cannot be read."""
        path = self.source.path
        try:
            with tarfile.open(
                fileobj=cast("IO[bytes]", out),
                mode="w|",
                format=tarfile.GNU_FORMAT,
                bufsize=BLOCK,
            ) as archive:
                archive.add(path, arcname=self._name, filter=_without_owner)
        except OSError as exc:
            raise DeniedError(
                f"cannot read {exc.filename or path}: {exc.strerror or exc}", hint=f"ls -l {path}"
            ) from exc


def _without_owner(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def _size(source: Path) -> int:
    if not source.is_dir():
        return source.lstat().st_size
    return sum(
        os.lstat(os.path.join(directory, file)).st_size
        for directory, _, files in os.walk(source)
        for file in files
    )
