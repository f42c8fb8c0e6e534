"""One of the two files that a container's output goes to, as bytes and nothing else.

The shim copies what comes from the container's pipe; nobody notes a time. The file's own time of
change is a bound: whatever was read before was written no later.
"""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
import signal
from pathlib import Path
from typing import Final

from argoexec_cli.models.logs import LogRun

_READ: Final = 120 * 1024
"""Bytes at a time; two of them are a batch."""
_PIECE: Final = 16 * 1024
"""A line of which so much is there, and no end, is given in pieces."""


class OutputFile:
    """A place in one file. Holds no descriptor between reads, so a thousand readers need none."""

    def __init__(self, path: Path, stream: int, offset: int) -> None:
        """Stand at *offset*."""
        self.path = path
        self.offset = offset
        self._stream = stream
        self._seen = offset

    def read(self, *, final: bool) -> list[LogRun]:
        """Return what comes next: at most the rest of a line, and then whole lines in one run.

        A line that has no end yet is left for later, unless it is long, or *final*: nothing more
        will be written. A file that is gone reads as one at its end: its container was removed.
        """
        # In the event loop, although it is a file: what was just written is in memory, and a thread
        # would take longer.
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return []
        try:
            begin = max(0, self.offset - 1)
            before, buffer = b"\n", os.pread(file, _READ + self.offset - begin, begin)
            time_ns = os.fstat(file).st_mtime_ns
        finally:
            os.close(file)
        if self.offset:
            before, buffer = buffer[:1], buffer[1:]
        self._seen = self.offset + len(buffer)
        pieces = _cut(buffer, within=before != b"\n", final=final and len(buffer) < _READ)
        self.offset += sum(map(len, pieces))
        return [LogRun(time_ns, self._stream, piece) for piece in pieces]

    def has_grown(self) -> bool:
        """Tell whether the file is longer than what `read` saw of it."""
        try:
            return self.path.stat().st_size > self._seen
        except FileNotFoundError:
            return False

    def is_written(self) -> bool:
        """Tell whether somebody has the file open for writing; False where that cannot be known."""
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            # A lease on reading is refused while there is a writer. Should one come now, the signal
            # that asks for the lease back is to be one that is ignored by default.
            fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except OSError as exc:
            return exc.errno == errno.EAGAIN
        finally:
            os.close(file)
        return False


def _cut(buffer: bytes, *, within: bool, final: bool) -> list[bytes]:
    """Cut what can be given into the rest of a line (when we are *within* one) and whole lines."""
    end = buffer.rfind(b"\n") + 1
    all_of_it = final or (not end and len(buffer) >= _PIECE)
    end_of_all = len(buffer) if all_of_it else end
    first = buffer.find(b"\n", 0, end) + 1 if within else 0
    cuts = sorted({0, first, end, end_of_all})
    return [buffer[start:stop] for start, stop in itertools.pairwise(cuts)]
