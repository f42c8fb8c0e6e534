"""How a command reaches a Kubernetes cluster: the options, and the connection."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

from argoexec_cli.cli.declare import Option
from argoexec_cli.cli.session import Session
from argoexec_cli.errors import NotFoundError

if TYPE_CHECKING:
    from argoexec_cli.kube.connecting import Cluster


class ClusterOptions(NamedTuple):
    """Which cluster. Any of them means: a cluster, and not this machine."""

    cluster: Annotated[
        bool, Option("--cluster", help="Act in the kubeconfig's cluster, not on this machine.")
    ] = False
    kubeconfig: Annotated[
        Path | None, Option(metavar="FILE", help="Act in the cluster of this kubeconfig.")
    ] = None
    kube_context: Annotated[
        str, Option(metavar="NAME", help="Act in the cluster of this context of the kubeconfig.")
    ] = ""


NO_CLUSTER: Final = ClusterOptions()


@asynccontextmanager
async def open_kube(session: Session, options: ClusterOptions) -> AsyncIterator["Cluster"]:
    """Connect to the cluster that is meant: --kubeconfig, KUBECONFIG, ~/.kube/config, this pod's.

    `NotFoundError` when there is none of them.
    """
    from argoexec_cli.kube.connecting import in_cluster, open_cluster

    files = kubeconfigs(session, options)
    if not files and not in_cluster():
        raise NotFoundError("there is no kubeconfig", hint="--kubeconfig FILE, or set KUBECONFIG")
    async with open_cluster(files, options.kube_context) as opened:
        yield opened


def kubeconfigs(session: Session, options: ClusterOptions) -> list[Path]:
    """Return the files that say where the cluster is; none inside a pod."""
    if options.kubeconfig is not None:
        return [options.kubeconfig]
    named = session.settings.kubeconfig.value
    return [Path(path) for path in named.split(os.pathsep)] if named else []
