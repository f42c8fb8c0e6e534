"""From the command line and the last run's record to the fleet that is wanted now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from argoexec_cli.cli.awswish import said, wanted_spec
from argoexec_cli.cli.items import now
from argoexec_cli.cli.session import Session
from argoexec_cli.compute.fleet.given import parse_host
from argoexec_cli.compute.fleet.record import Fleet
from argoexec_cli.compute.fleet.store import Place
from argoexec_cli.compute.models import Provider
from argoexec_cli.errors import InvalidError, PreconditionError

if TYPE_CHECKING:
    from argoexec_cli.cli.provisioning import Wish


async def wanted_fleet(session: Session, wish: Wish, before: Fleet | None, place: Place) -> Fleet:
    """Return the fleet that *wish* asks for; what it does not say is as it was *before*.

    Makes the SSH key of a fleet on AWS. `InvalidError` for what contradicts itself or the record.
    """
    if before is not None and before.phase == "destroying":
        raise PreconditionError(
            f"the fleet {wish.name} is being destroyed",
            hint=f"argoexec destroy {wish.name}, to its end; then provision it",
        )
    provider = _provider(wish, before)
    base = before or Fleet(name=wish.name, provider=provider, created=now())
    changes = said(
        runtime=wish.software.runtime,
        connect=wish.network.connect,
        via=wish.network.via,
        offline=wish.software.offline,
        prepull=tuple(wish.software.prepull or ()),
    )
    fleet = msgspec.structs.replace(base, **changes)
    if provider == "ssh":
        return _with_given(fleet, wish)
    if provider == "aws":
        spec = await wanted_spec(session, wish, fleet, place)
        return msgspec.structs.replace(fleet, spec=spec)
    return fleet


def _provider(wish: Wish, before: Fleet | None) -> Provider:
    given = wish.hosts.provider or ("ssh" if wish.hosts.host else None)
    if before is not None and given not in (None, before.provider):
        raise InvalidError(
            f"the fleet {wish.name} is one of provider {before.provider}",
            hint=f"take another name, or first: argoexec destroy {wish.name}",
        )
    return before.provider if before else (given or "aws")


def _with_given(fleet: Fleet, wish: Wish) -> Fleet:
    if not wish.hosts.host:
        if not fleet.given:
            raise InvalidError("which hosts?", hint="--provider ssh --host admin@10.0.0.5")
        return fleet
    given = tuple(parse_host(text, wish.hosts.identity) for text in wish.hosts.host)
    if len({(each.host, each.port) for each in given}) < len(given):
        raise InvalidError("--host names the same host twice", hint="name each once")
    return msgspec.structs.replace(fleet, given=given)
