"""One pull for any number of pods that wait for the same image."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

import msgspec

from argoexec_cli.aio import Tasks
from argoexec_cli.errors import ArgoexecError, DeniedError, NotFoundError, UnauthenticatedError
from argoexec_cli.executors.local.credentials.keychain import Keychain
from argoexec_cli.executors.local.credentials.logins import Login
from argoexec_cli.executors.local.credentials.names import canonical
from argoexec_cli.executors.local.images.progress import Meter
from argoexec_cli.executors.local.images.record import ImageRecord
from argoexec_cli.models.pod import Container
from argoexec_cli.runtime.base import Image, ImagePull, PullProgress, Runtime

OnProgress = Callable[[str], None]
"""Told how far a pull is, in words."""
_TELL_EVERY_S: Final = 1.0
_TELL_EVERY_OF_MANY_S: Final = 0.02
"""For each pod that waits: a thousand of them must not keep the disk busy with their progress."""
_REFUSED: Final = (UnauthenticatedError, DeniedError, NotFoundError)
"""What another login may change: registries hide what one may not see."""


class Wanted(NamedTuple):
    """An image to have, and the pod's own logins for it."""

    pull: ImagePull
    logins: tuple[Login, ...] = ()


class Had(NamedTuple):
    """An image that is there, and how it came, for people."""

    image: Image
    how: str


class _Pull:
    """One pull under way, and who waits for it."""

    def __init__(self) -> None:
        self.done: asyncio.Future[Had] = asyncio.get_running_loop().create_future()
        self.listeners: set[OnProgress] = set()
        self.meter = Meter(time.monotonic())
        self._told_s = time.monotonic()

    async def on_progress(self, progress: PullProgress) -> None:
        now_s = time.monotonic()
        self.meter.update(progress, now_s)
        pause_s = max(_TELL_EVERY_S, _TELL_EVERY_OF_MANY_S * len(self.listeners))
        if now_s - self._told_s < pause_s or not (text := self.meter.render()):
            return
        self._told_s = now_s
        for listener in tuple(self.listeners):
            listener(text)


class Images:
    """Shares pulls. A pull goes on when those who wait for it are cancelled: the next pod will want
    it.
    """

    def __init__(
        self, runtime: Runtime, tasks: Tasks, keychain: Keychain, record: ImageRecord
    ) -> None:
        """Pull through *runtime*, in background tasks owned by *tasks*."""
        self._runtime = runtime
        self._tasks = tasks
        self._keychain = keychain
        self._record = record
        self._pulls: dict[Wanted, _Pull] = {}
        self._held: Counter[str] = Counter()
        self._going: dict[str, asyncio.Event] = {}

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Keep the image from being removed, from before it is had until a container is made."""
        key = canonical(name)
        self._held[key] += 1
        try:
            yield
        finally:
            self._held[key] -= 1
            if not self._held[key]:
                del self._held[key]
            self._record.touch(key, time.time())

    @contextmanager
    def removing(self, key: str) -> Iterator[bool]:
        """Tell whether the image may be removed now; who wants it meanwhile waits for the end."""
        if key in self._held or self.pulling(key):
            yield False
            return
        self._going[key] = asyncio.Event()
        try:
            yield True
        finally:
            self._going.pop(key).set()

    def pulling(self, name: str) -> bool:
        """Whether a pull of that image is under way, for pods that wait or for those to come."""
        return any(canonical(one.pull.image) == canonical(name) for one in self._pulls)

    async def id_of(self, name: str) -> str:
        """Return the id of an image that is on the host; "" when it is not."""
        try:
            return (await self._runtime.pull(ImagePull(image=name, policy="Never"))).id
        except NotFoundError:
            return ""

    async def get(self, wanted: Wanted, on_progress: OnProgress | None = None) -> Had:
        """Return the image, pulling it if the policy wants that. Errors are those of
        `Runtime.pull`. To be called while the image is `held`.
        """
        pull = self._pulls.get(wanted)
        if pull is None:
            pull = self._pulls[wanted] = _Pull()
            work = self._have(wanted, pull)
            self._tasks.spawn(work, name=f"pull {wanted.pull.image}")
        if on_progress:
            pull.listeners.add(on_progress)
        try:
            return await asyncio.shield(pull.done)
        finally:
            if on_progress:
                pull.listeners.discard(on_progress)

    async def _have(self, wanted: Wanted, pull: _Pull) -> None:
        try:
            had = await self._had(wanted, pull)
        except asyncio.CancelledError:
            pull.done.cancel()
            raise
        except Exception as exc:  # noqa: BLE001 - handed to those who wait, who raise it
            pull.done.set_exception(exc)
            pull.done.exception()
        else:
            pull.done.set_result(had)
        finally:
            del self._pulls[wanted]

    async def _had(self, wanted: Wanted, pull: _Pull) -> Had:
        name, policy = wanted.pull.image, wanted.pull.policy
        while going := self._going.get(canonical(name)):
            await going.wait()
        there = await self._find(wanted.pull)
        if there is not None and policy != "Always":
            return Had(there, f"Already present on the host: image {name}")
        await self._record.intend(name, there.id if there else "", time.time())
        image = await self._fetch(wanted, pull)
        if image.pulled:
            await self._record.pulled(name, image.id, time.time())
        elif intent := self._record.intended(name):
            await self._record.forget(intent)
        took = pull.meter.summary(time.monotonic()) if image.pulled else ""
        how = "Successfully pulled" if image.pulled else "Up to date on the host:"
        return Had(image, f"{how} image {name}{took}")

    async def _find(self, pull: ImagePull) -> Image | None:
        """Return the image if it is on the host. No registry is asked, and no login looked up."""
        try:
            return await self._runtime.pull(msgspec.structs.replace(pull, policy="Never"))
        except NotFoundError:
            if pull.policy == "Never":
                raise
            return None

    async def _fetch(self, wanted: Wanted, pull: _Pull) -> Image:
        """Try every login that may be the right one; without any, nobody in particular."""
        tried, problems = list[str](), list[str]()
        refusal: ArgoexecError | None = None
        async for login in self._keychain.search(wanted.pull.image, wanted.logins, problems):
            tried.append(login.source)
            try:
                with_login = msgspec.structs.replace(wanted.pull, credentials=login.credentials)
                return await self._runtime.pull(with_login, pull.on_progress)
            except _REFUSED as exc:
                refusal = refusal or exc
        if refusal is None:
            try:
                return await self._runtime.pull(wanted.pull, pull.on_progress)
            except _REFUSED as exc:
                refusal = exc
        raise _explained(refusal, tried, problems)


def to_pull(container: Container) -> ImagePull:
    """Resolve a container's pull policy as Kubernetes does: `Always` for the tag latest or none,
    else `IfNotPresent`.
    """
    policy = container.image_pull_policy
    if policy:
        return ImagePull(image=container.image, policy=policy)
    name = container.image.rpartition("/")[2]
    moving = "@" not in name and (":" not in name or name.endswith(":latest"))
    return ImagePull(image=container.image, policy="Always" if moving else "IfNotPresent")


def _explained(error: ArgoexecError, tried: list[str], problems: list[str]) -> ArgoexecError:
    """Say which logins were tried and which could not be."""
    words = [f"tried the login of {', '.join(dict.fromkeys(tried))}"] if tried else []
    message = "; ".join([error.message, *words, *problems])
    return type(error)(message, hint=error.hint)
