"""Directories that a process has for itself meanwhile; a later one removes those of the killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

# A child of one that was killed may still be about to end.
_LEFT_S: Final = 3600.0


@contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """Give a private directory called *prefix* and something, which is gone afterwards.

    It is locked as long, and so tells whether somebody has it: the kernel takes the lock back
    however a process ends.
    """
    _sweep(prefix)
    with tempfile.TemporaryDirectory(prefix=prefix) as name:
        file = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield Path(name)
        finally:
            os.close(file)


def _sweep(prefix: str) -> None:
    """Remove our directories of that kind that nobody has any more."""
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with suppress(OSError):
            found = left.lstat()
            if found.st_uid == os.geteuid() and time.time() - found.st_mtime > _LEFT_S:
                _remove(left)


def _remove(left: Path) -> None:
    file = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(left)
    finally:
        os.close(file)
