"""From the command line and the last run's record to the fleet that is wanted now."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from argoexec_cli.cli.allowed import allowed
from argoexec_cli.cli.awswish import said, wanted_spec
from argoexec_cli.cli.items import now
from argoexec_cli.cli.session import Session
from argoexec_cli.compute.fleet.given import parse_host
from argoexec_cli.compute.fleet.record import Fleet
from argoexec_cli.compute.fleet.releasing import dropped
from argoexec_cli.compute.fleet.store import Place
from argoexec_cli.compute.models import Provider
from argoexec_cli.errors import InvalidError, PreconditionError

if TYPE_CHECKING:
    from argoexec_cli.cli.provisioning import Wish

_NONE: Final = "none"
_SSH_PORT: Final = 22
_IMAGE: Final = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._/-]*(:[0-9]+/[a-z0-9._/-]+)?(:[\w.-]+)?(@\w+:\w+)?"
)


async def wanted_fleet(session: Session, wish: Wish, before: Fleet | None, place: Place) -> Fleet:
    """Return the fleet that *wish* asks for; what it does not say is as it was *before*.

    Makes the SSH key of a fleet on AWS. `InvalidError` for what contradicts itself or the record.
    """
    if before is not None and before.phase == "destroying":
        raise PreconditionError(
            f"the fleet {wish.name} is being destroyed",
            hint=f"argoexec destroy {wish.name}, to its end; then provision it",
        )
    _check_baking(wish, before)
    provider = _provider(wish, before)
    base = before or Fleet(name=wish.name, provider=provider, created=now(), baking=wish.doing.bake)
    fleet = msgspec.structs.replace(base, **_said(wish))
    _check_provider(provider, wish)
    if provider == "aws":
        spec = await wanted_spec(session, wish, fleet, place)
        return msgspec.structs.replace(fleet, spec=spec)
    if wish.network.allow is not None:
        fleet = msgspec.structs.replace(fleet, allow=allowed(wish.network.allow))
    return _with_given(fleet, wish) if provider == "ssh" else fleet


def _check_provider(provider: Provider, wish: Wish) -> None:
    """Refuse what this provider would not look at."""
    hosts, network, software = wish.hosts, wish.network, wish.software
    given: dict[str, object] = {"--host": hosts.host, "--identity": hosts.identity}
    made: dict[str, object] = {
        "--count": hosts.number,
        "--instance-type": hosts.instance_type,
        "--arch": hosts.arch,
        "--os": hosts.os,
        "--ami": hosts.ami,
        "--spot": hosts.spot,
        "--on-demand": hosts.on_demand,
        "--connect": network.connect,
        "--region": network.region,
        "--vpc": network.vpc,
        "--subnet": network.subnet,
        "--backend": network.backend,
        "--lease": software.lease,
        "--owner": software.owner,
    }
    foreign = {"aws": given, "ssh": made, "local": {**made, **given, "--via": network.via}}
    if hosts.spot and hosts.on_demand:
        raise InvalidError("--spot and --on-demand contradict each other", hint="say one of them")
    if software.offline and software.online:
        raise InvalidError("--offline and --online contradict each other", hint="say one of them")
    if odd := [name for name, value in foreign[provider].items() if value]:
        raise InvalidError(
            f"{', '.join(odd)}: not for hosts of provider {provider}", hint="leave it out"
        )


def _said(wish: Wish) -> dict[str, Any]:
    """Return what the command line says of what every provider's fleet has."""
    network, software = wish.network, wish.software
    changes = said(runtime=software.runtime, connect=network.connect, offline=software.offline)
    if network.via:
        changes["via"] = "ssh" if network.via == "ssh" else ""
    if software.online:
        changes["offline"] = False
    if software.prepull:
        changes["prepull"] = () if software.prepull == [_NONE] else _images(software.prepull)
    return changes


def _images(names: list[str]) -> tuple[str, ...]:
    """Return *names*. `InvalidError` for what would fail on every host, once it is configured."""
    for name in names:
        if not _IMAGE.fullmatch(name):
            raise InvalidError(f"--prepull {name!r} is not an image", hint="--prepull busybox:1.36")
    return tuple(names)


def _check_baking(wish: Wish, before: Fleet | None) -> None:
    if before is None or before.baking == wish.doing.bake:
        return
    if before.baking:
        raise PreconditionError(
            f"{wish.name} is an image that is being baked",
            hint=f"argoexec provision {wish.name} --bake goes on; or: argoexec destroy {wish.name}",
        )
    raise PreconditionError(
        f"there is a fleet {wish.name}: its hosts do not become an image",
        hint="bake under another name; the host for it is made anew",
    )


def _provider(wish: Wish, before: Fleet | None) -> Provider:
    given = wish.hosts.provider or ("ssh" if wish.hosts.host else None)
    if before is not None and given not in (None, before.provider):
        raise InvalidError(
            f"the fleet {wish.name} is one of provider {before.provider}",
            hint=f"take another name, or first: argoexec destroy {wish.name}",
        )
    return before.provider if before else (given or "aws")


def _with_given(fleet: Fleet, wish: Wish) -> Fleet:
    key = _identity(wish.hosts.identity)
    if not wish.hosts.host:
        if not fleet.given:
            raise InvalidError("which hosts?", hint="--provider ssh --host admin@10.0.0.5")
        if not key:
            return fleet
        changed = (msgspec.structs.replace(each, identity_file=key) for each in fleet.given)
        return msgspec.structs.replace(fleet, given=tuple(changed))
    given = tuple(parse_host(text, key) for text in wish.hosts.host)
    if len({(each.host.lower(), each.port or _SSH_PORT) for each in given}) < len(given):
        raise InvalidError("--host names the same host twice", hint="name each once")
    gone = dropped(fleet, given)
    return msgspec.structs.replace(fleet, given=given, dropped=gone)


def _identity(text: str) -> str:
    """Return the whole path: later commands use it, too, wherever they are run."""
    if not text:
        return ""
    path = Path(text).expanduser().absolute()
    if not path.is_file():
        raise InvalidError(f"--identity {text}: there is no such file", hint="ls ~/.ssh")
    return str(path)
