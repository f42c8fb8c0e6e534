"""How a command reaches the daemon. gRPC is imported here, and only when a command needs it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from argoexec_cli.cli.session import Session
from argoexec_cli.config.load import LOCAL, silence_grpc
from argoexec_cli.errors import UnavailableError
from argoexec_cli.models.executor import Executor, ExecutorInfo
from argoexec_cli.models.workflows import Workflows

if TYPE_CHECKING:
    from argoexec_cli.models.exec import Execs


class Server(msgspec.Struct, frozen=True):
    """A daemon: its executor, its controller, what it said of itself at first contact, and the way
    to its power to run further commands (if `info` says so), which few commands need.
    """

    executor: Executor
    workflows: Workflows
    info: ExecutorInfo
    execs: Callable[[], Execs]


@asynccontextmanager
async def connect(session: Session) -> AsyncIterator[Server]:
    """Open the connection to the daemon that the settings name; leaving closes it.

    `UnavailableError` when none answers there; it says who chose the address, when it was not the
    default. `UnauthenticatedError` when a certificate or a host key is not right.
    """
    silence_grpc()
    from argoexec_cli.rpc.channel import connect as open_connection
    from argoexec_cli.rpc.client import RemoteExecutor
    from argoexec_cli.rpc.workflows_client import RemoteWorkflows

    address = session.settings.server
    try:
        async with open_connection(session.settings.endpoint) as connection:

            def execs() -> Execs:
                from argoexec_cli.rpc.exec_client import RemoteExecs

                return RemoteExecs(connection)

            yield Server(
                RemoteExecutor(connection), RemoteWorkflows(connection), connection.info, execs
            )
    except UnavailableError as exc:
        # It may also be that the daemon answers and cannot reach an executor elsewhere.
        if address.value not in exc.message:
            raise
        if address.origin == LOCAL:
            raise UnavailableError(exc.message, hint="argoexec serve --detach") from exc
        raise UnavailableError(
            f"{exc.message}; the address is from {address.origin}", hint="argoexec doctor"
        ) from exc
