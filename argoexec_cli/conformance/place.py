"""Where cases run."""

from __future__ import annotations

from typing import Protocol

from argoexec_cli.models.executor import Executor


class Place(Protocol):
    """An executor, and whether it may be ended and started again on the same state."""

    @property
    def executor(self) -> Executor:
        """The executor; another object after `restart`."""
        ...

    @property
    def restarts(self) -> bool:
        """Whether `restart` does anything. Cases that need it are skipped where it does not."""
        ...

    @property
    def here(self) -> bool:
        """Whether the executor is on this machine, where ports of its host can be reached."""
        ...

    async def restart(self) -> None:
        """End the executor as an update would, and start it again. Pods go on meanwhile."""
        ...
