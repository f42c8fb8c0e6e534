"""Ports of the host, held for pods: who has one keeps it."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from argoexec_cli.conformance.ports import unused_port
from argoexec_cli.errors import AlreadyExistsError, InvalidError
from argoexec_cli.runtime.base import Port
from argoexec_cli.runtime.containerd.hostports import HostPorts


@pytest.fixture
def ports() -> Iterator[HostPorts]:
    """No port at first, and none after the test."""
    held = HostPorts()
    yield held
    held.close()


@pytest.fixture
def port() -> Port:
    """A port that nobody has just now."""
    return Port(host_port=unused_port(), container_port=80, host_ip="127.0.0.1")


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_two_networks_never_share_a_port(ports: HostPorts, port: Port, protocol: str) -> None:
    wanted = Port(host_port=port.host_port, container_port=80, protocol=protocol)
    ports.hold("one", (wanted,))
    with pytest.raises(AlreadyExistsError, match=rf"\*:{port.host_port}/{protocol} .*in use"):
        HostPorts().hold("two", (wanted,))
    ports.release("one")
    ports.release("one")
    ports.hold("two", (wanted,))


def test_a_port_where_somebody_listens(ports: HostPorts, port: Port) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = Port(host_port=server.getsockname()[1], container_port=80)
        with pytest.raises(AlreadyExistsError, match="address already in use"):
            ports.hold("one", (port, taken))
    ports.hold("two", (port,))  # what came before the taken one was given back


def test_nobody_listens_on_a_port_that_is_held(ports: HostPorts, port: Port) -> None:
    ports.hold("one", (port,))
    with pytest.raises(OSError, match="in use"), socket.create_server(("", port.host_port)):
        pass


def test_an_address_that_the_host_does_not_have(ports: HostPorts) -> None:
    strange = Port(host_port=4711, container_port=80, host_ip="192.0.2.1")
    with pytest.raises(InvalidError, match=r"the host has no address 192\.0\.2\.1"):
        ports.hold("one", (strange,))
