"""Images: have one on the host, and say what it is."""

from __future__ import annotations

import asyncio
import base64
import time
from typing import Final, TypeVar
from urllib.parse import quote

import msgspec

from argoexec_cli.errors import NotFoundError, UnavailableError
from argoexec_cli.runtime.base import Credentials, Image, ImagePull, OnProgress, PullProgress
from argoexec_cli.runtime.docker import wire
from argoexec_cli.runtime.docker.engine import Answer, Engine
from argoexec_cli.runtime.docker.http import aiohttp
from argoexec_cli.runtime.docker.refusals import pull_refused, refused
from argoexec_cli.runtime.images import StoredImage

_T = TypeVar("_T")
_REPORT_EVERY_S: Final = 0.2
_DONE: Final = frozenset({"Pull complete", "Already exists"})
_LAYER_STATES: Final = _DONE | {
    "Pulling fs layer",
    "Waiting",
    "Downloading",
    "Verifying Checksum",
    "Download complete",
    "Extracting",
}


async def have_image(
    engine: Engine, pull: ImagePull, on_progress: OnProgress | None, *, stall_s: float
) -> Image:
    """Do what `Runtime.pull` promises. Cancelling ends the download.

    Layers that are complete stay with the engine.
    """
    before = await find_image(engine, pull.image)
    if pull.policy == "Never" and before is None:
        raise NotFoundError(
            f"image {pull.image} is not on the host and its pull policy is Never",
            hint=f"docker pull {pull.image}",
        )
    if before is not None and pull.policy != "Always":
        return before
    await _Pull(engine, pull, on_progress, stall_s).run()
    after = await find_image(engine, pull.image)
    if after is None:
        raise NotFoundError(
            f"image {pull.image} was pulled and removed at once", hint="pull it again"
        )
    fetched = before is None or before.id != after.id
    return msgspec.structs.replace(after, pulled=fetched)


async def find_image(engine: Engine, name: str) -> Image | None:
    """Describe an image that is on the host; None when it is not. InvalidError.

    Not an image name.
    """
    answer = await engine.call("GET", f"/images/{quote(name, safe='/:@')}/json")
    if answer.status == 404:
        return None
    if answer.status == 400:
        raise pull_refused(answer.message, name)
    if not answer.ok:
        raise refused(answer, f"inspect image {name}")
    info = answer.decode(wire.ImageInfo)
    return Image(
        id=info.id,
        digest=_digest(info.repo_digests or [], name),
        size_bytes=info.size,
        user=info.config.user if info.config else "",
    )


async def list_images(engine: Engine) -> list[StoredImage]:
    """Do what `ImageStore.list_images` promises."""
    images = await _read(engine, "/images/json", list[wire.ListedImage])
    # Asked for after the images: one that a container was made from meanwhile is seen to be in use.
    containers = await _read(engine, "/containers/json", list[wire.UserOfImage])
    used = {container.image_id for container in containers}
    return [
        StoredImage(id=image.id, size_bytes=image.size, in_use=image.id in used) for image in images
    ]


async def remove_image(engine: Engine, name: str) -> bool:
    """Do what `ImageStore.remove_image` promises: the engine itself refuses what is in use."""
    # A name without a tag would be looked up as an id too.
    path = f"/images/{quote(name if name.startswith('sha256:') else full_name(name), safe='/:@')}"
    answer = await engine.call("DELETE", path)
    if answer.ok or answer.status == 404:
        return True
    if answer.status == 409:
        return False
    raise refused(answer, f"remove image {name}")


async def _read(engine: Engine, path: str, kind: type[_T]) -> _T:
    answer = await engine.call("GET", path, {"all": "1"})
    if not answer.ok:
        raise refused(answer, f"read {path}")
    return answer.decode(kind)


def full_name(image: str) -> str:
    """Add the tag that is meant when there is none; the engine would pull every tag."""
    last = image.rpartition("/")[2]
    return image if ":" in last or "@" in last else f"{image}:latest"


def _digest(digests: list[str], name: str) -> str:
    """Choose the digest of the repository that *name* names.

    One image may have come from several.
    """
    repository = name.partition("@")[0]
    if ":" in repository.rpartition("/")[2]:
        repository = repository.rpartition(":")[0]
    known = dict(entry.split("@", 1) for entry in digests if "@" in entry)
    for stored, digest in known.items():
        # Docker stores Docker Hub's images without its host and without "library/".
        if repository == stored or repository.endswith(f"/{stored}"):
            return digest
    return next(iter(known.values()), "")


class _Pull:
    """One pull: reads the engine's report, layer by layer, and passes it on."""

    def __init__(
        self, engine: Engine, pull: ImagePull, on_progress: OnProgress | None, stall_s: float
    ) -> None:
        self._engine = engine
        self._pull = pull
        self._on_progress = on_progress
        self._stall_s = stall_s
        self._bytes: dict[str, tuple[int, int]] = {}
        self._done: set[str] = set()
        self._layers: set[str] = set()
        self._reported = 0.0

    async def run(self) -> None:
        image = self._pull.image
        params = {"fromImage": full_name(image)}
        headers = _auth(self._pull.credentials)
        try:
            # The limit covers the first answer, which comes only after the registry's.
            async with asyncio.timeout(self._stall_s) as limit:
                async with self._engine.stream("POST", "/images/create", params, headers) as stream:
                    if stream.status >= 400:
                        answer = Answer(stream.status, await stream.read())
                        raise pull_refused(answer.message, image)
                    await self._read(stream, limit)
        except TimeoutError as exc:
            raise UnavailableError(
                f"the pull of {image} has made no progress for {self._stall_s:g} s",
                hint="check the network and the registry, then try again",
            ) from exc
        await self._report(force=True)

    async def _read(self, stream: aiohttp.ClientResponse, limit: asyncio.Timeout) -> None:
        loop = asyncio.get_running_loop()
        async for raw in stream.content:
            line = msgspec.json.decode(raw, type=wire.PullLine)
            if line.error:
                raise pull_refused(line.error, self._pull.image)
            if self._advance(line):
                limit.reschedule(loop.time() + self._stall_s)
                await self._report()

    def _advance(self, line: wire.PullLine) -> bool:
        """Note what *line* says; tell whether that was progress.

        A retry that is announced is none.
        """
        if line.status not in _LAYER_STATES:
            return "etrying" not in line.status
        self._layers.add(line.id)
        if line.status in _DONE:
            self._done.add(line.id)
        if line.status == "Downloading":
            self._bytes[line.id] = (line.progress.current, line.progress.total)
        elif line.id in self._bytes:
            total = self._bytes[line.id][1]
            self._bytes[line.id] = (total, total)
        return True

    async def _report(self, *, force: bool = False) -> None:
        now = time.monotonic()
        if self._on_progress is None or not (force or now - self._reported >= _REPORT_EVERY_S):
            return
        self._reported = now
        await self._on_progress(
            PullProgress(
                bytes_done=sum(done for done, _ in self._bytes.values()),
                bytes_total=sum(total for _, total in self._bytes.values()),
                layers_done=len(self._done),
                layers_total=len(self._layers),
            )
        )


def _auth(credentials: Credentials | None) -> dict[str, str]:
    if credentials is None:
        return {}
    login = {"username": credentials.username, "password": credentials.password}
    if credentials.identity_token:
        login = {"identitytoken": credentials.identity_token}
    return {"X-Registry-Auth": base64.urlsafe_b64encode(msgspec.json.encode(login)).decode()}
