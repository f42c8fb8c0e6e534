"""The server's life: start, ready, serve, drain, end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from grpc import ServerCredentials, aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from argoexec_cli.daemon.drain import Drain
from argoexec_cli.daemon.exec_service import ExecService
from argoexec_cli.daemon.interceptor import Boundary
from argoexec_cli.daemon.lease import Lease
from argoexec_cli.daemon.listen import listen, refuse_exposed, socket_inode, unlisten
from argoexec_cli.daemon.service import ExecutorService
from argoexec_cli.daemon.tls import server_credentials
from argoexec_cli.daemon.workflows_service import WorkflowsService
from argoexec_cli.models.connection import ServerTls
from argoexec_cli.models.executor import Executor
from argoexec_cli.models.workflows import Workflows
from argoexec_cli.rpc.address import Address, parse_address
from argoexec_cli.rpc.channel import MESSAGE_LIMIT
from argoexec_cli.rpc.gen.argoexec.v1alpha1 import (
    exec_pb2,
    exec_pb2_grpc,
    executor_pb2,
    executor_pb2_grpc,
    workflows_pb2,
    workflows_pb2_grpc,
)

_log = logging.getLogger(__name__)

EXECUTOR: Final = executor_pb2.DESCRIPTOR.services_by_name["Executor"].full_name
EXEC: Final = exec_pb2.DESCRIPTOR.services_by_name["Exec"].full_name
WORKFLOWS: Final = workflows_pb2.DESCRIPTOR.services_by_name["Workflows"].full_name
HEALTH: Final = health.SERVICE_NAME
DRAIN_S: Final = 10.0
_FLUSH_S: Final = 0.2

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", MESSAGE_LIMIT),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),  # a port that is taken is an error, not a share of the calls
    ("grpc.keepalive_time_ms", 60_000),  # a client that vanished frees what its streams hold
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
)


class Doors(NamedTuple):
    """How callers come in. With `tls` every port is served so, and only so.

    `insecure` allows ports that other machines reach without it. Calls from outside by whoever may
    submit renew `lease`.
    """

    tls: ServerTls | None = None
    insecure: bool = False
    lease: Lease | None = None


_LOCAL: Final = Doors()


class Daemon:
    """A server that runs. Made by `serving`."""

    def __init__(
        self, server: aio.Server, drain: Drain, credentials: ServerCredentials | None = None
    ) -> None:
        """Wrap *server*, whose boundary counts its calls for *drain*; ports get *credentials*."""
        self._server = server
        self._credentials = credentials
        self._drain = drain
        self._health = health.aio.HealthServicer()
        self._inodes: dict[Address, int] = {}

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where it listens, with the ports that it got."""
        return tuple(self._inodes)

    async def start(self, addresses: tuple[Address, ...], services: tuple[str, ...]) -> None:
        """Listen on *addresses* and answer; from the return on it is ready."""
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            (*services, HEALTH, reflection.SERVICE_NAME), self._server
        )
        for service in services:
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)
        for address in addresses:
            bound = listen(self._server, address, self._credentials)
            self._inodes[bound] = socket_inode(bound)
        await self._server.start()
        _log.info("serving %s on %s", ", ".join(services), ", ".join(map(str, self._inodes)))

    async def stop(self, drain_s: float = DRAIN_S, *, now: Awaitable[object] | None = None) -> None:
        """Say NOT_SERVING, accept nothing new, cut the streams, wait *drain_s* for other calls.

        It ends at once when *now* completes. Repeatable; may be cancelled, then nothing is cut.
        """
        await self._health.enter_graceful_shutdown()
        self._drain.begin()
        closing = asyncio.ensure_future(self._server.stop(drain_s))
        idle = asyncio.ensure_future(self._drain.idle())
        hurry = asyncio.ensure_future(now) if now is not None else None
        waits = {task for task in (closing, idle, hurry) if task is not None}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            # What has been answered is given a moment to reach its client, unless in a hurry.
            await self._server.stop(None if hurry in done else _FLUSH_S)
            await closing
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
            for address, inode in self._inodes.items():
                unlisten(address, inode)


@asynccontextmanager
async def serving(
    executor: Executor,
    workflows: Workflows | None = None,
    *,
    addresses: tuple[str, ...],
    doors: Doors = _LOCAL,
    drain_s: float = DRAIN_S,
) -> AsyncIterator[Daemon]:
    """Serve *executor*, and *workflows* where there is one, while the block runs; then drain.

    Both were started by the caller and are stopped by the caller, afterwards. Raises
    `PreconditionError` when an address is taken, or is open to others while *doors* has neither TLS
    nor leave for that, and what is wrong with TLS' files.
    """
    parsed = tuple(parse_address(address) for address in addresses)
    for address in parsed:
        refuse_exposed(address, insecure=doors.insecure, tls=doors.tls is not None)
    credentials = server_credentials(doors.tls) if doors.tls else None
    drain = Drain()
    server = aio.server(interceptors=(Boundary(drain, doors.lease),), options=_OPTIONS)
    services: tuple[str, ...] = (EXECUTOR, EXEC)
    exec_pb2_grpc.add_ExecServicer_to_server(  # type: ignore[no-untyped-call] # generated
        ExecService(executor), server
    )
    executor_pb2_grpc.add_ExecutorServicer_to_server(  # type: ignore[no-untyped-call] # generated
        ExecutorService(executor), server
    )
    if workflows is not None:
        services = (*services, WORKFLOWS)
        workflows_pb2_grpc.add_WorkflowsServicer_to_server(  # type: ignore[no-untyped-call]
            WorkflowsService(workflows), server
        )
    daemon = Daemon(server, drain, credentials)
    try:
        await daemon.start(parsed, services)
        yield daemon
    finally:
        await daemon.stop(drain_s)
