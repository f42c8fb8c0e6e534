"""Processes that tests look at from outside."""

from __future__ import annotations

import time
from pathlib import Path


def runs(pid: int) -> bool:
    """Tell whether a process is there and no zombie, which only its parent can remove."""
    # It may end between any two looks at it, so there is but one.
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


def ends(pid: int, *, limit_s: float = 30) -> bool:
    """Tell whether a process ends within *limit_s*; blocking."""
    deadline = time.monotonic() + limit_s
    while runs(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
