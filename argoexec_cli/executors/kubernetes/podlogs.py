"""Reads the log of a pod's container through whatever interrupts it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Final

from argoexec_cli.errors import NotFoundError, UnavailableError
from argoexec_cli.executors.kubernetes.loglines import Lines, Position, since_time
from argoexec_cli.kube.base import Kube, LogWanted
from argoexec_cli.kube.errors import NotReadyError
from argoexec_cli.models.logs import LogChunk, LogQuery

_STEP_S: Final = 0.2
_LONGEST_S: Final = 2.0
Finished = Callable[[], Awaitable[bool]]


class PodLog:
    """One answer to one `LogQuery`; `container` is filled in. *finished* tells whether the
    container will write nothing more, or never start.
    """

    def __init__(self, kube: Kube, name: str, namespace: str, finished: Finished) -> None:
        """Read nothing yet."""
        self._kube, self._name, self._namespace = kube, name, namespace
        self._finished = finished

    async def read(self, query: LogQuery, after: Position) -> AsyncGenerator[LogChunk]:
        """Return the chunks after a position; with `follow` until the container has finished."""
        position, delay = after, _STEP_S
        while True:
            done = await self._finished()
            lines = Lines(position, query.since_ns)
            try:
                async with aclosing(self._once(query, lines)) as chunks:
                    async for chunk in chunks:
                        yield chunk
                        delay = _STEP_S
            except (NotReadyError, NotFoundError):
                pass  # not started yet, or taken away already
            except UnavailableError:
                if not query.follow:
                    raise
                done = False
            position = lines.position
            if done or not query.follow:
                return
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LONGEST_S)

    async def _once(self, query: LogQuery, lines: Lines) -> AsyncGenerator[LogChunk]:
        start_ns = max(lines.position.time_ns, query.since_ns)
        wanted = LogWanted(
            container=query.container,
            follow=query.follow,
            tail_lines=None if lines.position.time_ns else query.tail_lines,
            since_time=since_time(start_ns) if start_ns else "",
            previous=query.previous,
        )
        async with aclosing(self._kube.logs(self._name, self._namespace, wanted)) as pieces:
            async for piece in pieces:
                if (chunk := lines.feed(piece)) is not None:
                    yield chunk
        if (chunk := lines.end()) is not None:
            yield chunk
