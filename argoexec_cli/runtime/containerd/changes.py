"""Tells when log files grow and when they are closed: one inotify instance for all of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from asyncinotify import Inotify, Mask

from argoexec_cli.errors import PreconditionError

_log = logging.getLogger(__name__)

_POLL_S: Final = 0.1


class LogChanges:
    """Watches one directory. Use as a context manager around `run`, which must be running."""

    def __init__(self, directory: Path, on_close: Callable[[], None]) -> None:
        """Call *on_close* whenever a writer has closed a file. `PreconditionError`."""
        self._on_close = on_close
        self._waiting: dict[Path, asyncio.Future[None]] = {}
        self._has_warned = False
        self._directory = directory
        try:
            self._inotify = Inotify()
            self._inotify.add_watch(directory, Mask.CLOSE_WRITE | Mask.DELETE | Mask.CREATE)
        except OSError as exc:
            raise PreconditionError(
                f"cannot watch {directory}: {exc.strerror}",
                hint="sysctl fs.inotify.max_user_instances fs.inotify.max_user_watches",
            ) from exc

    def __enter__(self) -> Self:
        """Do nothing: the instance is there."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the instance; futures that were given stay pending."""
        self._inotify.close()

    def next(self, path: Path) -> asyncio.Future[None]:
        """Return a future of the next time at which *path* changes, comes or goes, from now on.

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
        async for event in self._inotify:
            if event.mask & Mask.CLOSE_WRITE:
                self._on_close()
            if event.path is not None:
                self._fire(event.path)

    def _arm(self, path: Path) -> None:
        try:
            self._inotify.add_watch(path, Mask.MODIFY | Mask.ONESHOT)
        except FileNotFoundError:
            pass  # the directory's watch tells when it comes
        except OSError as exc:
            if not self._has_warned:
                self._has_warned = True
                _log.warning("cannot watch %s (%s): looking every %s s", path, exc, _POLL_S)
            asyncio.get_running_loop().call_later(_POLL_S, self._fire, path)

    def _fire(self, path: Path) -> None:
        future = self._waiting.pop(path, None)
        if future is not None and not future.done():
            future.set_result(None)
