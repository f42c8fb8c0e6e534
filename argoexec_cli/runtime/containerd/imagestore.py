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
    others = _others(image, full)
    if not others:
        await cri.remove_image(image.id)
    elif full in (*image.repo_tags, *image.repo_digests):
        for one in (full, *_came_with(image, full)):
            await native.forget_name(one)
    else:
        return len(others) == 1 and await remove_image(cri, native, others[0])
    return True


def _others(image: image_pb2.Image, full: str) -> list[str]:
    """Return the names by which the image stays when *full* goes: other tags, and digests of
    repositories of which no tag is there. A digest of the same repository came with *full*.
    """
    tags = [tag for tag in image.repo_tags if tag != full]
    if full.startswith(_ID):
        return tags
    known = {_repository(name) for name in (full, *tags)}
    return tags + [one for one in image.repo_digests if _repository(one) not in known]


def _came_with(image: image_pb2.Image, full: str) -> list[str]:
    """Return the digests that go with the tag *full*, unless another tag has them."""
    kept = {_repository(tag) for tag in image.repo_tags if tag != full}
    own = _repository(full)
    return [
        one
        for one in image.repo_digests
        if _repository(one) == own and one != full and own not in kept
    ]


def _repository(name: str) -> str:
    path, slash, last = name.partition("@")[0].rpartition("/")
    return f"{path}{slash}{last.partition(':')[0]}"


def _names(image: image_pb2.Image) -> Iterable[str]:
    """Return all by which a container's record may name its image."""
    return {image.id, *image.repo_tags, *image.repo_digests}
