"""The container that holds a pod's network while its other containers come and go."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from argoexec_cli.errors import NotFoundError
from argoexec_cli.runtime.base import Image, ImagePull, Sandbox, SandboxSpec
from argoexec_cli.runtime.docker import wire
from argoexec_cli.runtime.docker.containers import ENDED, Containers
from argoexec_cli.runtime.docker.engine import Engine
from argoexec_cli.runtime.docker.images import find_image, have_image
from argoexec_cli.runtime.docker.refusals import refused
from argoexec_cli.runtime.docker.render import render_pool_network, render_sandbox
from argoexec_cli.runtime.labels import from_labels
from argoexec_cli.runtime.pool import Network, PoolActions
from argoexec_cli.runtime.standin import PAUSE_IMAGE, root_archive

# Sleeps for as long as the engine's clock counts; nothing runs in it but that.
_ENTRYPOINT: Final = 'ENTRYPOINT ["/bin/sleep", "2147483647"]'


async def ensure_sandbox(
    engine: Engine, containers: Containers, spec: SandboxSpec, owner: str, pause_image: str
) -> Sandbox:
    """Start the pod's pause container, or find it running.

    *pause_image* is pulled when it is not there; empty means one that is made here from the host's
    own busybox. One that has ended, as all have after a restart of the host, is started again, with
    another address, when nothing of the pod runs; NotFoundError when something does.
    """
    image_id = await pause_image_id(engine, pause_image)
    container, has_run = await containers.create(spec.key, render_sandbox(spec, image_id, owner))
    if not has_run or not await _is_used(containers, spec.key.pod_uid):
        await containers.start(container, "the pod's network")
    found = await containers.inspect(container)
    if found is None or found.state.status != "running":
        raise NotFoundError(
            f"the sandbox of pod {spec.pod_namespace}/{spec.pod_name} has ended",
            hint="submit the pod again",
        )
    return Sandbox(id=container, spec=spec, ip=found.network_settings.ip)


async def _is_used(containers: Containers, pod_uid: str) -> bool:
    """Tell whether anything of the pod runs: the sandbox, or what still has its network."""
    for one in await containers.ours():
        key = from_labels(one.labels or {})
        if key is not None and key.pod_uid == pod_uid and one.state not in {"created", *ENDED}:
            return True
    return False


def pool_actions(
    engine: Engine, containers: Containers, owner: str, pause_image: str
) -> PoolActions:
    """Let a pool make and remove its networks."""

    async def make() -> Network:
        image_id = await pause_image_id(engine, pause_image)
        name = f"argoexec-network-{uuid.uuid4().hex[:12]}"
        container = await containers.create_named(name, render_pool_network(image_id, owner))
        await containers.start(container, name)
        network = await find_network(containers, container)
        if network is None:
            raise NotFoundError(f"{name} has ended at once", hint=f"docker logs {name}")
        return network

    return PoolActions(make, containers.remove)


async def find_network(containers: Containers, container: str) -> Network | None:
    """Return the network that a pause container of the pool holds; None when it holds none."""
    found = await containers.inspect(container)
    if found is None or found.state.status != "running":
        return None
    text = await asyncio.to_thread(_read, found.resolv_conf_path)
    return Network(found.id, found.network_settings.ip, text)


def network_users(listed: Iterable[wire.Listed]) -> dict[str, str]:
    """Tell by the network's id which pod runs in it, or will: a container that was only made starts
    in the network with which it was made.
    """
    users = {}
    for one in listed:
        key = from_labels(one.labels or {})
        mode = one.host_config.network_mode
        if key is not None and one.state not in ENDED and mode.startswith("container:"):
            users[mode.removeprefix("container:")] = key.pod_uid
    return users


def _read(path: str) -> str:
    """Read resolv.conf; a file without an entry is still a file (name service by hosts alone)."""
    return Path(path).read_text(encoding="utf-8") or "\n"


async def pause_image_id(engine: Engine, pause_image: str) -> str:
    """Return the id of the pause image, which is pulled or made when it is not there."""
    if pause_image:
        return (await have_image(engine, ImagePull(image=pause_image), None, stall_s=300)).id
    return (await own_image(engine)).id


async def own_image(engine: Engine) -> Image:
    """Describe our own pause image, which is made when it is not there."""
    async with engine.making:
        return await find_image(engine, PAUSE_IMAGE) or await _make_own_image(engine)


async def _make_own_image(engine: Engine) -> Image:
    repository, _, tag = PAUSE_IMAGE.partition(":")
    wanted = {"fromSrc": "-", "repo": repository, "tag": tag, "changes": _ENTRYPOINT}
    answer = await engine.call("POST", "/images/create", wanted, root_archive())
    if not answer.ok:
        raise refused(answer, f"import image {PAUSE_IMAGE}")
    found = await find_image(engine, PAUSE_IMAGE)
    if found is None:
        raise NotFoundError(
            f"image {PAUSE_IMAGE} is missing although it was imported",
            hint="configure a pause image",
        )
    return found
