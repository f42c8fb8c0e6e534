"""One run at a time for one fleet, on this machine; Terraform's own lock guards a shared state."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from argoexec_cli.errors import PreconditionError

LOCK_FILE: Final = ".lock"


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Hold the fleet in *directory*, which is made (0700) where it is missing.

    Raises `PreconditionError` at once, naming the pid, when another run holds it. The kernel gives
    it back when the process ends, however it ends; the file stays and means nothing by itself.
    """
    file = _held(directory)
    try:
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(file)


def _held(directory: Path) -> int:
    """Return the locked file, open. A run that ends may have removed the one that we waited for."""
    while True:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(file, directory)
        except BaseException:
            os.close(file)
            raise
        if os.fstat(file).st_nlink:
            return file
        os.close(file)


def _lock(file: int, directory: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        pid = os.pread(file, 32, 0).decode(errors="replace").strip() or "unknown"
        raise PreconditionError(
            f"another run is working on the fleet {directory.name} (pid {pid})",
            hint=f"wait for it, or look at it: ps -p {pid}",
        ) from exc
