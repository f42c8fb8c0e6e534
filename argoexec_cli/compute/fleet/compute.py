"""Where a fleet's hosts come from: an account, hosts that are given, this machine."""

from __future__ import annotations

from typing import Protocol

from argoexec_cli.compute.fleet.record import Host
from argoexec_cli.compute.models import Change, Finding, HostRecord, Resource
from argoexec_cli.models.base import Model
from argoexec_cli.models.connection import Ssh


class Preview(Model, kw_only=True):
    """What an apply would do, and what all hosts then cost for an hour, in US dollars.

    `repairs` are hosts that exist and are not as they should be. Without a price it is unknown.
    """

    changes: tuple[Change, ...] = ()
    repairs: tuple[str, ...] = ()
    hourly_low: float | None = None
    hourly_high: float | None = None
    price_note: str = ""

    @property
    def empty(self) -> bool:
        """Whether an apply would do nothing."""
        return not self.changes and not self.repairs


class Compute(Protocol):
    """Makes and ends hosts. Every call is repeatable, and continues what was cut off."""

    async def preflight(self) -> tuple[Finding, ...]:
        """Look at what is needed before anything is made; changes nothing."""
        ...

    async def plan(self) -> Preview:
        """Find out what `apply` would do; changes nothing."""
        ...

    async def apply(self) -> tuple[Host, ...]:
        """Have the hosts exist and run as the last `plan` said; return them in order."""
        ...

    async def check_destroy(self) -> None:
        """See that `destroy` can begin: whoever makes hosts answers and knows who asks; changes
        nothing.
        """
        ...

    async def destroy(self, *, all_tagged: bool = False) -> None:
        """End what `apply` made; hosts that somebody else made stay.

        With *all_tagged* also what no state knows and yet has the fleet's tags, whoever made it.
        """
        ...

    async def leftovers(self) -> tuple[Resource, ...]:
        """Return what still exists of the fleet, asked where it would exist."""
        ...

    async def states(self) -> dict[str, HostRecord]:
        """Return what the provider says of each host, by name; nothing for hosts not its own."""
        ...

    def login(self, host: Host) -> Ssh | None:
        """Return how to log in to *host*; None for this machine itself."""
        ...
