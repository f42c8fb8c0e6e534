"""How containers end: one list of all containers tells, asked for only while some run.

The interface has no working stream of events in containerd 1.6 (`GetContainerEvents` is not
implemented), so somebody has to ask. When is known, though: a container's log file is closed as it
ends, which the kernel reports. Then the list is asked for in quick succession, otherwise rarely.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Final

from argoexec_cli.errors import NotFoundError, UnavailableError
from argoexec_cli.rpc.gen.cri.v1 import container_pb2
from argoexec_cli.runtime.base import Exit, Handle, Reason
from argoexec_cli.runtime.containerd.cri import Cri
from argoexec_cli.runtime.labels import OWNER

_log = logging.getLogger(__name__)

_FAST_S: Final = 0.01
_SLOW_S: Final = 0.25
"""An end whose sign was missed is noticed this late."""
_AWAY_S: Final = 0.1
_TOGETHER: Final = 16
_GOING_ON: Final = frozenset({container_pb2.CONTAINER_CREATED, container_pb2.CONTAINER_RUNNING})
_UNKNOWN: Final = Exit(exit_code=137, reason="ContainerStatusUnknown")


class Exits:
    """The ends of one owner's containers. `run` must be running."""

    def __init__(self, cri: Cri, owner: str) -> None:
        """Know nothing yet."""
        self._cri = cri
        self._labels = {OWNER: owner}
        self._waiting: dict[str, asyncio.Future[Exit]] = {}
        self._ended: dict[str, Exit] = {}
        self._begun = asyncio.Event()
        self._sign = asyncio.Event()
        self._pace_s = _FAST_S
        self._questions = asyncio.Semaphore(_TOGETHER)

    def expect(self, container: str) -> None:
        """Say that *container* is about to be started: the sign of its end is not to be missed."""
        if container not in self._waiting and container not in self._ended:
            self._waiting[container] = asyncio.get_running_loop().create_future()
            self._begun.set()

    def ending(self, handle: Handle) -> asyncio.Future[Exit]:
        """Return the future of the container's end, shared by all who wait: never cancel it."""
        container = handle.id
        if container in self._ended:
            future: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
            future.set_result(self._ended[container])
            return future
        if container not in self._waiting:
            # Started by another process, or long ago: the sign may have been given already.
            self.expect(container)
            self.hint()
        return self._waiting[container]

    def hint(self) -> None:
        """Say that some container has perhaps just ended."""
        self._sign.set()

    def forget(self, container: str) -> None:
        """Drop what is known about a container that is gone; who waits for it learns that."""
        self._ended.pop(container, None)
        self._resolve(container, _UNKNOWN)

    async def run(self) -> None:
        """Look for ends for ever, through restarts of the runtime."""
        is_away = False
        while True:
            await self._pause()
            try:
                await self._look()
                is_away = False
            except UnavailableError as exc:
                if not is_away:
                    _log.warning("waiting for containers: %s", exc.message)
                is_away = True
                await asyncio.sleep(_AWAY_S)

    async def _pause(self) -> None:
        """Wait for a sign, or for some time that grows while nothing happens."""
        if not self._waiting:
            self._begun.clear()
            await self._begun.wait()
        try:
            async with asyncio.timeout(self._pace_s):
                await self._sign.wait()
        except TimeoutError:
            self._pace_s = min(2 * self._pace_s, _SLOW_S)
            return
        self._sign.clear()
        self._pace_s = _FAST_S
        # The runtime notes the end a little after its sign; signs that come together are one.
        await asyncio.sleep(_FAST_S)

    async def _look(self) -> None:
        wanted = list(self._waiting)
        if not wanted:
            return
        states = {one.id: one.state for one in await self._cri.containers(self._labels)}
        over = [one for one in wanted if states.get(one) not in _GOING_ON]
        await asyncio.gather(*map(self._ask, over))

    async def _ask(self, container: str) -> None:
        """Learn how a container ended that is said to have ended."""
        async with self._questions:
            try:
                status = await self._cri.container(container)
            except NotFoundError:
                self.forget(container)
                return
        if status.state not in _GOING_ON:
            end = to_exit(status)
            self._ended[container] = end
            self._resolve(container, end)

    def _resolve(self, container: str, end: Exit) -> None:
        future = self._waiting.pop(container, None)
        if future is not None and not future.done():
            future.set_result(end)


def to_exit(status: container_pb2.ContainerStatus) -> Exit:
    """Translate how a container ended. A start that failed counts as an error (code 128)."""
    # containerd notes the start after the fact: a short container may have ended before.
    started_ns = min(status.started_at, status.finished_at or status.started_at)
    return Exit(
        exit_code=status.exit_code,
        reason=_reason(status),
        started_at=_time(started_ns),
        finished_at=_time(status.finished_at),
    )


def _reason(status: container_pb2.ContainerStatus) -> Reason:
    if status.state == container_pb2.CONTAINER_UNKNOWN or status.reason == "Unknown":
        return "ContainerStatusUnknown"
    if status.reason == "OOMKilled":
        return "OOMKilled"
    return "Error" if status.exit_code else "Completed"


def _time(time_ns: int) -> datetime | None:
    return datetime.fromtimestamp(time_ns / 1e9, tz=UTC) if time_ns else None
