"""From the command line and the last run's record to the fleet that is wanted now."""

from __future__ import annotations

import asyncio
import getpass
import socket
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from argoexec_cli.cli.durations import parse_duration
from argoexec_cli.cli.items import now
from argoexec_cli.cli.session import Session
from argoexec_cli.compute.fleet.given import parse_host
from argoexec_cli.compute.fleet.record import Fleet
from argoexec_cli.compute.fleet.ssh import ensure_key
from argoexec_cli.compute.fleet.store import Place
from argoexec_cli.compute.models import FleetSpec, Provider, S3Backend
from argoexec_cli.errors import InvalidError, PreconditionError, UnavailableError

if TYPE_CHECKING:
    from argoexec_cli.cli.provisioning import Wish

_WHO_AM_I: Final = "https://checkip.amazonaws.com"
_WHO_AM_I_S: Final = 5.0


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
    software = wish.software
    fleet = msgspec.structs.replace(
        base,
        runtime=software.runtime or base.runtime,
        connect=wish.network.connect or base.connect,
        via=wish.network.via or base.via,
        offline=software.offline or base.offline,
        prepull=tuple(software.prepull or base.prepull),
    )
    if provider == "ssh":
        return _with_given(fleet, wish)
    if provider == "aws":
        spec = await _spec(session, wish, fleet, place)
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


async def _spec(session: Session, wish: Wish, fleet: Fleet, place: Place) -> FleetSpec:
    hosts, settings = wish.hosts, session.settings
    region = wish.network.region or settings.aws_region.value
    base = fleet.spec or FleetSpec(
        name=wish.name,
        owner=wish.software.owner or getpass.getuser(),
        ssh_public_key=ensure_key(place.ssh_key),
        region=region,
        # Without a public address, hosts of a VPC of our own would reach no package mirror.
        public_ip=fleet.connect == "public" or not wish.network.subnet,
    )
    if not base.region:
        raise InvalidError("no AWS region is set", hint="give --region, or set AWS_REGION")
    said: dict[str, Any] = {
        "region": wish.network.region or base.region,
        "count": hosts.number or base.count,
        "instance_type": hosts.instance_type or base.instance_type,
        "arch": hosts.arch or base.arch,
        "os": hosts.os or base.os,
        "ami": hosts.ami or base.ami,
        "spot": hosts.spot or base.spot,
        "subnet_id": wish.network.subnet or base.subnet_id,
        "client_cidrs": tuple(wish.network.allow or base.client_cidrs)
        or (await _own_cidr(fleet.connect),),
        "daemon_port": fleet.daemon_port,
        "endpoint_url": settings.aws_endpoint_url.value,
    }
    if wish.software.lease:
        said["lease_s"] = int(parse_duration(wish.software.lease, "--lease"))
    if wish.network.backend:
        said["backend"] = parse_backend(wish.network.backend, wish.name, said["region"])
    _check_fixed(fleet, said, wish)
    return msgspec.structs.replace(base, **said).check()


def _check_fixed(fleet: Fleet, said: dict[str, Any], wish: Wish) -> None:
    """Refuse what would leave the old hosts behind."""
    if fleet.spec is not None and fleet.spec.region != said["region"]:
        raise InvalidError(
            f"the fleet {wish.name} is in {fleet.spec.region}",
            hint=f"take another name for one in {said['region']}",
        )


def parse_backend(text: str, fleet: str, region: str) -> S3Backend:
    """Read `s3://BUCKET[/KEY][?region=NAME&table=NAME]`. `InvalidError` for anything else."""
    parts = urlsplit(text)
    if parts.scheme != "s3" or not parts.netloc:
        raise InvalidError(f"--backend {text!r} is none", hint="--backend s3://BUCKET/KEY")
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    return S3Backend(
        bucket=parts.netloc,
        key=parts.path.strip("/") or f"argoexec/{fleet}.tfstate",
        region=options.get("region", region),
        dynamodb_table=options.get("table", ""),
    )


async def _own_cidr(connect: str) -> str:
    """Return this machine's address, as the hosts will see it, as a block of one."""
    if connect == "private":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("10.255.255.255", 9))  # sends nothing: it only chooses a source
            return f"{probe.getsockname()[0]}/32"
    return f"{await asyncio.to_thread(_public_address)}/32"


def _public_address() -> str:
    from urllib.error import URLError
    from urllib.request import urlopen

    try:
        with urlopen(_WHO_AM_I, timeout=_WHO_AM_I_S) as answer:
            return str(answer.read(64).decode().strip())
    except (URLError, TimeoutError, OSError) as exc:
        raise UnavailableError(
            f"this machine's public address is not known: {_WHO_AM_I} does not answer",
            hint="say who may reach the hosts: --allow 203.0.113.7/32",
        ) from exc
