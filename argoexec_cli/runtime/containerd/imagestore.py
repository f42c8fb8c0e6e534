"""The images on the host, for whoever clears up: which there are, and how to forget one."""

from __future__ import annotations

from collections.abc import Iterable

from argoexec_cli.rpc.gen.cri.v1 import image_pb2
from argoexec_cli.runtime.containerd.cri import Cri
from argoexec_cli.runtime.containerd.names import parse_name
from argoexec_cli.runtime.containerd.native import Native
from argoexec_cli.runtime.images import StoredImage

_ID: str = "sha256:"


async def list_images(cri: Cri, native: Native) -> list[StoredImage]:
    """Do what `ImageStore.list_images` promises."""
    images = await cri.images()
    # Asked for after the images: one that a container was made from meanwhile is seen to be in use.
    used = await native.images_in_use()
    return [
        StoredImage(id=one.id, size_bytes=one.size, in_use=not used.isdisjoint(_names(one)))
        for one in images
    ]


async def remove_image(cri: Cri, native: Native, name: str) -> bool:
    """Do what `ImageStore.remove_image` promises. A container keeps its files in any case."""
    image = await cri.image(name)
    if image is None:
        return True
    if not (await native.images_in_use()).isdisjoint(_names(image)):
        return False
    full = name if name.startswith(_ID) else str(parse_name(name))
    others = [tag for tag in image.repo_tags if tag != full]
    if not others:
        await cri.remove_image(image.id)
    elif full in (*image.repo_tags, *image.repo_digests):
        await native.forget_name(full)
    else:
        return len(others) == 1 and await remove_image(cri, native, others[0])
    return True


def _names(image: image_pb2.Image) -> Iterable[str]:
    """Return all by which a container's record may name its image."""
    return {image.id, *image.repo_tags, *image.repo_digests}
