"""A fleet's directory of certificates: the authority, the clients', and one set for each host.

DIRECTORY/ca.crt, ca.key            the authority; its key never leaves this directory
DIRECTORY/clients/ROLE/tls.crt, tls.key
DIRECTORY/hosts/HOST/tls.crt, tls.key, ca.crt      what the host gets, as one directory
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from argoexec_cli.compute.trust.authority import (
    CA_CERT,
    DEFAULT,
    Authority,
    Pair,
    Validity,
    ensure_authority,
)
from argoexec_cli.compute.trust.certificate import Certificate, read_certificate
from argoexec_cli.errors import ArgoexecError
from argoexec_cli.files import replace_file
from argoexec_cli.models.connection import Tls
from argoexec_cli.models.roles import Role

CERT: Final = "tls.crt"
KEY: Final = "tls.key"
_CLIENTS: Final = "clients"
_HOSTS: Final = "hosts"


class FleetTrust(NamedTuple):
    """A fleet's authority and how long its leaves live. A leaf is renewed in its last third."""

    authority: Authority
    validity: Validity = DEFAULT

    @property
    def directory(self) -> Path:
        """Where everything is kept."""
        return self.authority.directory

    def certificates(self) -> list[Certificate]:
        """Return the certificates of all: authority, clients, hosts."""
        found = sorted(self.directory.glob(f"*/*/{CERT}"))
        return [read_certificate(path) for path in (self.authority.cert_path, *found)]


def open_trust(directory: Path, fleet: str, validity: Validity = DEFAULT) -> FleetTrust:
    """Return the certificates of *fleet*, with an authority made now if there is none; repeatable.

    *directory* must be the fleet's own and private. Raises what `ensure_authority` does.
    """
    return FleetTrust(ensure_authority(directory, f"argoexec fleet {fleet}"), validity)


def ensure_client(trust: FleetTrust, role: Role = Role.ADMIN, *, server_name: str = "") -> Tls:
    """Return what a context says about TLS, with a certificate of *role* that is not due yet.

    *server_name* is for an address that no host's certificate has.
    """
    directory = trust.directory / _CLIENTS / role.name.lower()
    if not _fresh(directory):
        name = f"argoexec {role.name.lower()}"
        _write(directory, trust.authority.issue_client(name, role, trust.validity))
    return Tls(
        ca=str(trust.authority.cert_path),
        cert=str(directory / CERT),
        key=str(directory / KEY),
        server_name=server_name,
    )


def ensure_host(trust: FleetTrust, host: str, names: Sequence[str]) -> Path:
    """Return the directory that *host* gets: a certificate for *names* that is not due, its key,
    and the authority that its clients must have.

    Repeatable: the files change only when the names do, or in the last third of their life.
    """
    directory = trust.directory / _HOSTS / host
    if not _fresh(directory, names):
        _write(directory, trust.authority.issue_server(names, trust.validity))
    authority = trust.authority.cert_path.read_bytes()
    if not (directory / CA_CERT).exists() or (directory / CA_CERT).read_bytes() != authority:
        replace_file(directory / CA_CERT, authority, 0o644)
    return directory


def renew(trust: FleetTrust) -> None:
    """Replace every client's and host's certificate and key by new ones, due or not."""
    for directory in sorted((trust.directory / _CLIENTS).glob("*/")):
        role = Role[directory.name.upper()]
        name = f"argoexec {directory.name}"
        _write(directory, trust.authority.issue_client(name, role, trust.validity))
    for directory in sorted((trust.directory / _HOSTS).glob("*/")):
        names = read_certificate(directory / CERT).names
        _write(directory, trust.authority.issue_server(names, trust.validity))


def replace(directory: Path, fleet: str, validity: Validity = DEFAULT) -> FleetTrust:
    """Return the certificates of *fleet* with a new authority, signed by it all of them.

    Whoever has a certificate of the old one is refused as soon as the hosts have the new one.
    """
    (directory / CA_CERT).unlink(missing_ok=True)
    trust = open_trust(directory, fleet, validity)
    renew(trust)
    return trust


def forget_host(trust: FleetTrust, host: str) -> None:
    """Remove what belongs to a host that is gone; nothing there is no error."""
    shutil.rmtree(trust.directory / _HOSTS / host, ignore_errors=True)


def _fresh(
    directory: Path, names: Sequence[str] | None = None, now: datetime | None = None
) -> bool:
    try:
        found = read_certificate(directory / CERT)
    except ArgoexecError:
        return False
    right = names is None or set(found.names) == set(names)
    return right and (directory / KEY).exists() and not found.due(now)


def _write(directory: Path, pair: Pair) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_file(directory / KEY, pair.key, 0o600)
    replace_file(directory / CERT, pair.cert, 0o644)
