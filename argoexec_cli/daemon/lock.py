"""One daemon for one data directory: the pid file, which is also the lock."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from argoexec_cli.errors import DeniedError, PreconditionError

PID_FILE: Final = "daemon.pid"


@contextmanager
def claimed(data_dir: Path, who: str = "daemon") -> Iterator[Path]:
    """Hold *data_dir*, making it (mode 0700) where it is missing; yield the pid file.

    The kernel gives the lock back when the process ends, however it ends, so a pid file that was
    left behind means nothing. Raises `PreconditionError` naming the pid of the one that has it.
    *who* we are says how that one is stopped.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = data_dir / PID_FILE
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        text = f"cannot use the data directory {data_dir}: {exc.strerror}"
        kind = DeniedError if isinstance(exc, PermissionError) else PreconditionError
        raise kind(text, hint="choose another one with --data-dir") from exc
    try:
        _lock(file, data_dir, who)
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        # It stays behind: whoever opens it meanwhile must lock this very file, and whoever asks who
        # runs must not hear "nobody" before the lock is free.
        yield path
    finally:
        os.close(file)


def running_pid(data_dir: Path) -> int | None:
    """Return the pid of the daemon that holds *data_dir*, or None when nobody does."""
    try:
        file = os.open(data_dir / PID_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _pid(file)
    else:
        return None
    finally:
        os.close(file)


def _lock(file: int, data_dir: Path, who: str) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        pid = _pid(file)
        stop = f"argoexec serve --stop --data-dir {data_dir}" if who == "daemon" else f"kill {pid}"
        raise PreconditionError(
            f"the data directory {data_dir} is in use by the {who} with pid {pid or 'unknown'}",
            hint=f"{stop}, or choose another --data-dir",
        ) from exc


def _pid(file: int) -> int | None:
    text = os.pread(file, 32, 0).strip()
    return int(text) if text.isdigit() else None
