"""New certificates for a fleet: made here, brought to its hosts, used without a restart."""

from __future__ import annotations

import msgspec

from argoexec_cli.aio import to_the_end
from argoexec_cli.compute.fleet import access, daemon
from argoexec_cli.compute.fleet.certificates import bring_certificates
from argoexec_cli.compute.fleet.configure import configuration_digest
from argoexec_cli.compute.fleet.provision import Tools
from argoexec_cli.compute.fleet.record import Fleet
from argoexec_cli.compute.trust import open_trust, renew, replace


async def rotate(fleet: Fleet, tools: Tools, *, authority: bool = False) -> Fleet:
    """Replace the certificates of all clients and hosts of *fleet*, which the caller holds.

    The authority stays, so whoever still has old ones is let in until they expire, and a run that
    is cut off leaves everything working; running it again makes new ones once more. With
    *authority* it is replaced, too: old ones are refused from then on, and a run that is cut off
    must be run again. Returns the record, saved. Raises what `bring_certificates` and, of daemons
    that then do not answer, `rpc.channel.connect` do.
    """
    place, compute, _, on_step = tools
    if authority:
        replace(place.trust, fleet.name)
    else:
        renew(open_trust(place.trust, fleet.name))
    files = {host.name: access.host_certificates(fleet, place, host) for host in fleet.hosts}
    logins = {host.name: compute.login(host) for host in fleet.hosts}
    await to_the_end(
        *(bring_certificates(name, logins[name], files[name], on_step) for name in files)
    )
    for host in fleet.hosts:
        await daemon.ask(access.endpoint(fleet, place, host, logins[host.name]))
        digest = configuration_digest(fleet, host, files[host.name])
        fleet = fleet.with_host(msgspec.structs.replace(host, configured=digest))
    place.save(fleet)
    return fleet
