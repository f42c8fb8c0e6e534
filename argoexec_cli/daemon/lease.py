"""The lease of a rented host, which ends itself when nobody renews it: calls from outside do, and
so does work, for a while.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from argoexec_cli.aio import Tasks
from argoexec_cli.errors import ArgoexecError

WORK_S: Final = 7 * 86_400.0
"""So long after the last call work still renews: a pod that hangs must not cost money for ever."""
CALLED: Final = "called"

_log = logging.getLogger(__name__)
_EVERY_S: Final = 20.0


class Lease:
    """A file whose time of change is when the lease was last renewed; others look at it.

    A file `called` beside it says when somebody last called, also after a restart.
    """

    def __init__(self, path: Path) -> None:
        """Touch nothing yet."""
        self._path = path
        self._called = path.with_name(CALLED)
        self._renewed = 0.0
        self._left_alone = False

    def renew(self) -> None:
        """Renew because of a call, unless that was done a moment ago.

        A file that cannot be touched is logged.
        """
        now = time.monotonic()
        if self._renewed and now - self._renewed < _EVERY_S:
            return
        self._renewed = now
        self._touch(self._called)
        self._touch(self._path)

    @asynccontextmanager
    async def kept(
        self, busy: Callable[[], Awaitable[bool]], *, every_s: float = _EVERY_S
    ) -> AsyncIterator[None]:
        """Renew while *busy* says that there is work, as long as the block runs."""
        if not self._called.exists():
            self._touch(self._called)
        tasks = Tasks()
        tasks.spawn(self._keep(busy, every_s), name="renew the lease while there is work")
        try:
            yield
        finally:
            await tasks.stop()

    async def _keep(self, busy: Callable[[], Awaitable[bool]], every_s: float) -> None:
        while True:
            try:
                if await busy():
                    self._renew_for_work()
            except ArgoexecError as exc:
                _log.warning("whether there is work is not known: %s", exc.message)
            await asyncio.sleep(every_s)

    def _renew_for_work(self) -> None:
        try:
            age_s = time.time() - self._called.stat().st_mtime
        except OSError:
            age_s = 0.0
        if age_s < WORK_S:
            self._left_alone = False
            self._touch(self._path)
        elif not self._left_alone:
            self._left_alone = True
            _log.warning(
                "nobody has called for %d days: work no longer renews the lease of this host",
                WORK_S // 86_400,
            )

    def _touch(self, path: Path) -> None:
        try:
            path.touch()
        except OSError as exc:
            _log.warning("the lease %s cannot be renewed: %s", path, exc.strerror)
