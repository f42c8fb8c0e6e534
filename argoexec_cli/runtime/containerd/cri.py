"""One container runtime, reached: its calls, with time limits and with our errors."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from grpc import aio

from argoexec_cli.errors import (
    AlreadyExistsError,
    ArgoexecError,
    InvalidError,
    NotFoundError,
    UnavailableError,
)
from argoexec_cli.rpc.gen.cri.v1 import (
    container_pb2,
    image_pb2,
    image_pb2_grpc,
    runtime_pb2,
    runtime_pb2_grpc,
    sandbox_pb2,
)
from argoexec_cli.runtime.containerd.refusals import START, Refusal, pull_refused, refused

LIMIT_S: Final = 120.0
"""For one call. Generous: a start takes seconds when a hundred containers start at once."""
_UNIX: Final = "unix://"
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", -1),  # a list of all our containers may be long
    ("grpc.enable_http_proxy", 0),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.use_local_subchannel_pool", 1),
)


class Cri:
    """The calls, one method each. Cancelling a method cancels the call in the runtime, too.

    Every method may raise `UnavailableError`: the runtime does not answer.
    """

    def __init__(self, channel: aio.Channel, address: str) -> None:
        """Use *channel*; *address* is for messages."""
        self._address = address
        self._runtime: Any = runtime_pb2_grpc.RuntimeServiceStub(channel)  # type: ignore[no-untyped-call] # generated
        self._images: Any = image_pb2_grpc.ImageServiceStub(channel)  # type: ignore[no-untyped-call] # generated

    async def version(self) -> runtime_pb2.VersionResponse:
        """Ask who answers."""
        answer: runtime_pb2.VersionResponse = await self._runtime_call(
            "Version", runtime_pb2.VersionRequest(), "ask for the version"
        )
        return answer

    async def conditions(self) -> dict[str, runtime_pb2.RuntimeCondition]:
        """Ask whether containers can be started; conditions by their type."""
        answer: runtime_pb2.StatusResponse = await self._runtime_call(
            "Status", runtime_pb2.StatusRequest(), "ask for the runtime's state"
        )
        return {one.type: one for one in answer.status.conditions}

    async def run_sandbox(self, config: sandbox_pb2.PodSandboxConfig, what: str) -> str:
        """Make and start a sandbox; return its id."""
        request = sandbox_pb2.RunPodSandboxRequest(config=config)
        answer: sandbox_pb2.RunPodSandboxResponse = await self._runtime_call(
            "RunPodSandbox", request, f"make {what}"
        )
        return answer.pod_sandbox_id

    async def remove_sandbox(self, sandbox: str) -> None:
        """Delete a sandbox with its containers. Repeatable.

        `AlreadyExistsError`: another call is deleting it.
        """
        request = sandbox_pb2.RemovePodSandboxRequest(pod_sandbox_id=sandbox)
        try:
            await self._runtime_call("RemovePodSandbox", request, f"remove sandbox {sandbox}")
        except NotFoundError as exc:
            # A sandbox that is gone is no error; so a part of this one has just gone.
            raise AlreadyExistsError(exc.message, hint=exc.hint) from exc

    async def sandbox(self, sandbox: str) -> sandbox_pb2.PodSandboxStatus:
        """Look at a sandbox. `NotFoundError`."""
        request = sandbox_pb2.PodSandboxStatusRequest(pod_sandbox_id=sandbox)
        answer: sandbox_pb2.PodSandboxStatusResponse = await self._runtime_call(
            "PodSandboxStatus", request, f"look at sandbox {sandbox}"
        )
        return answer.status

    async def sandboxes(self, labels: dict[str, str]) -> list[sandbox_pb2.PodSandbox]:
        """Find the sandboxes that have all of *labels*."""
        selector = sandbox_pb2.PodSandboxFilter(label_selector=labels)
        answer: sandbox_pb2.ListPodSandboxResponse = await self._runtime_call(
            "ListPodSandbox", sandbox_pb2.ListPodSandboxRequest(filter=selector), "list sandboxes"
        )
        return list(answer.items)

    async def create(self, request: container_pb2.CreateContainerRequest, what: str) -> str:
        """Make a container; return its id. `NotFoundError`: image or sandbox is gone."""
        answer: container_pb2.CreateContainerResponse = await self._runtime_call(
            "CreateContainer", request, f"create {what}"
        )
        return answer.container_id

    async def start(self, container: str, what: str) -> None:
        """Start a container. `StartError`: its command cannot be started."""
        request = container_pb2.StartContainerRequest(container_id=container)
        await self._runtime_call("StartContainer", request, f"start {what}")

    async def stop(self, container: str, timeout_s: int, *, limit_s: float = LIMIT_S) -> None:
        """Send TERM, and KILL after *timeout_s*; return when the container has ended."""
        request = container_pb2.StopContainerRequest(container_id=container, timeout=timeout_s)
        await self._runtime_call("StopContainer", request, f"stop container {container}", limit_s)

    async def remove(self, container: str) -> None:
        """Delete a container. Repeatable."""
        request = container_pb2.RemoveContainerRequest(container_id=container)
        await self._runtime_call("RemoveContainer", request, f"remove container {container}")

    async def container(self, container: str) -> container_pb2.ContainerStatus:
        """Look at a container. `NotFoundError`."""
        request = container_pb2.ContainerStatusRequest(container_id=container)
        answer: container_pb2.ContainerStatusResponse = await self._runtime_call(
            "ContainerStatus", request, f"look at container {container}"
        )
        return answer.status

    async def containers(self, labels: dict[str, str]) -> list[container_pb2.Container]:
        """Find the containers that have all of *labels*."""
        selector = container_pb2.ContainerFilter(label_selector=labels)
        answer: container_pb2.ListContainersResponse = await self._runtime_call(
            "ListContainers",
            container_pb2.ListContainersRequest(filter=selector),
            "list containers",
        )
        return list(answer.containers)

    async def image(self, name: str) -> image_pb2.Image | None:
        """Look at an image by name or id; None when it is not on the host."""
        request = image_pb2.ImageStatusRequest(image=image_pb2.ImageSpec(image=name))
        try:
            answer: image_pb2.ImageStatusResponse = await self._images.ImageStatus(
                request, timeout=LIMIT_S
            )
        except aio.AioRpcError as exc:
            raise pull_refused(_refusal(exc), name, self._address) from exc
        return answer.image if answer.HasField("image") else None

    async def pull(self, request: image_pb2.PullImageRequest, *, limit_s: float) -> str:
        """Fetch an image; return its id. Errors as `Runtime.pull` has them."""
        try:
            answer: image_pb2.PullImageResponse = await self._images.PullImage(
                request, timeout=limit_s
            )
        except aio.AioRpcError as exc:
            raise pull_refused(_refusal(exc), request.image.image, self._address) from exc
        return answer.image_ref

    async def _runtime_call(
        self, method: str, request: object, what: str, limit_s: float = LIMIT_S
    ) -> Any:
        try:
            return await getattr(self._runtime, method)(request, timeout=limit_s)
        except aio.AioRpcError as exc:
            raise _translated(exc, what, self._address) from exc


def _translated(exc: aio.AioRpcError, what: str, address: str) -> ArgoexecError:
    rows = START if what.startswith(("make ", "create ", "start ")) else ()
    return refused(_refusal(exc), what, address, rows)


def _refusal(exc: aio.AioRpcError) -> Refusal:
    return Refusal(exc.code(), exc.details() or exc.code().name)


@asynccontextmanager
async def connect(address: str) -> AsyncIterator[Cri]:
    """Give the runtime at *address* (`unix:///path`), without asking it anything yet."""
    if not address.startswith(_UNIX):
        raise InvalidError(
            f"{address!r} is not an address of a container runtime",
            hint="use unix:///run/containerd/containerd.sock",
        )
    if not _exists(address.removeprefix(_UNIX)):
        raise UnavailableError(
            f"no container runtime answers at {address} (no such socket)", hint="argoexec doctor"
        )
    async with aio.insecure_channel(address, options=_OPTIONS) as channel:
        yield Cri(channel, address)


def _exists(path: str) -> bool:
    return os.path.exists(path)
