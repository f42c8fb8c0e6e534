"""A certificate authority for each fleet, and what it signs. Keys stay in private directories."""

from argoexec_cli.compute.trust.authority import CA_CERT, Authority, Validity, ensure_authority
from argoexec_cli.compute.trust.certificate import Certificate, read_certificate
from argoexec_cli.compute.trust.fleet import (
    FleetTrust,
    ensure_client,
    ensure_host,
    forget_host,
    open_trust,
    renew,
    replace,
)

__all__ = [
    "CA_CERT",
    "Authority",
    "Certificate",
    "FleetTrust",
    "Validity",
    "ensure_authority",
    "ensure_client",
    "ensure_host",
    "forget_host",
    "open_trust",
    "read_certificate",
    "renew",
    "replace",
]
