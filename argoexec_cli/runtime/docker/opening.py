"""Open a Docker runtime.

Reach the engine, learn what it can do, start what runs beside every call.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from argoexec_cli.aio import Tasks
from argoexec_cli.runtime.base import Capabilities
from argoexec_cli.runtime.changes import FileChanges
from argoexec_cli.runtime.docker import wire
from argoexec_cli.runtime.docker.containers import Containers
from argoexec_cli.runtime.docker.engine import Engine, connect
from argoexec_cli.runtime.docker.execs import Execs
from argoexec_cli.runtime.docker.exits import Exits
from argoexec_cli.runtime.docker.logs import Logs
from argoexec_cli.runtime.docker.refusals import refused
from argoexec_cli.runtime.docker.runtime import DockerOptions, DockerRuntime, Settings
from argoexec_cli.runtime.docker.sandbox import find_network, network_users, pool_actions
from argoexec_cli.runtime.labels import POOL
from argoexec_cli.runtime.pool import Pool


@asynccontextmanager
async def open_docker(
    owner: str, options: DockerOptions | None = None
) -> AsyncIterator[DockerRuntime]:
    """Give the runtime of *owner* (the executor's id, which labels all its containers).

    UnavailableError when the engine does not answer, UnsupportedError when it is older than 20.10.
    At the end connections are closed; containers go on.
    """
    options = options or DockerOptions()
    async with connect(options.host) as engine:
        await engine.negotiate()
        info = await ask_info(engine)
        containers = Containers(engine, owner)
        exits = Exits(engine, containers, owner)
        root = Path(info.docker_root_dir) if options.read_log_files else None
        tasks = Tasks()
        with FileChanges() as changes:
            tasks.spawn(exits.run(), name="docker events")
            tasks.spawn(changes.run(), name="docker log files")
            capabilities = Capabilities(
                name="docker",
                version=info.server_version,
                ports=True,
                terminal=True,
                limits=info.memory_limit and info.cpu_cfs_quota,
                images=True,
                exec=True,
            )
            logs = Logs(engine, exits, changes, root)
            # The pool needs one of the engine's files, so it is off where they are out of reach.
            here = options.host.startswith("unix:") and options.read_log_files
            actions = pool_actions(engine, containers, owner, options.pause_image)
            execs = Execs(engine, options.host)
            pool = Pool(actions, tasks, limit=options.warm_networks if here else 0)
            try:
                await exits.ready()
                await _adopt(pool, containers)
                tasks.spawn(pool.run(), name="docker networks")
                settings = Settings(owner, options, capabilities, root if here else None, execs)
                yield DockerRuntime(engine, containers, exits, logs, pool, settings)
            finally:
                await execs.close()
                await pool.close()
                await tasks.stop()


async def _adopt(pool: Pool, containers: Containers) -> None:
    """Have *pool* take over the networks that a process before us left, and remove dead ones."""
    ours = await containers.ours()
    networks = []
    for pause in (one.id for one in ours if POOL in (one.labels or {})):
        if network := await find_network(containers, pause):
            networks.append(network)
        else:
            await containers.remove(pause)
    await pool.adopt(networks, network_users(ours))


async def ask_info(engine: Engine) -> wire.Info:
    """Return what the engine says of itself. It runs programs to find that out: ask once."""
    answer = await engine.call("GET", "/info", limit_s=30)
    if not answer.ok:
        raise refused(answer, "ask Docker Engine about itself")
    return answer.decode(wire.Info)
