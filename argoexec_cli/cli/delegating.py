"""Puts together what hands Argo's tasks to executors, the plugin and the agent, and ends it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from argoexec_cli.errors import DeniedError, InvalidError, PreconditionError

if TYPE_CHECKING:
    from argoexec_cli.argo.feed import Resolve
    from argoexec_cli.cli.session import Session
    from argoexec_cli.models.connection import Endpoint

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

    async with AsyncExitStack() as connections:
        own = DialedExecutor(server, connections)
        known = Executors(own, registry, connections, (server.server,))
        yield Known(known.resolve, lambda: executor or known.default() or LOCAL)


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


def parse_listen(text: str, *, exposed: bool) -> Place:
    """Return the place that `HOST:PORT` names. `InvalidError` when it is none, and for one that
    other machines reach unless *exposed*: what travels there is not encrypted.
    """
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise InvalidError(f"--listen: {text!r} is not HOST:PORT", hint="--listen 127.0.0.1:4355")
    if host not in ("127.0.0.1", "::1", "localhost") and not exposed:
        raise InvalidError(
            f"--listen: {host} can be reached from other machines, without encryption",
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
