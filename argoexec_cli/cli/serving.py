"""Puts a daemon together from its parts, and ends it again."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import msgspec

from argoexec_cli import __version__
from argoexec_cli.cli.engines import Engines
from argoexec_cli.config.load import notify_socket, silence_grpc
from argoexec_cli.daemon.detach import Ready, in_background
from argoexec_cli.daemon.lock import claimed, running_pid
from argoexec_cli.errors import (
    ArgoexecError,
    DeniedError,
    NotFoundError,
    PreconditionError,
    TimedOutError,
)

if TYPE_CHECKING:
    from argoexec_cli.cli.registered import Registered
    from argoexec_cli.cli.session import Session
    from argoexec_cli.controller.service import Controller
    from argoexec_cli.executors.local.images.settings import ImageSettings
    from argoexec_cli.executors.local.policy import Policy
    from argoexec_cli.executors.local.settings import LocalSettings
    from argoexec_cli.models.connection import ServerTls
    from argoexec_cli.models.executor import Executor

_log = logging.getLogger(__name__)
LOG_FILE: Final = "daemon.log"
_POLL_S: Final = 0.05
_BEYOND_DRAIN_S: Final = 20.0


class ClusterAt(NamedTuple):
    """A cluster: kubeconfigs (none inside a pod), and a context if not the current one."""

    files: tuple[Path, ...]
    context: str = ""


class ServePlan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a daemon is told. An amount of 0 means all that the machine has."""

    addresses: tuple[str, ...]
    data_dir: Path
    registry: Path
    engines: Engines
    max_pods: int = 110
    cpu_millicores: int = 0
    memory_bytes: int = 0
    retention_s: float = 7 * 86400.0
    images: ImageSettings
    policy: Policy
    drain_s: float = 10.0
    tls: ServerTls | None = None
    insecure: bool = False
    lease_file: Path | None = None
    pid_file: Path | None = None
    cluster: ClusterAt | None = None
    executor: Literal["local", "kubernetes"] = "local"
    registry_namespace: str = ""
    """Where in the cluster the registry is; the file counts without."""


async def run_daemon(plan: ServePlan, ready: Ready) -> int:
    """Serve until SIGTERM or SIGINT; a second signal ends the draining. Tasks run on.

    *ready* is called once, when the daemon answers. Raises `PreconditionError` when another daemon
    has the data directory or an address, `UnavailableError` when the runtime does not answer.
    """
    silence_grpc()
    from argoexec_cli.cli.executors import Executors
    from argoexec_cli.cli.together import Together
    from argoexec_cli.controller.retiring import Retention
    from argoexec_cli.controller.service import open_controller
    from argoexec_cli.daemon.lease import Lease
    from argoexec_cli.daemon.server import Doors, serving
    from argoexec_cli.daemon.signals import caught

    lease = Lease(plan.lease_file) if plan.lease_file else None
    with claimed(plan.data_dir), _pid_written(plan.pid_file), caught() as wish:
        async with (
            AsyncExitStack() as connections,
            _cluster(plan) as cluster,
            _own(plan, cluster) as executor,
            _registered(plan) as registry,
            nullcontext(
                Executors(executor, registry, connections, plan.addresses, cluster)
            ) as executors,
            open_controller(
                plan.data_dir,
                executors.resolve,
                executors.default,
                Retention(plan.retention_s),
            ) as workflows,
            serving(
                Together(executor, executors.finder(workflows), cluster),
                workflows,
                addresses=plan.addresses,
                doors=Doors(plan.tls, plan.insecure, lease),
                drain_s=plan.drain_s,
            ) as daemon,
            lease.kept(partial(_busy, executor, workflows)) if lease else nullcontext(),
        ):
            _tell_service_manager()
            ready(f"serving on {', '.join(map(str, daemon.addresses))} (pid {os.getpid()})")
            await wish.stop.wait()
            await daemon.stop(plan.drain_s, now=wish.now.wait())
    return 0


def _tell_service_manager() -> None:
    """Say that the daemon answers, where systemd waits for that (`Type=notify`)."""
    if address := notify_socket():
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.sendto(b"READY=1", address)


async def _busy(executor: Executor, workflows: Controller) -> bool:
    """Tell whether a run is under way here, or a pod runs or waits."""
    if workflows.busy:
        return True
    capacity = (await executor.info()).capacity
    return bool(capacity.running_pods + capacity.queued_pods)


@asynccontextmanager
async def _cluster(plan: ServePlan) -> AsyncIterator[Executor | None]:
    """Give the executor of the cluster, if a kubeconfig names one. Nothing is sent to it yet."""
    if plan.cluster is None:
        yield None
        return
    from argoexec_cli.executors.kubernetes.executor import open_kubernetes
    from argoexec_cli.executors.kubernetes.sweep import Keeping

    keeping = Keeping(plan.data_dir, plan.retention_s)
    async with AsyncExitStack() as stack:
        executor: Executor | None = None
        try:
            opened = open_kubernetes(*plan.cluster, plan.policy, keeping)
            executor = await stack.enter_async_context(opened)
        except ArgoexecError as exc:
            if plan.executor == "kubernetes":
                raise
            _log.warning("there is no executor kubernetes: %s", exc.message)
        yield executor


@asynccontextmanager
async def _registered(plan: ServePlan) -> AsyncIterator[Registered]:
    """Give the registry: the file, or the cluster's."""
    from argoexec_cli.cli.registered import RegistryFile

    if not plan.registry_namespace:
        yield RegistryFile(plan.registry)
        return
    if plan.cluster is None:
        raise NotFoundError("there is no kubeconfig", hint="--kubeconfig FILE, or KUBECONFIG")
    from argoexec_cli.cli.cluster_registry import open_cluster_registry

    where = plan.cluster
    async with open_cluster_registry(
        where.files, where.context, plan.registry_namespace
    ) as registry:
        yield registry


@asynccontextmanager
async def _own(plan: ServePlan, cluster: Executor | None) -> AsyncIterator[Executor]:
    """Give the daemon's own executor."""
    if plan.executor == "kubernetes":
        if cluster is None:
            raise NotFoundError("there is no kubeconfig", hint="--kubeconfig FILE, or KUBECONFIG")
        await cluster.info()  # a cluster that does not answer ends the start
        yield cluster
        return
    from argoexec_cli.executors.local.manager import open_local

    async with open_local(local_settings(plan), plan.engines.open) as executor:
        yield executor


def detach(plan: ServePlan, serve: Callable[[Ready], int]) -> str:
    """Start the daemon in the background; return what it said when it was ready.

    Raises what `run_daemon` does. A data directory that is in use is refused before the log in it
    is opened, which is the other daemon's.
    """
    with claimed(plan.data_dir):
        pass
    return in_background(serve, log_file=plan.data_dir / LOG_FILE)


def stop_daemon(session: Session, plan: ServePlan) -> int:
    """Stop the daemon of the data directory and wait until it has ended; none is no error.

    `TimedOutError` when it does not end, `DeniedError` when it is another user's.
    """
    pid = running_pid(plan.data_dir)
    if pid is None:
        session.say(f"no daemon runs on {plan.data_dir}")
        return 0
    try:
        os.kill(pid, signal.SIGTERM)
    except PermissionError as exc:
        raise DeniedError(
            f"the daemon with pid {pid} belongs to another user", hint=f"sudo kill {pid}"
        ) from exc
    except ProcessLookupError:
        return 0
    deadline = time.monotonic() + plan.drain_s + _BEYOND_DRAIN_S
    while running_pid(plan.data_dir) == pid:
        if time.monotonic() > deadline:
            raise TimedOutError(f"the daemon with pid {pid} goes on", hint=f"kill -KILL {pid}")
        time.sleep(_POLL_S)
    session.say(f"stopped the daemon with pid {pid}; its tasks run on")
    return 0


def local_settings(plan: ServePlan) -> LocalSettings:
    """Return what the local executor is told."""
    from argoexec_cli.executors.local.admission import Room
    from argoexec_cli.executors.local.settings import LocalSettings, host_address, host_room

    host = host_room(plan.max_pods)
    room = Room(
        plan.cpu_millicores or host.cpu_millicores,
        plan.memory_bytes or host.memory_bytes,
        plan.max_pods,
    )
    return LocalSettings(
        data_dir=plan.data_dir,
        name=socket.gethostname(),
        version=__version__,
        room=room,
        retention_s=plan.retention_s,
        images=plan.images,
        policy=plan.policy,
        host_ip=host_address(),
    )


@contextmanager
def _pid_written(path: Path | None) -> Iterator[None]:
    if path is None:
        yield
        return
    try:
        path.write_text(f"{os.getpid()}\n")
    except OSError as exc:
        raise PreconditionError(
            f"cannot write {path}: {exc.strerror}", hint="choose another --pid-file"
        ) from exc
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
