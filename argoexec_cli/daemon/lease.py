"""The lease of a rented host, which ends itself when nobody renews it: calls from outside do."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Final

_log = logging.getLogger(__name__)
_EVERY_S: Final = 20.0


class Lease:
    """A file whose time of change is when the lease was last renewed; others look at it."""

    def __init__(self, path: Path) -> None:
        """Touch nothing yet."""
        self._path = path
        self._renewed = 0.0

    def renew(self) -> None:
        """Renew, unless that was done a moment ago. A file that cannot be touched is logged."""
        now = time.monotonic()
        if self._renewed and now - self._renewed < _EVERY_S:
            return
        self._renewed = now
        try:
            self._path.touch()
        except OSError as exc:
            _log.warning("the lease %s cannot be renewed: %s", self._path, exc.strerror)
