"""How containers end.

One stream of events for all of them, and a look at containerd whenever the stream may have missed
one. Nothing is missed between streams: the stream is opened first, an event of our own shows that
it has begun, and then everything that is waited for is looked at.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from functools import partial
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from argoexec_cli.errors import NotFoundError, UnavailableError
from argoexec_cli.rpc.gen.containerd.events import task_pb2 as events
from argoexec_cli.rpc.gen.containerd.services import events_pb2
from argoexec_cli.rpc.gen.containerd.types import task_pb2
from argoexec_cli.runtime.base import Exit, Reason
from argoexec_cli.runtime.containerd.layout import Layout
from argoexec_cli.runtime.containerd.memory import was_killed
from argoexec_cli.runtime.containerd.native import Native
from argoexec_cli.runtime.kernellog import KernelLog

_log = logging.getLogger(__name__)

_RENEW_S: Final = 60.0
"""A stream lasts this long: a lost event delays an exit by no more."""
_READY_S: Final = 10.0
_BACK_OFF_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
_TOGETHER: Final = 16
_LATE_OOM_S: Final = 0.5
"""Where systemd has removed the control group and the kernel keeps its log to itself, only an event
tells of an OOM kill: before or after that of the end, or never."""
_UNKNOWN: Final = Exit(exit_code=137, reason="ContainerStatusUnknown")


class Exits:
    """The ends of one owner's containers. `run` must be running."""

    def __init__(self, native: Native, layout: Layout, kernel: KernelLog | None = None) -> None:
        """Know nothing yet; `run` connects."""
        self._kernel = kernel or KernelLog()
        self._native = native
        self._layout = layout
        self._stream = 0
        self._connected = False
        self._ready = asyncio.Event()
        self._live: dict[str, int] = {}
        self._oom: set[str] = set()
        self._limited: set[str] = set()
        self._late: dict[str, tuple[asyncio.TimerHandle, Callable[[], None]]] = {}
        self._ended: dict[str, Exit] = {}
        self._waiting: dict[str, asyncio.Future[Exit]] = {}
        self._questions = asyncio.Semaphore(_TOGETHER)

    async def ready(self) -> None:
        """Return once ends are followed for the first time; `UnavailableError` after 10 s."""
        try:
            async with asyncio.timeout(_READY_S):
                await self._ready.wait()
        except TimeoutError as exc:
            raise UnavailableError("containerd gives no events", hint="ctr events") from exc

    def expect(self, container: str, *, limited: bool = False) -> None:
        """Say that *container* is about to be started: its end will come by the stream.

        *limited*: it may be killed for its use of memory.
        """
        if limited:
            self._limited.add(container)
        if self._connected:
            self._live[container] = self._stream

    def has_ended(self, container: str) -> bool:
        """Tell whether an end is known already."""
        return container in self._ended

    def forget(self, container: str) -> None:
        """Drop what is known about a container that is gone; who waits for it learns that."""
        self._live.pop(container, None)
        self._ended.pop(container, None)
        self._oom.discard(container)
        self._limited.discard(container)
        self._settle(container)
        self._resolve(container, _UNKNOWN)

    async def ending(self, container: str) -> asyncio.Future[Exit]:
        """Return the future of the container's end, shared by all who wait: never cancel it.

        Looks at containerd once when the stream may have missed the end; one that is away is asked
        after it is back.
        """
        if container in self._ended:
            future: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
            future.set_result(self._ended[container])
            return future
        if container not in self._waiting:
            self._waiting[container] = asyncio.get_running_loop().create_future()
        future = self._waiting[container]
        if self._live.get(container) != self._stream or not self._connected:
            try:
                await self._look(container)
            except UnavailableError as exc:
                _log.debug("container %s: %s", container, exc.message)
        return future

    async def run(self) -> None:
        """Follow containerd's events for ever, through its restarts."""
        failures = 0
        while True:
            try:
                await self._follow()
                failures = 0
            except UnavailableError as exc:
                if self._connected:
                    failures = 0
                    _log.warning("events of containerd broke off, reconnecting: %s", exc.message)
                self._connected = False
                await asyncio.sleep(_BACK_OFF_S[min(failures, len(_BACK_OFF_S) - 1)])
                failures += 1
            finally:
                self._connected = False

    async def _follow(self) -> None:
        """Read one stream until it breaks (`UnavailableError`) or is due for a new one."""
        mark = f"/argoexec/{self._layout.owner}/{self._stream}"
        filters = [
            'namespace=="k8s.io",topic=="/tasks/exit"',
            'namespace=="k8s.io",topic=="/tasks/oom"',
            f'topic=="{mark}"',
        ]
        knock = asyncio.ensure_future(self._knock(mark))
        try:
            async with asyncio.timeout(_RENEW_S), aclosing(self._native.events(filters)) as stream:
                await self._take_all(stream, mark, knock)
        except TimeoutError:
            return
        finally:
            knock.cancel()
            await asyncio.gather(knock, return_exceptions=True)

    async def _take_all(
        self, stream: AsyncIterator[events_pb2.Envelope], mark: str, knock: asyncio.Task[None]
    ) -> None:
        async for envelope in stream:
            if envelope.topic != mark:
                self._take(envelope)
            elif not self._connected:
                knock.cancel()
                self._stream += 1
                self._connected = True
                await self._look_at_all()
                self._ready.set()
        raise UnavailableError("containerd closed the stream of events")

    async def _knock(self, mark: str) -> None:
        """Publish an event again and again: one of them shows that the stream has begun."""
        while True:
            try:
                await self._native.publish(mark)
            except UnavailableError:
                return  # the stream will tell
            await asyncio.sleep(_BACK_OFF_S[0])

    def _take(self, envelope: events_pb2.Envelope) -> None:
        if envelope.topic == "/tasks/oom":
            oom = events.TaskOOM.FromString(envelope.event.value)
            if self._is_wanted(oom.container_id):
                self._oom.add(oom.container_id)
                if oom.container_id in self._late:
                    self._late[oom.container_id][1]()
            return
        end = events.TaskExit.FromString(envelope.event.value)
        # Not of an additional process in the container.
        if end.id == end.container_id and self._is_wanted(end.id):
            self._judge(end.id, end.exit_status, end.exited_at)

    def _is_wanted(self, container: str) -> bool:
        return container in self._live or container in self._waiting

    async def _look_at_all(self) -> None:
        """Find the ends that no stream reported."""
        wanted = [*self._waiting]
        states = await self._native.tasks() if wanted else {}
        over = [
            one for one in wanted if one not in states or states[one].status == task_pb2.STOPPED
        ]
        await asyncio.gather(*map(self._look, over))

    async def _look(self, container: str) -> None:
        """Ask containerd how one container is, and note it if it has ended."""
        stream = self._stream
        async with self._questions:
            try:
                process = await self._native.task(container)
            except NotFoundError:
                self.forget(container)
                return
        if process.status == task_pb2.STOPPED:
            self._judge(container, process.exit_status, process.exited_at)
        elif self._connected and stream == self._stream:
            self._live[container] = stream

    def _judge(self, container: str, code: int, exited_at: Timestamp) -> None:
        """Note an end, at once unless it may still turn out that it was an OOM kill."""
        killed = was_killed(self._layout.cgroup(container))
        if killed or (killed is None and code and self._kernel.killed_in(container)):
            self._oom.add(container)
        end = partial(self._end, container, code, exited_at)
        known = killed is not None or container in self._oom
        if known or code == 0 or container not in self._limited:
            end()
            return
        self._settle(container)
        timer = asyncio.get_running_loop().call_later(_LATE_OOM_S, end)
        self._late[container] = (timer, end)

    def _settle(self, container: str) -> None:
        if late := self._late.pop(container, None):
            late[0].cancel()

    def _end(self, container: str, code: int, exited_at: Timestamp) -> None:
        self._settle(container)
        self._live.pop(container, None)
        finished = exited_at.ToDatetime(UTC)
        started = self._started(container)
        end = Exit(
            exit_code=code,
            reason=self._reason(container, code),
            started_at=min(started, finished) if started else None,
            finished_at=finished,
        )
        self._oom.discard(container)
        self._ended[container] = end
        self._resolve(container, end)

    def _started(self, container: str) -> datetime | None:
        try:
            seconds = self._layout.started(container).stat().st_mtime
        except OSError:
            return None
        return datetime.fromtimestamp(seconds, tz=UTC)

    def _reason(self, container: str, code: int) -> Reason:
        if container in self._oom:
            return "OOMKilled"
        return "Error" if code else "Completed"

    def _resolve(self, container: str, end: Exit) -> None:
        future = self._waiting.pop(container, None)
        if future is not None and not future.done():
            future.set_result(end)
