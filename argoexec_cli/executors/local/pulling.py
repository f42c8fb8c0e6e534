"""Having the image of one container: tries, what is told meanwhile, and when it is hopeless.

What may pass (the registry does not answer, the disk is full) is tried again for a minute, as
ImagePullBackOff; what will not (no such image, no such login, no name of an image) fails at once.
While the engine itself is away, as it is for an upgrade, the minute does not count.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from argoexec_cli.errors import (
    ArgoexecError,
    CapacityError,
    InvalidError,
    NotFoundError,
    UnavailableError,
)
from argoexec_cli.executors.local import statuses
from argoexec_cli.executors.local.credentials.logins import Login, logins_of
from argoexec_cli.executors.local.ending import AttemptError
from argoexec_cli.executors.local.images.pulls import Had, Wanted, to_pull
from argoexec_cli.executors.local.retrying import PASSING
from argoexec_cli.models.pod import Container
from argoexec_cli.runtime.base import Image

if TYPE_CHECKING:
    from argoexec_cli.executors.local.worker import PodWorker

_SLOW_PULL_S: Final = 0.25
"""A pull that takes longer is told of while it goes on."""
_LONGEST_BACKOFF_S: Final = 20.0


class Pulling:
    """Has one container's image. Where it is goes into the container's status: the message of its
    waiting state says how far the pull is, at most once a second. Events tell only of the beginning
    and the end.
    """

    def __init__(self, worker: PodWorker, container: Container) -> None:
        """Prepare; `run` does it."""
        self._worker = worker
        self._container = container
        self._name = container.name
        self._settings = worker.host.settings.images

    async def run(self) -> Image:
        """Return the image. `AttemptError` when it cannot be had; cancel it to give up."""
        wanted = Wanted(to_pull(self._container), self._own_logins())
        loop = asyncio.get_running_loop()
        backoff_s, give_up_s = self._settings.backoff_s, 0.0
        while True:
            try:
                had = await self._try(wanted)
            except PASSING as exc:
                if await self._engine_is_away():
                    give_up_s = 0.0
                else:
                    give_up_s = give_up_s or loop.time() + self._settings.patience_s
                    if loop.time() + backoff_s > give_up_s:
                        raise self._failed(exc, wanted) from exc
                await self._back_off(exc, backoff_s)
                backoff_s = min(backoff_s * 2, _LONGEST_BACKOFF_S)
            except ArgoexecError as exc:
                raise self._failed(exc, wanted) from exc
            else:
                self._worker.note("Pulled", had.how, self._name)
                return had.image

    async def _engine_is_away(self) -> bool:
        try:
            await self._worker.host.runtime.list()
        except UnavailableError:
            return True
        return False

    async def _try(self, wanted: Wanted) -> Had:
        slow = asyncio.get_running_loop().call_later(_SLOW_PULL_S, self._tell)
        try:
            return await self._worker.host.images.get(wanted, self._tell_progress)
        finally:
            slow.cancel()

    async def _back_off(self, fault: ArgoexecError, pause_s: float) -> None:
        self._worker.note("Failed", f"Cannot pull: {fault.message}", self._name, warning=True)
        self._wait("ImagePullBackOff", fault.message)
        await self._worker.save()
        if isinstance(fault, CapacityError):
            with contextlib.suppress(ArgoexecError):
                await self._worker.host.collector.collect()
        await asyncio.sleep(pause_s)

    def _own_logins(self) -> tuple[Login, ...]:
        """Return the logins that came with the pod. One that is missing is no error (nor is it for
        the kubelet): the image may be public, or on the host.
        """
        secrets = {one.metadata.name: one for one in self._worker.request.secrets}
        logins: list[Login] = []
        for ref in self._worker.pod.spec.image_pull_secrets:
            try:
                if ref.name not in secrets:
                    raise NotFoundError(f'secret "{ref.name}" not found')
                logins += logins_of(secrets[ref.name])
            except (NotFoundError, InvalidError) as exc:
                self._worker.note(
                    "FailedToRetrieveImagePullSecret", exc.message, self._name, warning=True
                )
        return tuple(logins)

    def _tell(self) -> None:
        self._worker.note("Pulling", f"Pulling image {self._container.image}", self._name)
        self._tell_progress("")

    def _tell_progress(self, progress: str) -> None:
        text = f"Pulling image {self._container.image}"
        reason = statuses.waiting_reason(self._worker.status, self._name)
        if reason == "ImagePullBackOff":
            reason = "ContainerCreating"
        self._wait(reason, f"{text}: {progress}" if progress else text)
        self._worker.save_soon()

    def _wait(self, reason: str, message: str) -> None:
        self._worker.status = statuses.waits(self._worker.status, self._name, reason, message)

    def _failed(self, exc: ArgoexecError, wanted: Wanted) -> AttemptError:
        reason = "ErrImagePull"
        if isinstance(exc, InvalidError):
            reason = "InvalidImageName"
        elif wanted.pull.policy == "Never" and isinstance(exc, NotFoundError):
            reason = "ErrImageNeverPull"
        self._wait(reason, exc.message)
        self._worker.note("Failed", exc.message, self._name, warning=True)
        return AttemptError(reason, exc.message)
