"""Reads the file of Docker's `local` log driver, piece by piece."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from argoexec_cli.runtime.base import LogBatch
from argoexec_cli.runtime.docker.frames import parse_frames, skip_frames
from argoexec_cli.runtime.docker.position import Position

_READ: Final = 128 * 1024
"""Bytes at a time: takes the event loop about 3 ms, and a quarter more barely raises the rate."""


class FileLog:
    """A place in one log file.

    Holds no descriptor between reads, so a thousand idle readers need none.
    """

    def __init__(self, path: Path, position: Position) -> None:
        """Begin at *position*; when that came from the API, the first read looks for its byte."""
        self.path = path
        self._entries, self._offset = position
        self._seen = 0

    def read(self, *, final: bool) -> LogBatch | None:
        """Return the next entries, None when there are none (yet). *final*.

        Nothing will be written any more.

        A file that is gone reads as one at its end: with its container, the log was removed.
        """
        if self._offset < 0:
            self._find_offset()
        buffer = self._load()
        self._seen = self._offset + len(buffer)
        runs, used = parse_frames(buffer, final=final)
        if not runs:
            return None
        self._entries += len(runs)
        self._offset += used
        return LogBatch(runs, str(Position(self._entries, self._offset)))

    def has_grown(self) -> bool:
        """Tell whether the file is longer than what `read` saw of it."""
        try:
            return self.path.stat().st_size > self._seen
        except OSError:
            return False

    def _find_offset(self) -> None:
        self._offset, left = 0, self._entries
        while left:
            count, used = skip_frames(self._load(), left)
            if not count:
                break
            left -= count
            self._offset += used

    def _load(self) -> bytes:
        # In the event loop, although it is a file: what was just written is in memory, and a thread
        # would take longer.
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return b""
        try:
            return os.pread(descriptor, _READ, self._offset)
        finally:
            os.close(descriptor)
