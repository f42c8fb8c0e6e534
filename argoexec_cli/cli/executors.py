"""From the name of an executor to the executor: what the daemon's controller sends its pods to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

from argoexec_cli.cli.registered import Registered
from argoexec_cli.cli.together import Elsewhere, Find
from argoexec_cli.errors import NotFoundError, UnavailableError, UnsupportedError
from argoexec_cli.models.connection import Endpoint
from argoexec_cli.models.exec import ExecRequest, Execs, Process
from argoexec_cli.models.executor import Executor, ExecutorInfo
from argoexec_cli.models.logs import LogChunk, LogQuery
from argoexec_cli.models.record import PodPage, PodQuery, PodRecord, PodRef, PodRequest, PodUpdate
from argoexec_cli.rpc.address import parse_address
from argoexec_cli.rpc.channel import Connection, connect
from argoexec_cli.rpc.client import RemoteExecutor
from argoexec_cli.rpc.exec_client import RemoteExecs
from argoexec_cli.rpc.tls import Stamp, stamp

if TYPE_CHECKING:
    from argoexec_cli.controller.service import Controller

LOCAL: Final = "local"
KUBERNETES: Final = "kubernetes"


class Executors:
    """Knows the daemon's own executor, and those of the registry by their addresses.

    The registry is asked each time, so registering needs no restart.
    """

    def __init__(
        self,
        own: Executor,
        registry: Registered,
        stack: AsyncExitStack,
        addresses: tuple[str, ...],
        cluster: Executor | None = None,
    ) -> None:
        """Connections that are opened later are closed by *stack*. *addresses* are our own.

        *cluster* is what `kubernetes` means, where there is one.
        """
        self._own = own
        self._cluster = cluster
        self._registry = registry
        self._stack = stack
        self._addresses = {parse_address(text) for text in addresses}
        self._remotes: dict[Endpoint, DialedExecutor] = {}

    def default(self) -> str:
        """Return the name of the registry's default executor, or ""."""
        return self._registry.read().default

    def resolve(self, name: str) -> Executor:
        """Return the executor called *name*.

        `NotFoundError` when nobody registered it, `UnsupportedError` for `kubernetes` where no
        kubeconfig is.
        """
        if name == LOCAL:
            return self._own
        if name == KUBERNETES:
            if self._cluster is not None:
                return self._cluster
            raise UnsupportedError(
                "the executor kubernetes needs a cluster, and this daemon knows none",
                hint="submit with --executor local, or make another the default: "
                "argoexec register NAME --endpoint ADDRESS --default",
            )
        return self._at(self._registry.read().endpoint(name))

    def finder(self, workflows: Controller) -> Find:
        """Return what finds the executor that a run's pod was sent to."""

        async def find(ref: PodRef) -> Elsewhere | None:
            name = await workflows.executor_of(ref)
            return Elsewhere(name, self.resolve(name)) if name else None

        return find

    def _at(self, endpoint: Endpoint) -> Executor:
        if parse_address(endpoint.server) in self._addresses:
            return self._own
        if endpoint not in self._remotes:
            self._remotes[endpoint] = DialedExecutor(endpoint, self._stack)
        return self._remotes[endpoint]


class DialedExecutor:
    """The executor at an address, connected at the first call.

    A call that cannot connect raises `UnavailableError`; the next one tries again. Certificates
    that were replaced are used from the next call on, in a connection of their own: what still
    streams through the one before goes on.
    """

    def __init__(self, endpoint: Endpoint, stack: AsyncExitStack) -> None:
        """Connect nothing yet; *stack* closes the connections."""
        self._endpoint = endpoint
        self._stack = stack
        self._stamp: Stamp = ()
        self._lock = asyncio.Lock()
        self._client: RemoteExecutor | None = None
        self._execs: RemoteExecs | None = None

    async def run_pod(self, request: PodRequest) -> PodRecord:
        """See `Executor.run_pod`."""
        return await (await self._dial()).run_pod(request)

    async def get_pod(self, ref: PodRef) -> PodRecord:
        """See `Executor.get_pod`."""
        return await (await self._dial()).get_pod(ref)

    async def list_pods(self, query: PodQuery) -> PodPage:
        """See `Executor.list_pods`."""
        return await (await self._dial()).list_pods(query)

    async def watch_pods(self, query: PodQuery, token: str = "") -> AsyncIterator[PodUpdate]:
        """See `Executor.watch_pods`."""
        async for update in (await self._dial()).watch_pods(query, token):
            yield update

    async def stop_pod(self, ref: PodRef, grace_s: float | None = None) -> None:
        """See `Executor.stop_pod`."""
        await (await self._dial()).stop_pod(ref, grace_s)

    async def delete_pod(self, ref: PodRef) -> None:
        """See `Executor.delete_pod`."""
        await (await self._dial()).delete_pod(ref)

    async def pod_logs(self, ref: PodRef, query: LogQuery) -> AsyncIterator[LogChunk]:
        """See `Executor.pod_logs`."""
        async for chunk in (await self._dial()).pod_logs(ref, query):
            yield chunk

    async def info(self) -> ExecutorInfo:
        """See `Executor.info`."""
        return await (await self._dial()).info()

    @asynccontextmanager
    async def exec(self, request: ExecRequest) -> AsyncIterator[Process]:
        """See `Execs.exec`."""
        await self._dial()
        assert self._execs is not None  # noqa: S101 - dialed
        async with self._execs.exec(request) as process:
            yield process

    async def _dial(self) -> RemoteExecutor:
        async with self._lock:
            now = stamp(self._endpoint.tls) if self._endpoint.tls else ()
            if self._client is None or now != self._stamp:
                connection = await self._stack.enter_async_context(self._connect())
                self._client, self._execs = RemoteExecutor(connection), RemoteExecs(connection)
                self._stamp = now
            return self._client

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[Connection]:
        """Connect. A certificate that is not there must not be told as a pod that is not."""
        async with AsyncExitStack() as stack:
            try:
                connection = await stack.enter_async_context(connect(self._endpoint))
            except NotFoundError as exc:
                raise UnavailableError(exc.message, hint=exc.hint) from exc
            yield connection


if TYPE_CHECKING:
    _: type[Executor] = DialedExecutor
    _dialed: type[Execs] = DialedExecutor
