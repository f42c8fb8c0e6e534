"""What is known of a fleet and its hosts: the words that Terraform, AWS and the flow share.

Everything here may be written to disk and shown: none of it is secret.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, Literal

import msgspec

from argoexec_cli.errors import InvalidError
from argoexec_cli.models.base import Model

Provider = Literal["aws", "ssh", "local"]
Arch = Literal["x86_64", "arm64"]
Os = Literal["al2023", "ubuntu-24.04", "debian-12"]
HostState = Literal[
    "pending", "running", "stopping", "stopped", "shutting-down", "terminated", "unknown"
]

FLEET_TAG: Final = "argoexec:fleet"
OWNER_TAG: Final = "argoexec:owner"
DAEMON_PORT: Final = 7401
LEASE_S: Final = 28_800
SSH_USERS: Final[dict[Os, str]] = {
    "al2023": "ec2-user",
    "ubuntu-24.04": "ubuntu",
    "debian-12": "admin",
}
_NAME: Final = re.compile(r"[a-z]([a-z0-9-]{0,28}[a-z0-9])?")
_OWNER: Final = re.compile(r"[A-Za-z0-9._@+=-]{1,64}")


class S3Backend(Model, kw_only=True):
    """Where Terraform's state lives when it is not in the fleet's own directory.

    The lock is the DynamoDB table when one is named, else a file beside the state (Terraform 1.10
    and later).
    """

    bucket: str
    key: str
    region: str
    dynamodb_table: str = ""


class FleetSpec(Model, kw_only=True):
    """What a fleet on AWS should be. Hosts are called NAME-0, NAME-1 and so on.

    `ami` wins over the newest public image of `os`, which still says who logs in. Without
    `subnet_id` a VPC with a public subnet is made, in `availability_zone` when that is given.
    `client_cidrs` may reach SSH and the daemon, and nobody else. `lease_s` of 0 disarms the switch
    that ends a host which nobody renewed for so long. An empty `instance_profile` has one made.
    """

    name: str
    owner: str
    ssh_public_key: str
    region: str
    count: int = 1
    instance_type: str = "t3.small"
    arch: Arch = "x86_64"
    os: Os = "debian-12"
    ami: str = ""
    spot: bool = False
    disk_gib: int = 30
    subnet_id: str = ""
    availability_zone: str = ""
    public_ip: bool = True
    client_cidrs: tuple[str, ...] = ()
    daemon_port: int = DAEMON_PORT
    egress_ports: tuple[int, ...] = (80, 443)
    egress_open: bool = False
    lease_s: int = LEASE_S
    instance_profile: str = ""
    endpoint_url: str = ""
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    backend: S3Backend | None = None

    @property
    def ssh_user(self) -> str:
        """Who logs in to a new host."""
        return SSH_USERS[self.os]

    @property
    def host_names(self) -> tuple[str, ...]:
        """Every host's name, in order."""
        return tuple(f"{self.name}-{number}" for number in range(self.count))

    def check(self) -> FleetSpec:
        """Return itself, or raise `InvalidError` for a name or owner that AWS could not carry.

        The rest is checked by the module's own validations, at the plan.
        """
        check_name(self.name)
        if not _OWNER.fullmatch(self.owner):
            raise InvalidError(
                f"{self.owner!r} cannot be an owner",
                hint="1 to 64 letters, digits and . _ @ + = -, as in me@example.com",
            )
        return self


def check_name(name: str) -> None:
    """Raise `InvalidError` for what cannot be a fleet's name: a tag, a directory, a host."""
    if not _NAME.fullmatch(name):
        raise InvalidError(
            f"{name!r} cannot be a fleet's name",
            hint="1 to 30 lower-case letters, digits and dashes, a letter first, as in lab-2",
        )


class HostRecord(Model, kw_only=True):
    """One host of a fleet, as Terraform or the cloud knows it. `id` is the instance's.

    An address is empty where the host has none, as a stopped one has no public address.
    """

    name: str
    id: str = ""
    state: HostState = "unknown"
    private_ip: str = ""
    public_ip: str = ""
    availability_zone: str = ""
    ssh_user: str = ""
    instance_type: str = ""
    spot: bool = False
    launched_at: datetime | None = None


class Change(Model, kw_only=True):
    """One thing that a plan would do to one resource, named by its address in Terraform."""

    address: str
    kind: str
    action: Literal["create", "update", "replace", "delete"]
    host: str = ""


class Plan(Model, kw_only=True):
    """What Terraform would do. `apply` takes it once.

    `applies` is also true where the state alone would change: all was made, and then the run was
    cut off before it wrote down which hosts there are.
    """

    changes: tuple[Change, ...] = ()
    destroys: bool = False
    applies: bool = False

    @property
    def empty(self) -> bool:
        """Whether applying it would make, change or remove nothing."""
        return not self.changes

    def count(self, action: str) -> int:
        """How many resources get *action*."""
        return sum(change.action == action for change in self.changes)


class Finding(Model, kw_only=True):
    """One thing that was looked at before anything is made, and what to do about it.

    `code` is that of the error that it is, where it is one: see `argoexec_cli.errors`.
    """

    check: str
    state: Literal["ok", "note", "wrong"]
    found: str
    fix: str = ""
    code: str = ""


class Resource(Model, kw_only=True):
    """Something that exists in an account and carries our tags (or belongs to what does)."""

    kind: str
    id: str
    fleet: str = ""
    owner: str = ""
    region: str = ""
