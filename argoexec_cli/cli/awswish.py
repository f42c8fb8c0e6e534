"""From the command line and the last run's record to what Terraform is to make on AWS."""

from __future__ import annotations

import asyncio
import getpass
import socket
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from argoexec_cli.cli.allowed import allowed_on_aws
from argoexec_cli.cli.durations import parse_duration
from argoexec_cli.cli.session import Session
from argoexec_cli.compute.aws.account import open_account
from argoexec_cli.compute.aws.baked import find_baked
from argoexec_cli.compute.aws.network import choose_subnet
from argoexec_cli.compute.fleet.record import Fleet
from argoexec_cli.compute.fleet.ssh import ensure_key
from argoexec_cli.compute.fleet.store import Place
from argoexec_cli.compute.models import FleetSpec, S3Backend
from argoexec_cli.errors import InvalidError, UnavailableError

if TYPE_CHECKING:
    from argoexec_cli.cli.provisioning import Wish

_ECHO: Final = "https://checkip.amazonaws.com"
_ECHO_S: Final = 5.0
_WHO_AM_I: Final = {
    "public": f"{_ECHO} does not tell it",
    "private": "there is no way to private networks",
}
_SHORTEST_S: Final = 900.0
_LONGEST_S: Final = 365 * 86400.0


async def wanted_spec(session: Session, wish: Wish, fleet: Fleet, place: Place) -> FleetSpec:
    """Return what *wish* asks for; what it does not say is as *fleet*, the record, has it.

    Makes the fleet's SSH key, and asks AWS for a subnet where only a VPC was named.
    """
    base = fleet.spec or await _new(session, wish, fleet, place)
    spec = msgspec.structs.replace(base, **_said(wish))
    spec = msgspec.structs.replace(spec, **await _asked(session, wish, spec))
    _check_same(wish, fleet, base, spec)
    return msgspec.structs.replace(
        spec,
        client_cidrs=spec.client_cidrs or (await _own_cidr(fleet.connect),),
        daemon_port=fleet.daemon_port,
        endpoint_url=session.settings.aws_endpoint_url.value,
    ).check()


def _check_same(wish: Wish, fleet: Fleet, base: FleetSpec, spec: FleetSpec) -> None:
    """Refuse what would leave hosts behind, or have hosts that exist be taken for others."""
    owner = wish.software.owner or base.owner
    mixed = (spec.os, spec.arch) != (base.os, base.arch)
    if spec.region != base.region:
        was = f"is in {base.region}"
    elif owner != base.owner:
        was = f"is {base.owner}'s"
    elif mixed and fleet.phase != "planned":
        was = f"has hosts of {base.os} on {base.arch}"
    else:
        return
    hint = f"take another name, or first: argoexec destroy {wish.name}"
    raise InvalidError(f"the fleet {wish.name} {was}", hint=hint)


def said(**values: Any) -> dict[str, Any]:
    """Return those of *values* that a command line says something with."""
    return {name: value for name, value in values.items() if value}


async def _new(session: Session, wish: Wish, fleet: Fleet, place: Place) -> FleetSpec:
    network = wish.network
    account = await open_account(session.settings, network.region)
    return FleetSpec(
        name=wish.name,
        owner=wish.software.owner or getpass.getuser(),
        ssh_public_key=ensure_key(place.ssh_key),
        region=account.region,
        # Without a public address, hosts of a VPC of our own would reach no package mirror.
        public_ip=fleet.connect == "public" or not (network.subnet or network.vpc),
    )


def _said(wish: Wish) -> dict[str, Any]:
    hosts, network, software = wish.hosts, wish.network, wish.software
    changes = said(
        region=network.region,
        count=hosts.number,
        instance_type=hosts.instance_type,
        arch=hosts.arch,
        os=hosts.os,
        ami=hosts.ami,
        spot=hosts.spot,
        subnet_id=network.subnet,
    )
    if hosts.on_demand:
        changes["spot"] = False
    if software.lease:
        changes["lease_s"] = _lease_s(software.lease)
    if network.allow is not None:
        changes["client_cidrs"] = allowed_on_aws(network.allow)
    return changes


def _lease_s(text: str) -> int:
    """Return a lease that the Terraform module takes; 0 only for 0, as that is no lease at all."""
    seconds = parse_duration(text, "--lease")
    if seconds and not _SHORTEST_S <= seconds <= _LONGEST_S:
        raise InvalidError(f"--lease {text}: not from 15m to 365d", hint="0 is: never")
    return int(seconds)


async def _asked(session: Session, wish: Wish, spec: FleetSpec) -> dict[str, Any]:
    """Return the place of the state, the subnet of a VPC that was named, and a baked image."""
    network, found = wish.network, dict[str, Any]()
    if network.backend:
        found["backend"] = parse_backend(network.backend, spec.name, spec.region)
    if network.vpc and not network.subnet:
        account = await open_account(session.settings, spec.region)
        found["subnet_id"] = await choose_subnet(account, network.vpc, spec)
    if wish.hosts.ami and not wish.hosts.ami.startswith("ami-"):
        image = await find_baked(await open_account(session.settings, spec.region), wish.hosts.ami)
        found |= {"ami": image.id, "os": image.os, "arch": image.arch}
    return found


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
    find = _private_address if connect == "private" else _public_address
    try:
        return f"{IPv4Address(await asyncio.to_thread(find))}/32"
    except (OSError, ValueError) as exc:
        raise UnavailableError(
            f"this machine's {connect} address is not known: {_WHO_AM_I[connect]}",
            hint="say who may reach the hosts: --allow 203.0.113.7/32",
        ) from exc


def _private_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("10.255.255.255", 9))  # sends nothing: it only chooses a source
        return str(probe.getsockname()[0])


def _public_address() -> str:
    from urllib.request import urlopen

    with urlopen(_ECHO, timeout=_ECHO_S) as answer:
        return str(answer.read(64).decode(errors="replace").strip())
