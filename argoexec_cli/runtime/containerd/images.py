"""Images: have one on the host, and say what it is."""

from __future__ import annotations

import msgspec

from argoexec_cli.errors import NotFoundError
from argoexec_cli.rpc.gen.cri.v1 import image_pb2
from argoexec_cli.runtime.base import Credentials, Image, ImagePull
from argoexec_cli.runtime.containerd.cri import Cri


async def have_image(cri: Cri, pull: ImagePull, *, limit_s: float) -> Image:
    """Do what `Runtime.pull` promises. Cancelling ends the download.

    The interface tells nothing of a pull's progress, so only *limit_s* ends one that stalls.
    """
    before = await cri.image(pull.image)
    if pull.policy == "Never" and before is None:
        raise NotFoundError(
            f"image {pull.image} is not on the host and its pull policy is Never",
            hint=f"crictl pull {pull.image}",
        )
    if before is not None and pull.policy != "Always":
        return to_image(before, pull.image)
    request = image_pb2.PullImageRequest(image=image_pb2.ImageSpec(image=pull.image))
    if pull.credentials is not None:
        request.auth.CopyFrom(_auth(pull.credentials))
    after = await cri.image(await cri.pull(request, limit_s=limit_s))
    if after is None:
        raise NotFoundError(
            f"image {pull.image} was pulled and removed at once", hint="pull it again"
        )
    fetched = before is None or before.id != after.id
    return msgspec.structs.replace(to_image(after, pull.image), pulled=fetched)


def to_image(image: image_pb2.Image, name: str) -> Image:
    """Translate an image, which is called *name* here."""
    user = str(image.uid.value) if image.HasField("uid") else image.username
    return Image(
        id=image.id,
        digest=_digest(list(image.repo_digests), name),
        size_bytes=image.size,
        user=user,
    )


def _auth(credentials: Credentials) -> image_pb2.AuthConfig:
    return image_pb2.AuthConfig(username=credentials.username, password=credentials.password)


def _digest(digests: list[str], name: str) -> str:
    """Choose the digest of the repository that *name* names; one image may come from several."""
    repository = name.partition("@")[0]
    if ":" in repository.rpartition("/")[2]:
        repository = repository.rpartition(":")[0]
    known = dict(entry.split("@", 1) for entry in digests if "@" in entry)
    for stored, digest in known.items():
        # The runtime stores names in full: docker.io/library/busybox.
        if stored == repository or stored.endswith(f"/{repository}"):
            return digest
    return next(iter(known.values()), "")
