"""Ports of the host that lead to pods, held so that two never share one.

The network plugin that forwards a port does not look whether anything listens there: it would take
the traffic away from whatever does. A socket on the port, to which nothing ever comes because the
traffic is led past it, finds who is there and keeps others out, as long as the daemon runs.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

from argoexec_cli.errors import AlreadyExistsError, ArgoexecError, InvalidError, PreconditionError
from argoexec_cli.runtime.base import Port

_KINDS: Final = {
    "tcp": (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    "udp": (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
    "sctp": (socket.SOCK_STREAM, socket.IPPROTO_SCTP),
}
_TAKEN_HINT: Final = "choose another hostPort, or see who has it: ss -lntup"


class HostPorts:
    """The ports of one owner's networks."""

    def __init__(self) -> None:
        """Hold none."""
        self._held: dict[str, ExitStack] = {}

    def hold(self, network: str, ports: Sequence[Port]) -> None:
        """Take the ports for a network: all or none.

        `AlreadyExistsError`: somebody has one. `InvalidError`: the host has no such address.
        """
        with ExitStack() as sockets:
            for port in ports:
                sockets.push(_socket(port))
            if ports:
                self._held[network] = sockets.pop_all()

    def release(self, network: str) -> None:
        """Give the ports of a network back. Repeatable."""
        if sockets := self._held.pop(network, None):
            sockets.close()

    def close(self) -> None:
        """Give all back. Where they lead does not change."""
        for network in list(self._held):
            self.release(network)


def _socket(port: Port) -> socket.socket:
    family = socket.AF_INET6 if ":" in port.host_ip else socket.AF_INET
    kind, protocol = _KINDS[port.protocol.lower()]
    made = socket.socket(family, kind, protocol)
    try:
        if kind == socket.SOCK_STREAM:
            # Past connections that linger do not count as somebody; only who listens does.
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((port.host_ip, port.host_port))
        if kind == socket.SOCK_STREAM:
            made.listen(0)
    except OSError as exc:
        made.close()
        raise _refused(port, exc) from exc
    return made


def _refused(port: Port, fault: OSError) -> ArgoexecError:
    where = f"{port.host_ip or '*'}:{port.host_port}/{port.protocol.lower()}"
    if fault.errno == errno.EADDRINUSE:
        return AlreadyExistsError(
            f"cannot lead {where} to the pod: address already in use", hint=_TAKEN_HINT
        )
    if fault.errno == errno.EADDRNOTAVAIL:
        return InvalidError(
            f"cannot lead {where} to the pod: the host has no address {port.host_ip}",
            hint="see the host's addresses: ip address",
        )
    return PreconditionError(f"cannot lead {where} to the pod: {fault.strerror}", hint="ss -lntup")
