"""One pull for any number of pods that wait for the same image."""

from __future__ import annotations

import asyncio

from argoexec_cli.aio import Tasks
from argoexec_cli.models.pod import Container
from argoexec_cli.runtime.base import Image, ImagePull, Runtime


class Images:
    """Shares pulls. A pull goes on when those who wait for it are cancelled: the next pod will want
    it.
    """

    def __init__(self, runtime: Runtime, tasks: Tasks) -> None:
        """Pull through *runtime*, in background tasks owned by *tasks*."""
        self._runtime = runtime
        self._tasks = tasks
        self._pulls: dict[ImagePull, asyncio.Future[Image]] = {}

    async def get(self, pull: ImagePull) -> Image:
        """Return the image, pulling it if the policy wants that. Errors are those of
        `Runtime.pull`.
        """
        future = self._pulls.get(pull)
        if future is None:
            future = self._pulls[pull] = asyncio.get_running_loop().create_future()
            self._tasks.spawn(self._pull(pull, future), name=f"pull {pull.image}")
        return await asyncio.shield(future)

    async def _pull(self, pull: ImagePull, future: asyncio.Future[Image]) -> None:
        try:
            image = await self._runtime.pull(pull)
        except asyncio.CancelledError:
            future.cancel()
            raise
        except Exception as exc:  # noqa: BLE001 - handed to those who wait, who raise it
            future.set_exception(exc)
            future.exception()
        else:
            future.set_result(image)
        finally:
            del self._pulls[pull]


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
