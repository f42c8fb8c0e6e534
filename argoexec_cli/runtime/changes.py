"""Tells when a file grows: one inotify instance for all files, armed only while somebody waits."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Final, Self

from argoexec_cli.runtime.inotify import LOST, Inotify

_log = logging.getLogger(__name__)

_POLL_S: Final = 0.25


class FileChanges:
    """Use as a context manager around `run`, which must be running."""

    def __init__(self) -> None:
        """Make the inotify instance; `run` reads it."""
        self._inotify = Inotify()
        self._watched: dict[int, Path] = {}
        self._waiting: dict[Path, asyncio.Future[None]] = {}
        self._has_warned = False

    def __enter__(self) -> Self:
        """Do nothing: the instance is there."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the instance; futures that were given stay pending."""
        self._inotify.close()

    def next(self, path: Path) -> asyncio.Future[None]:
        """Return a future of the next change or end of *path*, counted from this call.

        That a writer has closed it is a change, too.

        Armed for one change: a file that is written all the time costs nothing while its reader is
        busy elsewhere. The future is shared by all who wait for the path: never cancel it.
        """
        future = self._waiting.get(path)
        if future is None:
            future = asyncio.get_running_loop().create_future()
            self._waiting[path] = future
            self._arm(path)
        return future

    async def run(self) -> None:
        """Pass changes on, for ever."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._inotify.fileno(), self._read)
        try:
            await loop.create_future()
        finally:
            loop.remove_reader(self._inotify.fileno())

    def _read(self) -> None:
        for number in self._inotify.read():
            if number == LOST:
                self._watched.clear()
                for lost in list(self._waiting):
                    self._fire(lost)
            elif path := self._watched.pop(number, None):
                self._fire(path)

    def _arm(self, path: Path) -> None:
        try:
            self._watched[self._inotify.watch(path)] = path
        except OSError as exc:
            if not isinstance(exc, FileNotFoundError) and not self._has_warned:
                self._has_warned = True
                _log.warning("cannot watch %s (%s): looking every %s s", path, exc, _POLL_S)
            asyncio.get_running_loop().call_later(_POLL_S, self._fire, path)

    def _fire(self, path: Path) -> None:
        future = self._waiting.pop(path, None)
        if future is not None and not future.done():
            future.set_result(None)
