"""What `register` may be told: the options, and all of them together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from argoexec_cli.cli.clusters import ClusterOptions
from argoexec_cli.cli.declare import Option
from argoexec_cli.cli.output import Data


class Changing(NamedTuple):
    """How far to go."""

    dry_run: Annotated[bool, Option("--dry-run", help="Only show the difference.")] = False
    check: Annotated[
        bool, Option("--check", help="Only compare: exit code 1 when something differs.")
    ] = False
    revert: Annotated[bool, Option("--revert", help="Take back all that was registered there.")] = (
        False
    )
    yes: Annotated[bool, Option("--yes", "-y", help="Do not ask.")] = False


class Routing(NamedTuple):
    """The way by which Argo's own controller hands over tasks."""

    route: Annotated[
        Literal["registry", "plugin", "agent"],
        Option(
            metavar="ROUTE",
            help="registry: argoexec's own controller. plugin, agent (Argo 4.1): Argo's.",
        ),
    ] = "registry"
    image: Annotated[str, Option(metavar="IMAGE", help="The image with argoexec.")] = ""
    deploy: Annotated[bool, Option("--deploy", help="Run the agent in the cluster, too.")] = False
    enable_plugins: Annotated[
        bool, Option("--enable-plugins", help="Switch plugins on in Argo's controller.")
    ] = False
    workflow_namespace: Annotated[
        list[str] | None, Option(metavar="NAME", help="Where workflows run.")
    ] = None
    service_account: Annotated[
        str, Option(metavar="NAME", help="The account that workflows run as.")
    ] = "default"
    argo_version: Annotated[
        str, Option(metavar="VERSION", help="Argo's version, where its image does not tell.")
    ] = ""
    canary: Annotated[
        bool, Option("--canary", help="Run a workflow of one step; take all back if it fails.")
    ] = False
    canary_image: Annotated[
        str, Option(metavar="IMAGE", help="What the canary runs; it needs a program `true`.")
    ] = "busybox:stable"
    client_ca: Annotated[
        Path | None, Option(metavar="FILE", help="Plugin and agent trust this authority.")
    ] = None
    client_cert: Annotated[
        Path | None, Option(metavar="FILE", help="The certificate that they show.")
    ] = None
    client_key: Annotated[Path | None, Option(metavar="FILE", help="Its key.")] = None


class Registration(NamedTuple):
    """What `register` was told."""

    name: str
    endpoint: str
    default: bool
    changing: Changing
    cluster: ClusterOptions
    routing: Routing
    output: Data | None = None

    @property
    def in_cluster(self) -> bool:
        """Whether a cluster is meant, and not the file of this machine."""
        return any(self.cluster) or self.routing.route != "registry"
