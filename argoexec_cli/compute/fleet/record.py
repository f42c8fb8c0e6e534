"""What is written down about a fleet. None of it is secret; keys are files beside it."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec

from argoexec_cli.compute.models import DAEMON_PORT, FleetSpec, Provider
from argoexec_cli.models.base import Model
from argoexec_cli.models.connection import Ssh

VERSION: Final = 1
Runtime = Literal["docker", "containerd"]
Phase = Literal["planned", "applied", "ready", "sealed", "destroying"]
"""How far a run came: nothing is there yet · hosts exist · all of it works · an image is made of it
· it is going away.
"""


class Host(Model, kw_only=True):
    """One host as the last run left it. `name` is `FLEET/NUMBER`, which is also its context's.

    `configured` tells what it was configured with, and is empty before that; `proved` says that a
    pod has run on it since. `public_ip` is empty where it has none.
    """

    name: str
    id: str = ""
    address: str = ""
    private_ip: str = ""
    public_ip: str = ""
    user: str = ""
    port: int = 0
    instance_type: str = ""
    launched_at: datetime | None = None
    configured: str = ""
    proved: bool = False

    @property
    def number(self) -> int:
        """Its place in the fleet."""
        return int(self.name.rpartition("/")[2])

    @property
    def key(self) -> str:
        """Its name where a slash cannot stand: in Terraform, inventories and paths."""
        return self.name.replace("/", "-")


class Fleet(Model, kw_only=True):
    """A fleet: what was asked for, its hosts, and how far the last run came.

    `given` are hosts that somebody else made (`--provider ssh`); `spec` is what Terraform makes.
    `allow` are the networks from which the daemons of given hosts, or of this machine, may be
    reached; none: no firewall. `dropped` are hosts that were given once and still have our daemon.
    One that is `baking` exists only until there is an image of it.
    """

    version: int = VERSION
    name: str
    provider: Provider
    runtime: Runtime = "docker"
    connect: Literal["private", "public"] = "public"
    via: Literal["", "ssh"] = ""
    offline: bool = False
    prepull: tuple[str, ...] = ()
    daemon_port: int = DAEMON_PORT
    given: tuple[Ssh, ...] = ()
    dropped: tuple[Ssh, ...] = ()
    allow: tuple[str, ...] = ()
    spec: FleetSpec | None = None
    created: datetime
    phase: Phase = "planned"
    baking: bool = False
    hosts: tuple[Host, ...] = ()

    @property
    def wanted(self) -> int:
        """How many hosts it is to have."""
        return self.spec.count if self.spec else len(self.given) or 1

    def with_host(self, host: Host) -> Fleet:
        """Return it with *host* in the place of the one with that name."""
        hosts = tuple(host if each.name == host.name else each for each in self.hosts)
        return msgspec.structs.replace(self, hosts=hosts)
