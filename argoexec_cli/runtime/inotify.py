"""The kernel's inotify(7), as far as it tells once that a file has changed.

Not by a library: the usual ones run `ldconfig` when they are imported, to find what is loaded.
"""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path
from typing import Final

_libc: Final = ctypes.CDLL(None, use_errno=True)
_MODIFY: Final = 0x2
_CLOSE_WRITE: Final = 0x8
_DELETE_SELF: Final = 0x400
_ONESHOT: Final = 0x8000_0000
_EVENT: Final = struct.Struct("=iIII")  # watch, mask, cookie, length of the name that follows
_READ_BYTES: Final = 64 << 10

LOST: Final = -1
"""Stands for watches whose changes came faster than they were read."""


class Inotify:
    """One instance. To be closed."""

    def __init__(self) -> None:
        """Raise `OSError` where the user has too many."""
        self._fd = _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))

    def fileno(self) -> int:
        """Return the descriptor, which can be read when something has changed."""
        return self._fd

    def watch(self, path: Path) -> int:
        """Return the number by which `read` tells, once, that *path* was written, closed by a
        writer, or removed. Raises `OSError`.
        """
        mask = ctypes.c_uint32(_MODIFY | _CLOSE_WRITE | _DELETE_SELF | _ONESHOT)
        return _checked(_libc.inotify_add_watch(self._fd, os.fsencode(path), mask))

    def read(self) -> list[int]:
        """Return the numbers of watches that ended since, some of them twice, or `LOST`."""
        try:
            data = os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            return []
        found, place = [], 0
        while place < len(data):
            number, _, _, length = _EVENT.unpack_from(data, place)
            found.append(number)
            place += _EVENT.size + length
        return found

    def close(self) -> None:
        """End all watches."""
        os.close(self._fd)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
