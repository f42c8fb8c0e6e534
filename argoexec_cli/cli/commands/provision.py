"""`argoexec provision`."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from argoexec_cli.cli.completion import complete_fleet
from argoexec_cli.cli.declare import Argument, Option
from argoexec_cli.cli.output import Data
from argoexec_cli.cli.session import Session


class Hosts(NamedTuple):
    """Which machines."""

    provider: Annotated[
        Literal["aws", "ssh", "local"] | None,
        Option(metavar="WHERE", help="aws makes hosts; ssh: those of --host; local: this machine."),
    ] = None
    host: Annotated[
        list[str] | None, Option(metavar="USER@HOST", help="A machine that exists, with any port.")
    ] = None
    identity: Annotated[str, Option(metavar="FILE", help="The SSH key that logs in there.")] = ""
    number: Annotated[int | None, Option("--count", metavar="N", min=1, help="So many hosts.")] = (
        None
    )
    instance_type: Annotated[str, Option(metavar="TYPE", help="EC2's, such as t3.small.")] = ""
    arch: Annotated[
        Literal["x86_64", "arm64"] | None, Option(metavar="ARCH", help="x86_64 or arm64.")
    ] = None
    os: Annotated[
        Literal["al2023", "ubuntu-24.04", "debian-12"] | None,
        Option(metavar="OS", help="al2023, ubuntu-24.04 or debian-12."),
    ] = None
    ami: Annotated[
        str, Option(metavar="ID", help="This image and no other; or the NAME of a baked one.")
    ] = ""
    spot: Annotated[bool, Option("--spot", help="Spot capacity: cheap, and may be taken away.")] = (
        False
    )
    on_demand: Annotated[
        bool, Option("--on-demand", help="No longer Spot capacity: hosts of it are replaced.")
    ] = False


class Network(NamedTuple):
    """Where they are, and how we get there."""

    region: Annotated[str, Option(metavar="NAME", help="AWS's; default: AWS_REGION.")] = ""
    vpc: Annotated[
        str, Option(metavar="ID", help="Not a VPC of the fleet's own: a fitting subnet of this.")
    ] = ""
    subnet: Annotated[str, Option(metavar="ID", help="This subnet, and so its VPC.")] = ""
    allow: Annotated[
        list[str] | None,
        Option(
            metavar="CIDR",
            help="Who may reach the hosts; none: the default again, on AWS this machine's address.",
        ),
    ] = None
    connect: Annotated[
        Literal["public", "private"] | None,
        Option(metavar="WHICH", help="The addresses to use: public or private."),
    ] = None
    via: Annotated[
        Literal["ssh", "direct"] | None,
        Option(metavar="WAY", help="ssh: carry the daemon's port by SSH; direct: no longer."),
    ] = None
    backend: Annotated[
        str, Option(metavar="URL", help="Terraform's state: s3://BUCKET/KEY?region=NAME.")
    ] = ""


class Software(NamedTuple):
    """What runs there."""

    runtime: Annotated[
        Literal["docker", "containerd"] | None,
        Option(metavar="NAME", help="docker or containerd."),
    ] = None
    offline: Annotated[
        bool, Option("--offline", help="Hosts reach no package index: bring the wheels along.")
    ] = False
    online: Annotated[
        bool, Option("--online", help="No longer --offline: hosts install from their index.")
    ] = False
    prepull: Annotated[
        list[str] | None,
        Option(metavar="IMAGE", help="Have that image there already; none: no more."),
    ] = None
    lease: Annotated[
        str,
        Option(
            metavar="DURATION", help="EC2 hosts without call or work for so long end; 0: never."
        ),
    ] = ""
    owner: Annotated[str, Option(metavar="NAME", help="Who answers for it: a tag.")] = ""


class Doing(NamedTuple):
    """How far to go, and what to say of it."""

    plan: Annotated[bool, Option("--plan", help="Only show what would be done.")] = False
    bake: Annotated[
        bool, Option("--bake", help="Make an AMI of such a host, called NAME, and end the host.")
    ] = False
    yes: Annotated[bool, Option("--yes", "-y", help="Do not ask.")] = False
    register: Annotated[bool, Option("--register", help="Make its hosts known as executors.")] = (
        False
    )
    default: Annotated[
        bool, Option("--default", help="And the first of them the default executor.")
    ] = False
    timings: Annotated[bool, Option("--timings", help="Show how long each step took.")] = False
    output: Annotated[
        Data | None, Option("--output", "-o", metavar="FORMAT", help="json or yaml.")
    ] = None


async def provision_(
    session: Session,
    hosts: Hosts,
    network: Network,
    software: Software,
    doing: Doing,
    name: Annotated[
        str, Argument(metavar="[NAME]", help="The fleet.", complete=complete_fleet)
    ] = "default",
) -> int:
    """Make hosts that run tasks, and a context that reaches them.

    Looks, shows the plan, asks, then: Terraform, Ansible, the daemon, a pod as a proof. Again with
    the same name it changes what differs, repairs what is broken and continues what was cut off;
    what is not said stays as it was. Each host is a context of its own, NAME/0 and so on.
    """
    from argoexec_cli.cli.interrupt import tidy_on_interrupt
    from argoexec_cli.cli.provisioning import Wish, provision

    wish = Wish(name, hosts, network, software, doing)
    if doing.bake:
        from argoexec_cli.cli.baking import bake_image

        return await tidy_on_interrupt(session, bake_image(session, wish))
    return await tidy_on_interrupt(session, provision(session, wish))
