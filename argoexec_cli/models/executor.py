"""The seam for pods: whatever can run one is an `Executor`.

The gRPC service is the same eight calls: the daemon serves any executor, and the gRPC client is
one. So a caller never knows whether a pod runs in this process, on another machine or in a cluster.
"""

from collections.abc import AsyncIterator
from typing import Protocol

from argoexec_cli.models.base import Model
from argoexec_cli.models.logs import LogChunk, LogQuery
from argoexec_cli.models.record import PodPage, PodQuery, PodRecord, PodRef, PodRequest, PodUpdate


class Capacity(Model):
    """What the executor has in all and what is in use. `max_pods` 0 means no limit of its own."""

    cpu_millicores: int = 0
    memory_bytes: int = 0
    max_pods: int = 0
    running_pods: int = 0
    queued_pods: int = 0


class ExecutorInfo(Model):
    """What the executor is and can do. `capabilities` is asked, never guessed from a name.

    Capabilities: `processes` (containers are real ones, with files and a kernel), `limits`,
    `security`, `ports`, `terminal`, `logs`, `recovery`. `granted` is what policy lets pods have
    beyond the usual: `privileged`, `host-network`, `capability:NAME`, `host-path:DIRECTORY`; and
    `image:PATTERN`, each one that a list of images allows, where there is such a list.
    """

    name: str
    version: str
    protocol: str = "v1alpha1"
    runtime: str = ""
    runtime_version: str = ""
    capabilities: tuple[str, ...] = ()
    capacity: Capacity = Capacity()
    supported_pod_fields: tuple[str, ...] = ()
    granted: tuple[str, ...] = ()


class Executor(Protocol):
    """Runs pods and remembers them.

    Cancelling any call stops the waiting, never the work. Every call may be repeated. Errors are
    those of `argoexec_cli.errors`; `UnavailableError` is the only one that makes sense to retry.
    """

    async def run_pod(self, request: PodRequest) -> PodRecord:
        """Accept the pod; return once that is durable, before it has started.

        Idempotent on (namespace, name, uid): the same spec returns the pod that is there, another
        is `AlreadyExistsError`. Raises `InvalidError` for what can never run here, `CapacityError`
        when nothing more can be queued.
        """
        ...

    async def get_pod(self, ref: PodRef) -> PodRecord:
        """Return the pod as it is now, with all its events. `NotFoundError` when it is unknown."""
        ...

    async def list_pods(self, query: PodQuery) -> PodPage:
        """Return a page of the pods that match, oldest first."""
        ...

    def watch_pods(self, query: PodQuery, token: str = "") -> AsyncIterator[PodUpdate]:
        """Replay what changed since *token* (everything without one), say SYNCED, then follow until
        closed.

        Every change is seen in order, though several changes of one pod may arrive as one. A token
        that is too old, or of another executor, replays everything.
        """
        ...

    async def stop_pod(self, ref: PodRef, grace_s: float | None = None) -> None:
        """Ask the pod to end: TERM, then KILL after *grace_s* (default: the pod's own grace
        period).

        Returns when the wish is durable. Stopping wins over a start that is under way; a pod that
        has ended is left alone.
        """
        ...

    async def delete_pod(self, ref: PodRef) -> None:
        """Stop the pod if it runs, then forget its record and logs. Returns when it is gone."""
        ...

    def pod_logs(self, ref: PodRef, query: LogQuery) -> AsyncIterator[LogChunk]:
        """Stream a container's log in the order in which it was read; see `LogQuery`."""
        ...

    async def info(self) -> ExecutorInfo:
        """Describe the executor as it is now."""
        ...
