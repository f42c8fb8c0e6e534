"""containerd's interface for kubelets, as far as we use it: images, and how it is configured."""

from __future__ import annotations

from typing import Any

from grpc import aio

from argoexec_cli.rpc.gen.cri.v1 import image_pb2, image_pb2_grpc, runtime_pb2, runtime_pb2_grpc
from argoexec_cli.runtime.containerd.channel import LIMIT_S, Channel, refusal
from argoexec_cli.runtime.containerd.refusals import pull_refused


class Cri:
    """The calls, one method each. Every method may raise `UnavailableError`: no answer."""

    def __init__(self, channel: Channel) -> None:
        """Use *channel*."""
        self._channel = channel
        self._runtime: Any = runtime_pb2_grpc.RuntimeServiceStub(channel.grpc)  # type: ignore[no-untyped-call] # generated
        self._images: Any = image_pb2_grpc.ImageServiceStub(channel.grpc)  # type: ignore[no-untyped-call] # generated

    async def status(self) -> runtime_pb2.StatusResponse:
        """Ask how it is and how it is configured. `UnsupportedError`: it is switched off."""
        answer: runtime_pb2.StatusResponse = await self._channel.call(
            self._runtime.Status,
            runtime_pb2.StatusRequest(verbose=True),
            "ask containerd's plugin cri how pods are configured",
        )
        return answer

    async def image(self, name: str) -> image_pb2.Image | None:
        """Look at an image by name or id; None when it is not on the host."""
        answer = await self._image_status(name, verbose=False)
        return answer.image if answer.HasField("image") else None

    async def image_config(self, name: str) -> str:
        """Return layers and configuration of an image as JSON; empty when it is not there."""
        answer = await self._image_status(name, verbose=True)
        return answer.info.get("info", "")

    async def images(self) -> list[image_pb2.Image]:
        """List all images."""
        answer: image_pb2.ListImagesResponse = await self._channel.call(
            self._images.ListImages, image_pb2.ListImagesRequest(), "list images"
        )
        return list(answer.images)

    async def remove_image(self, image_id: str) -> None:
        """Forget an image under all its names. Repeatable."""
        request = image_pb2.RemoveImageRequest(image=image_pb2.ImageSpec(image=image_id))
        await self._channel.call(self._images.RemoveImage, request, f"remove image {image_id}")

    async def pull(self, request: image_pb2.PullImageRequest, *, limit_s: float) -> str:
        """Fetch an image; return its id. Errors as `Runtime.pull` has them."""
        answer: image_pb2.PullImageResponse = await self._image_call(
            "PullImage", request, request.image.image, limit_s
        )
        return answer.image_ref

    async def _image_status(self, name: str, *, verbose: bool) -> image_pb2.ImageStatusResponse:
        request = image_pb2.ImageStatusRequest(
            image=image_pb2.ImageSpec(image=name), verbose=verbose
        )
        answer: image_pb2.ImageStatusResponse = await self._image_call("ImageStatus", request, name)
        return answer

    async def _image_call(
        self, method: str, request: object, name: str, limit_s: float = LIMIT_S
    ) -> Any:
        try:
            return await getattr(self._images, method)(request, timeout=limit_s)
        except aio.AioRpcError as exc:
            raise pull_refused(refusal(exc), name, self._channel.address) from exc
