"""Puts together what hands Argo's tasks to executors, the plugin and the agent, and ends it."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from argoexec_cli.errors import ArgoexecError, DeniedError, InvalidError, PreconditionError

if TYPE_CHECKING:
    from argoexec_cli.argo.agent.agent import AgentSettings
    from argoexec_cli.argo.agent.health import Health
    from argoexec_cli.argo.feed import Resolve
    from argoexec_cli.cli.session import Session
    from argoexec_cli.daemon.signals import Wish
    from argoexec_cli.kube.connecting import Cluster
    from argoexec_cli.models.connection import Endpoint

_log = logging.getLogger(__name__)
Ready = Callable[[str], None]


class Place(NamedTuple):
    """A host and a port to listen on."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginPlan:
    """Everything that the plugin's server is told. Without a `token_file` nobody is asked."""

    server: Endpoint
    registry: Path
    executor: str
    listen: Place
    token_file: Path | None


class Known(NamedTuple):
    """How to find an executor by name, and which one is meant when nobody names one."""

    resolve: Resolve
    default: Callable[[], str]


@asynccontextmanager
async def executors_of(server: Endpoint, registry: Path, executor: str) -> AsyncIterator[Known]:
    """Know the daemon at *server* as `local`, and the registry's executors by their names.

    The default is *executor*, else the registry's, else `local`.
    """
    from argoexec_cli.cli.executors import LOCAL, DialedExecutor, Executors
    from argoexec_cli.cli.registered import RegistryFile

    async with AsyncExitStack() as connections:
        own = DialedExecutor(server, connections)
        known = Executors(own, RegistryFile(registry), connections, (server.server,))
        found = Known(known.resolve, lambda: executor or known.default() or LOCAL)
        await _greet(found)
        yield found


async def _greet(known: Known) -> None:
    """Say at the start, not at the first task, that the default executor does not answer."""
    try:
        name = known.default()
        await known.resolve(name).info()
    except ArgoexecError as exc:
        _log.warning("the default executor does not answer yet: %s", exc.message)


async def run_plugin(plan: PluginPlan, ready: Ready) -> int:
    """Serve the plugin until SIGTERM or SIGINT; tasks run on. *ready* is told when it answers."""
    from argoexec_cli.argo.feed import Feeds
    from argoexec_cli.argo.plugin.answering import CLIENT, Answering
    from argoexec_cli.argo.plugin.server import plugin_server
    from argoexec_cli.daemon.signals import caught

    token = read_token(plan.token_file) if plan.token_file else None
    with caught() as wish:
        async with executors_of(plan.server, plan.registry, plan.executor) as known:
            feeds = Feeds(known.resolve, CLIENT)
            try:
                answering = Answering(known.resolve, known.default, feeds)
                host, port = plan.listen
                async with plugin_server(answering, host, port, token) as got:
                    ready(f"answering template.execute on http://{host}:{got}")
                    await wish.stop.wait()
            finally:
                await feeds.stop()
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPlan:
    """Everything that the agent is told. An empty `lease` does without an election."""

    server: Endpoint
    registry: Path
    executor: str
    settings: AgentSettings
    lease: str
    health: Place | None


async def run_agent(plan: AgentPlan, cluster: Cluster, ready: Ready) -> int:
    """Run the agent until SIGTERM or SIGINT; tasks run on. *ready* is told when it works.

    `PreconditionError` when another agent uses the ledger; `DeniedError` has the rule that is
    missing in the cluster.
    """
    from argoexec_cli.argo.agent.health import Health, health_server
    from argoexec_cli.argo.agent.lease import Lease
    from argoexec_cli.daemon.lock import claimed
    from argoexec_cli.daemon.signals import caught

    health = Health()
    with claimed(plan.settings.ledger.parent, "agent"), caught() as wish:
        async with AsyncExitStack() as stack:
            if plan.health is not None:
                await stack.enter_async_context(health_server(health, *plan.health))

            async def work() -> None:
                await _work(plan, cluster, health, ready)

            if plan.lease:
                who = f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"
                health.standing_by = True
                lease = Lease(cluster.client, cluster.namespace or "default", plan.lease, who)
                doing = lease.lead(work)
            else:
                doing = work()
            await _until_asked(doing, wish)
    return 0


async def _work(plan: AgentPlan, cluster: Cluster, health: Health, ready: Ready) -> None:
    from argoexec_cli.argo.agent.agent import open_agent
    from argoexec_cli.argo.agent.http import Http

    async with (
        executors_of(plan.server, plan.registry, plan.executor) as known,
        open_agent(
            plan.settings, cluster.client, known.resolve, known.default, Http(cluster.client)
        ) as agent,
    ):
        health.agent = agent
        try:
            ready(f"running the tasks of {cluster.server} (pid {os.getpid()})")
            await agent.run()
        finally:
            health.agent = None


async def _until_asked(doing: Coroutine[Any, Any, None], wish: Wish) -> None:
    """Do it until the wish to stop comes. Raises what it raises."""
    task = asyncio.ensure_future(doing)
    asked = asyncio.ensure_future(wish.stop.wait())
    try:
        await asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in (task, asked):
            one.cancel()
        await asyncio.gather(task, asked, return_exceptions=True)
    if not task.cancelled() and (error := task.exception()) is not None:
        raise _first(error)


def _first(error: BaseException) -> BaseException:
    """Return what went wrong, out of the groups that tasks put around it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def parse_listen(text: str, *, exposed: bool) -> Place:
    """Return the place that `HOST:PORT` names. `InvalidError` when it is none, and for one that
    other machines reach unless *exposed*.
    """
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise InvalidError(f"--listen: {text!r} is not HOST:PORT", hint="--listen 127.0.0.1:4355")
    if host not in ("127.0.0.1", "::1", "localhost") and not exposed:
        raise InvalidError(
            f"--listen: {host} can be reached from other machines, and nobody is asked for a token",
            hint=f"--listen 127.0.0.1:{port}, or say --insecure",
        )
    return Place(host, int(port))


def read_token(path: Path) -> bytes:
    """Return the bearer token in the file. `PreconditionError` when there is none."""
    try:
        token = path.read_bytes().strip()
    except FileNotFoundError as exc:
        raise PreconditionError(
            f"{path}: there is no token", hint="--token-file FILE, or --no-token on a test machine"
        ) from exc
    except OSError as exc:
        raise DeniedError(f"{path}: {exc.strerror}", hint=f"ls -l {path}") from exc
    if not token:
        raise PreconditionError(f"{path} is empty", hint=f"ls -l {path}")
    return token


def where(session: Session) -> tuple[Endpoint, Path]:
    """Return the way to the daemon and the registry's file."""
    return session.settings.endpoint, Path(session.settings.registry.value)
