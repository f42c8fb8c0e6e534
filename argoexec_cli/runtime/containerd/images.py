"""Images: have one on the host, and say what it is."""

from __future__ import annotations

import asyncio
import uuid
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from argoexec_cli.errors import NotFoundError, UnavailableError
from argoexec_cli.rpc.gen.cri.v1 import image_pb2
from argoexec_cli.runtime.base import Credentials, Image, ImagePull, OnProgress
from argoexec_cli.runtime.containerd.cri import Cri
from argoexec_cli.runtime.containerd.names import parse_name
from argoexec_cli.runtime.containerd.native import Native
from argoexec_cli.runtime.containerd.progress import Content, report, watched
from argoexec_cli.runtime.containerd.rootfs import read_files

_KEPT: Final = 256
_TRIES: Final = 3
_USERS: Final = "etc/passwd"
_GROUPS: Final = "etc/group"


class ImageConfig(msgspec.Struct, frozen=True, rename="pascal"):
    """What an image says of its containers (OCI image specification, `config`)."""

    user: str = ""
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    working_dir: str = ""
    stop_signal: str = ""


class _Spec(msgspec.Struct, frozen=True):
    config: ImageConfig = ImageConfig()


class _Info(msgspec.Struct, frozen=True, rename="camel"):
    chain_id: str = msgspec.field(name="chainID")
    image_spec: _Spec = _Spec()


class Details(msgspec.Struct, frozen=True):
    """What is needed of an image to run it: its files' name, its words, its users and groups."""

    chain_id: str
    config: ImageConfig = ImageConfig()
    passwd: str = ""
    group: str = ""


class PullLimits(NamedTuple):
    """How long a pull may take in all, and how long nothing may come."""

    whole_s: float
    stall_s: float


class Images:
    """The images of one containerd."""

    def __init__(
        self, cri: Cri, native: Native, content: Content, snapshotter: str, work: Path
    ) -> None:
        """Look at files in directories that are made below *work*."""
        self._cri = cri
        self._content = content
        self._native = native
        self._snapshotter = snapshotter
        self._work = work
        self._details: OrderedDict[str, Details] = OrderedDict()

    async def have(
        self, pull: ImagePull, on_progress: OnProgress | None, limits: PullLimits
    ) -> Image:
        """Do what `Runtime.pull` promises. Cancelling ends the download."""
        before = await self._cri.image(pull.image)
        if pull.policy == "Never" and before is None:
            raise NotFoundError(
                f"image {pull.image} is not on the host and its pull policy is Never",
                hint=f"ctr --namespace k8s.io images pull {pull.image}",
            )
        if before is not None and pull.policy != "Always":
            return to_image(before, pull.image)
        request = image_pb2.PullImageRequest(image=image_pb2.ImageSpec(image=pull.image))
        if pull.credentials is not None:
            request.auth.CopyFrom(_auth(pull.credentials))
        name = parse_name(pull.image)
        fetched_id = await watched(
            self._cri.pull(request, limit_s=limits.whole_s),
            report(self._content, name, on_progress, limits.stall_s),
        )
        after = await self._cri.image(fetched_id)
        if after is None:
            raise NotFoundError(
                f"image {pull.image} was pulled and removed at once", hint="pull it again"
            )
        fetched = before is None or before.id != after.id
        if fetched and on_progress:
            await on_progress((await self._content.look(name)).progress)
        return msgspec.structs.replace(to_image(after, pull.image), pulled=fetched)

    async def details(self, image_id: str) -> Details:
        """Return what is needed to run an image. An id stands for the same for ever.

        `NotFoundError`: it is gone.
        """
        known = self._details.get(image_id)
        if known is None:
            info = await self._cri.image_config(image_id)
            if not info:
                raise NotFoundError(f"image {image_id} is gone", hint="submit the pod again")
            known = self._details[image_id] = await self._look(
                msgspec.json.decode(info, type=_Info)
            )
        self._details.move_to_end(image_id)
        while len(self._details) > _KEPT:
            self._details.popitem(last=False)
        return known

    async def _look(self, info: _Info) -> Details:
        for left in range(_TRIES - 1, -1, -1):
            try:
                files = await self._read(info.chain_id)
            except OSError as exc:
                # Nothing holds the view that is read: containerd may have collected it as garbage.
                if not left:
                    raise UnavailableError(
                        f"cannot look into an image: {exc}", hint="argoexec doctor"
                    ) from exc
            else:
                config = info.image_spec.config
                return Details(info.chain_id, config, files[_USERS], files[_GROUPS])
        raise AssertionError("the last try returns or raises")

    async def _read(self, chain_id: str) -> dict[str, str]:
        view = f"argoexec-view-{uuid.uuid4().hex}"
        mounts = await self._native.view(self._snapshotter, view, chain_id)
        try:
            return await asyncio.to_thread(read_files, mounts, (_USERS, _GROUPS), self._work)
        finally:
            with suppress(NotFoundError):  # collected as garbage meanwhile
                await self._native.remove_snapshot(self._snapshotter, view)


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
    return image_pb2.AuthConfig(
        username=credentials.username,
        password=credentials.password,
        identity_token=credentials.identity_token,
    )


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
