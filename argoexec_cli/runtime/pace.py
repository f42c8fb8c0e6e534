"""Joins bursts of log lines.

A line after a pause comes at once, those that follow closely come together.
"""

from __future__ import annotations

import asyncio
from typing import Final

from argoexec_cli.runtime.base import LogBatch

_INTERVAL_S: Final = 0.01
_MANY_RUNS: Final = 64
_MANY_BYTES: Final = 16 * 1024


class Pace:
    """Keeps small batches of one reader at least 10 ms apart."""

    def __init__(self) -> None:
        """Let the first batch come at once."""
        self._not_before = 0.0

    def note(self, batch: LogBatch) -> None:
        """Say that *batch* was delivered.

        After a large one there is no wait, for more is there already.
        """
        if len(batch.runs) >= _MANY_RUNS or sum(len(run.data) for run in batch.runs) >= _MANY_BYTES:
            self._not_before = 0.0
        else:
            self._not_before = asyncio.get_running_loop().time() + _INTERVAL_S

    async def wait(self) -> None:
        """Return when the next batch may be read. Always lets others run."""
        left = self._not_before - asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, left))
