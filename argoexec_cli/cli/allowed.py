"""`--allow`: the networks from which hosts may be reached."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Final

from argoexec_cli.errors import InvalidError

_NONE: Final = ["none"]
_WIDEST: Final = 8
_HINT: Final = "--allow 10.0.0.0/8, or 203.0.113.7/32 for one address"


def allowed(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the networks, each address in one of them only; none for `none`, which takes back what
    was said before. `InvalidError` for what is no network.
    """
    found = [] if texts == _NONE else [_network(text) for text in texts]
    old = collapse_addresses(each for each in found if isinstance(each, IPv4Network))
    new = collapse_addresses(each for each in found if isinstance(each, IPv6Network))
    return tuple(map(str, (*old, *new)))


def allowed_on_aws(texts: Sequence[str]) -> tuple[str, ...]:
    """Return them as the Terraform module takes them: IPv4, and nothing like everybody."""
    networks = allowed(texts)
    for text in networks:
        network = ip_network(text)
        if network.version == 6:
            raise InvalidError(f"--allow {text}: hosts on AWS have IPv4 only", hint=_HINT)
        if network.prefixlen < _WIDEST:
            raise InvalidError(
                f"--allow {text} is wider than /{_WIDEST}: the whole internet must not reach a "
                "daemon that runs containers",
                hint=_HINT,
            )
    return networks


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError as exc:
        raise InvalidError(f"--allow {text!r} is no network: {exc}", hint=_HINT) from exc
