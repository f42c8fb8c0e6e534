"""The network of a machine: an address that this machine reaches, and a way out for itself.

The way out is slirp4netns, a router in user space, so that no rule of this machine's firewall is
touched; what the lab's machine sends to its own address's neighbour comes here.
"""

from __future__ import annotations

import errno
import json
import random
import socket
import subprocess
from ipaddress import IPv4Network
from pathlib import Path
from typing import Final

from tests.engines.process import Process

GATEWAY: Final = "169.254.99.1"
"""This machine, as every machine of the lab sees it."""

METADATA: Final = "169.254.169.254"
_chosen: Final[dict[str, int]] = {}
"""Reserved addresses, each with the descriptor that does it."""
_FIRST_USABLE: Final = 4  # EC2 keeps four addresses of a subnet for itself


def connect(name: str, address: str) -> None:
    """Give the namespace *name* its *address*, reachable from here."""
    inside = ("ip", "-n", name)
    _run("ip", "address", "add", f"{GATEWAY}/32", "dev", name)
    _run("ip", "link", "set", name, "up")
    _run("ip", "route", "add", f"{address}/32", "dev", name, "src", GATEWAY)
    _run(*inside, "link", "set", "lo", "up")
    _run(*inside, "address", "add", f"{METADATA}/32", "dev", "lo")
    _run(*inside, "address", "add", f"{address}/32", "dev", "lan0")
    _run(*inside, "link", "set", "lan0", "up")
    _run(*inside, "route", "add", f"{GATEWAY}/32", "dev", "lan0")


def open_way_out(directory: Path) -> Process:
    """Start the router of a machine; its default route is there when this returns."""
    name = directory.name
    argv = ["slirp4netns", "--configure", "--mtu=1500", "--disable-host-loopback"]
    argv += ["--netns-type=path", f"--api-socket={directory}/slirp.sock"]
    process = Process([*argv, f"/run/netns/{name}", "tap0"], log=directory / "slirp.log")
    process.wait_until(lambda: b"default" in _run("ip", "-n", name, "route"))
    return process


def free_address(subnet: IPv4Network) -> str:
    """Choose an address of *subnet* by chance, that no machine of any test run has.

    Nor is one of this run about to get it, as long as there are others.
    """
    taken = {route["dst"] for route in json.loads(_run("ip", "-json", "route"))}
    for avoided in (taken | _chosen.keys(), taken):
        for _ in range(100):
            offset = random.randrange(_FIRST_USABLE, subnet.num_addresses - 1)
            if (address := str(subnet[offset])) not in avoided and _reserve(address):
                return address
    raise AssertionError(f"no address of {subnet} is free")


def _reserve(address: str) -> bool:
    """Keep *address* from other processes for as long as this one lives."""
    if address in _chosen:
        return True
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0argoexec-lab-{address}")
    except OSError as exc:
        name.close()
        if exc.errno != errno.EADDRINUSE:
            raise
        return False
    _chosen[address] = name.detach()
    return True


def _run(*argv: str) -> bytes:
    done = subprocess.run(argv, capture_output=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(argv)}: {done.stderr.decode().strip()}")
    return done.stdout
