"""The sandboxes that several containers of a pod share: make, find, list."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Final, Literal

from argoexec_cli.errors import AlreadyExistsError, NotFoundError, UnavailableError
from argoexec_cli.rpc.gen.cri.v1 import container_pb2, sandbox_pb2
from argoexec_cli.runtime.base import ContainerKey, Found, Handle, Sandbox, SandboxSpec
from argoexec_cli.runtime.containerd.cri import Cri
from argoexec_cli.runtime.containerd.render import Place, key_labels, render_sandbox
from argoexec_cli.runtime.labels import OWNER, SPEC_HASH, from_labels

_ATTEMPTS: Final = 100
_PAUSE_S: Final = 0.1
_State = Literal["created", "running", "exited"]
_STATES: Final[dict[int, _State]] = {
    container_pb2.CONTAINER_CREATED: "created",
    container_pb2.CONTAINER_RUNNING: "running",
}


class Sandboxes:
    """The sandboxes of one owner."""

    def __init__(self, cri: Cri, place: Place) -> None:
        """Use *cri*; nothing is asked yet."""
        self._cri = cri
        self._place = place

    async def ensure(self, spec: SandboxSpec) -> Sandbox:
        """Start the pod's sandbox, or find it running.

        `NotFoundError` when it existed and has ended: its address is lost, and its containers too.
        """
        config = render_sandbox(spec, spec.key, self._place)
        pod = f"pod {spec.pod_namespace}/{spec.pod_name}"
        for _ in range(_ATTEMPTS):
            try:
                sandbox = await self._cri.run_sandbox(config, f"the sandbox of {pod}")
            except AlreadyExistsError:
                sandbox = await self._find(spec.key)
            if sandbox:
                status = await self._cri.sandbox(sandbox)
                if status.state != sandbox_pb2.SANDBOX_READY:
                    raise NotFoundError(
                        f"the sandbox of {pod} has ended", hint="submit the pod again"
                    )
                return Sandbox(id=sandbox, spec=spec, ip=status.network.ip)
            # Another call is making it, or removing it: its name is taken, and it is not there.
            await asyncio.sleep(_PAUSE_S)
        raise UnavailableError(f"the name of the sandbox of {pod} stays taken", hint="crictl pods")

    async def list(self) -> list[Found]:
        """List containers and sandboxes.

        A container's own sandbox is listed only while the container is not there, and then as that
        container, created.
        """
        labels = {OWNER: self._place.owner}
        listed = await self._cri.containers(labels)
        sandboxes = await self._cri.sandboxes(labels)
        ips = dict(await asyncio.gather(*map(self._ip, sandboxes)))
        found = [one for container in listed if (one := _to_found(container, ips))]
        keys = {one.handle.key for one in found}
        for sandbox in sandboxes:
            key = from_labels(dict(sandbox.labels))
            if key is not None and key not in keys:
                found.append(_sandbox_found(sandbox, key, ips[sandbox.id]))
        return found

    async def _find(self, key: ContainerKey) -> str:
        found = await self._cri.sandboxes(key_labels(self._place.owner, key))
        return found[0].id if found else ""

    async def _ip(self, sandbox: sandbox_pb2.PodSandbox) -> tuple[str, str]:
        if sandbox.state != sandbox_pb2.SANDBOX_READY:
            return sandbox.id, ""
        try:
            return sandbox.id, (await self._cri.sandbox(sandbox.id)).network.ip
        except NotFoundError:
            return sandbox.id, ""


def _to_found(container: container_pb2.Container, ips: dict[str, str]) -> Found | None:
    """Translate an entry of the runtime's list; None when its labels are not (all) ours."""
    labels = dict(container.labels)
    key = from_labels(labels)
    if key is None:
        return None
    return Found(
        handle=Handle(id=container.id, key=key),
        state=_STATES.get(container.state, "exited"),
        spec_hash=labels.get(SPEC_HASH, ""),
        created_at=_time(container.created_at),
        ip=ips.get(container.pod_sandbox_id, ""),
    )


def _sandbox_found(sandbox: sandbox_pb2.PodSandbox, key: ContainerKey, ip: str) -> Found:
    ready = sandbox.state == sandbox_pb2.SANDBOX_READY
    state: _State = "created" if key.container else "running" if ready else "exited"
    return Found(
        handle=Handle(id=sandbox.id, key=key),
        state=state,
        created_at=_time(sandbox.created_at),
        ip=ip,
    )


def _time(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns / 1e9, tz=UTC)
