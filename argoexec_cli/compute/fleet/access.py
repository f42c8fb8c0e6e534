"""How a client reaches the daemon of a host, and under which names of contexts."""

from __future__ import annotations

from pathlib import Path

from argoexec_cli.compute.fleet.record import Fleet, Host
from argoexec_cli.compute.fleet.store import Place
from argoexec_cli.compute.trust.fleet import ensure_client, ensure_host, open_trust
from argoexec_cli.config.contexts import delete_context, put_context
from argoexec_cli.config.file import load_file
from argoexec_cli.config.settings import Context
from argoexec_cli.models.connection import Endpoint, Ssh

_LOOPBACK = "127.0.0.1"


def host_certificates(fleet: Fleet, place: Place, host: Host) -> Path:
    """Return the directory with *host*'s certificate, key and authority; renewed when due."""
    trust = open_trust(place.trust, fleet.name)
    names = [host.private_ip, host.public_ip, host.address, host.key, "localhost", _LOOPBACK]
    return ensure_host(trust, host.key, tuple(dict.fromkeys(filter(None, names))))


def endpoint(fleet: Fleet, place: Place, host: Host, login: Ssh | None) -> Endpoint:
    """Return the way to the daemon of *host*: by mTLS, directly or carried by SSH."""
    tls = ensure_client(open_trust(place.trust, fleet.name))
    if fleet.via and login is not None:
        server = f"{_LOOPBACK}:{fleet.daemon_port}"
        return Endpoint(server=server, tls=tls, via="ssh", ssh=login)
    address = f"[{host.address}]" if ":" in host.address else host.address
    return Endpoint(server=f"{address}:{fleet.daemon_port}", tls=tls)


def write_contexts(config: Path, fleet: Fleet, ways: dict[str, Endpoint], *, current: bool) -> None:
    """Have the config file hold a context for every host of *ways*, and one for the fleet alone.

    Contexts of hosts that are no longer there go away. *current* makes the fleet's the current one.
    """
    for name in _known(config, fleet.name) - {fleet.name, *ways}:
        delete_context(config, name)
    first = next(iter(ways.values()), None)
    named = {**ways, **({fleet.name: first} if first else {})}
    for name, way in named.items():
        context = Context(name=name, server=way.server, tls=way.tls, via=way.via, ssh=way.ssh)
        put_context(config, context, current=current and name == fleet.name)


def forget_contexts(config: Path, fleet: str) -> None:
    """Remove every context of the fleet; none is no error."""
    for name in _known(config, fleet):
        delete_context(config, name)


def _known(config: Path, fleet: str) -> set[str]:
    names = {context.name for context in load_file(config).contexts}
    return {name for name in names if name == fleet or name.startswith(f"{fleet}/")}
