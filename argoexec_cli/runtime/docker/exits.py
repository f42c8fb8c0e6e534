"""How containers end.

One stream of events for all of them, and a look at the engine whenever the stream may have missed
one.

The `die` event has the exit code. Asking the engine instead would cost about 50 ms a container: it
publishes `die` before it takes the network down, and an inspection has to wait for that.

Nothing is missed between streams: the stream is opened first, with the engine's whole memory of
past events (so the moment at which it begins does not matter), and then everything that is waited
for is looked at.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final, NamedTuple

import msgspec

from argoexec_cli.errors import UnavailableError
from argoexec_cli.runtime.base import Exit, Handle, Reason
from argoexec_cli.runtime.docker import wire
from argoexec_cli.runtime.docker.containers import ENDED, Containers
from argoexec_cli.runtime.docker.engine import Engine, encode_filters
from argoexec_cli.runtime.kernellog import KernelLog
from argoexec_cli.runtime.labels import OWNER

_log = logging.getLogger(__name__)

_RENEW_S: Final = 60.0
"""A stream lasts this long: a lost event or a dead connection delays an exit by no more."""
_READY_S: Final = 10.0
_BACK_OFF_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
_LATE_OOM_S: Final = 0.5
"""The engine learns of an OOM kill and of the end that it caused in two ways, in any order. Of some
kills it never learns, so the kernel is asked first: this is for where that keeps its log to itself.
"""
_UNKNOWN: Final = Exit(exit_code=137, reason="ContainerStatusUnknown")


class _Live(NamedTuple):
    """A container whose end the stream number `stream` will report, if it lasts."""

    stream: int
    started_at: datetime | None


class _Late(NamedTuple):
    """An end of which it may still turn out that it was an OOM kill."""

    timer: asyncio.TimerHandle
    end: Callable[[], None]


class Exits:
    """The ends of one owner's containers. `run` must be running."""

    def __init__(
        self, engine: Engine, containers: Containers, owner: str, kernel: KernelLog | None = None
    ) -> None:
        """Know nothing yet; `run` connects."""
        self._kernel = kernel or KernelLog()
        self._engine = engine
        self._containers = containers
        self._params = {"since": "1"} | encode_filters(
            type=["container"],
            event=["start", "oom", "die", "destroy"],
            label=[f"{OWNER}={owner}"],
        )
        self._stream = 0
        self._connected = False
        self._ready = asyncio.Event()
        self._live: dict[str, _Live] = {}
        self._oom: set[str] = set()
        self._limited: set[str] = set()
        self._late: dict[str, _Late] = {}
        self._ended: dict[str, Exit] = {}
        self._waiting: dict[str, asyncio.Future[Exit]] = {}

    async def ready(self) -> None:
        """Return once ends are followed for the first time; UnavailableError after 10 s."""
        try:
            async with asyncio.timeout(_READY_S):
                await self._ready.wait()
        except TimeoutError as exc:
            raise UnavailableError("Docker Engine gives no events", hint="docker events") from exc

    def expect(self, container: str, *, limited: bool = False) -> None:
        """Say that *container* is about to be started for the first time.

        Its end will come by the stream. *limited*: it may be killed for its use of memory.
        """
        if limited:
            self._limited.add(container)
        if self._connected:
            self._live[container] = _Live(self._stream, None)

    def has_ended(self, container: str) -> bool:
        """Tell whether an end is known already; the engine's own list may be behind its events."""
        return container in self._ended

    def forget(self, container: str) -> None:
        """Drop what is known about a container that is gone; who waits for it learns that."""
        self._live.pop(container, None)
        self._ended.pop(container, None)
        self._oom.discard(container)
        self._limited.discard(container)
        self._settle(container)
        self._resolve(container, _UNKNOWN)

    async def ending(self, handle: Handle) -> asyncio.Future[Exit]:
        """Return the future of the container's end, shared by all who wait: never cancel it.

        Looks at the engine once when the stream may have missed the end; an engine that is away is
        asked after it is back.
        """
        container = handle.id
        if container in self._ended:
            future = asyncio.get_running_loop().create_future()
            future.set_result(self._ended[container])
            return future
        if container not in self._waiting:
            self._waiting[container] = asyncio.get_running_loop().create_future()
        future = self._waiting[container]
        live = self._live.get(container)
        if live is None or live.stream != self._stream or not self._connected:
            try:
                await self._look(container)
            except UnavailableError as exc:
                _log.debug("container %s: %s", container, exc.message)
        return future

    async def run(self) -> None:
        """Follow the engine's events for ever, through its restarts."""
        failures = 0
        while True:
            try:
                await self._follow()
                failures = 0
            except UnavailableError as exc:
                if self._connected:
                    failures = 0
                    _log.warning("events of Docker Engine broke off, reconnecting: %s", exc.message)
                self._connected = False
                await asyncio.sleep(_BACK_OFF_S[min(failures, len(_BACK_OFF_S) - 1)])
                failures += 1
            finally:
                self._connected = False

    async def _follow(self) -> None:
        """Read one stream until it breaks (UnavailableError) or is due for a new one."""
        try:
            async with (
                asyncio.timeout(_RENEW_S) as limit,
                self._engine.stream("GET", "/events", self._params) as stream,
            ):
                if stream.status >= 400:
                    raise UnavailableError(f"events are refused with status {stream.status}")
                self._stream += 1
                self._connected = True
                await self._look_at_all()
                self._ready.set()
                async for line in stream.content:
                    self._take(msgspec.json.decode(line, type=wire.Event))
        except TimeoutError:
            return
        if not limit.expired():
            raise UnavailableError("Docker Engine closed the stream")

    def _take(self, event: wire.Event) -> None:
        container = event.actor.id
        if event.action == "start" and container in self._live:
            self._live[container] = self._live[container]._replace(started_at=_time(event.time_ns))
        elif event.action == "oom" and self._is_wanted(container):
            self._oom.add(container)
            if container in self._late:
                self._late[container].end()
        elif event.action == "die" and self._is_wanted(container):
            self._die(container, event)
        elif event.action == "destroy":
            self.forget(container)

    def _die(self, container: str, event: wire.Event) -> None:
        code = int(event.actor.attributes.get("exitCode", "255"))
        self._ask_kernel(container, code)
        end = partial(self._end, container, code, None, _time(event.time_ns))
        if code == 0 or container in self._oom or container not in self._limited:
            end()
            return
        timer = asyncio.get_running_loop().call_later(_LATE_OOM_S, end)
        self._late[container] = _Late(timer, end)

    def _ask_kernel(self, container: str, code: int) -> None:
        """Note an OOM kill that the engine does not know of, or not yet."""
        if code and container not in self._oom and self._kernel.killed_in(container):
            self._oom.add(container)

    def _settle(self, container: str) -> None:
        if late := self._late.pop(container, None):
            late.timer.cancel()

    def _is_wanted(self, container: str) -> bool:
        """Tell new from old: a stream begins with events that were dealt with long ago."""
        return container in self._live or container in self._waiting

    async def _look_at_all(self) -> None:
        """Find the ends that no stream reported, and forget the containers that are gone."""
        # Of now: what is started while the engine makes its list is not in it.
        waiting, known = list(self._waiting), {*self._live, *self._ended}
        states = {found.id: found.state for found in await self._containers.ours()}
        for container in known - states.keys():
            self.forget(container)
        for container in waiting:
            if states.get(container, "gone") in {"gone", *ENDED}:
                await self._look(container)

    async def _look(self, container: str) -> None:
        """Ask the engine how one container is, and note it if it has ended."""
        stream = self._stream
        found = await self._containers.inspect(container)
        if found is None:
            self.forget(container)
        elif found.state.status in ENDED:
            if found.state.oom_killed:
                self._oom.add(container)
            state = found.state
            self._ask_kernel(container, state.exit_code)
            self._end(container, state.exit_code, state.started_at, state.finished_at)
        elif self._connected and stream == self._stream:
            self._live[container] = _Live(stream, found.state.started_at)

    def _end(
        self, container: str, code: int, started_at: datetime | None, finished_at: datetime
    ) -> None:
        self._settle(container)
        live = self._live.pop(container, None)
        started_at = started_at or (live.started_at if live else None)
        end = Exit(
            exit_code=code,
            reason=self._reason(container, code),
            started_at=started_at if started_at and started_at.year > 1 else None,
            finished_at=finished_at if finished_at.year > 1 else None,
        )
        self._oom.discard(container)
        self._ended[container] = end
        self._resolve(container, end)

    def _reason(self, container: str, code: int) -> Reason:
        if container in self._oom:
            return "OOMKilled"
        return "Completed" if code == 0 else "Error"

    def _resolve(self, container: str, end: Exit) -> None:
        future = self._waiting.pop(container, None)
        if future is not None and not future.done():
            future.set_result(end)


def _time(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns / 1e9, tz=UTC)
