"""Reads the log of a pod's container through whatever interrupts it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Final

import msgspec

from argoexec_cli.errors import NotFoundError, UnavailableError
from argoexec_cli.executors.kubernetes.loglines import Lines, Position, parse_cursor, since_time
from argoexec_cli.kube.base import Kube, LogWanted
from argoexec_cli.kube.errors import NotReadyError
from argoexec_cli.models.logs import LogChunk, LogQuery, make_chunk

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
        self._position = Position()

    async def read(self, query: LogQuery) -> AsyncGenerator[LogChunk]:
        """Return what *query* asks for; with `follow` until the container has finished.

        A follower who finds nothing gets an empty chunk at once, whose cursor is where he waits.
        """
        self._position = parse_cursor(query.cursor)
        if query.follow and not query.cursor:
            async with aclosing(self._begin(query)) as chunks:
                async for chunk in chunks:
                    yield chunk
            query = msgspec.structs.replace(query, tail_lines=None)
        delay = _STEP_S
        while True:
            done, before = query.previous or await self._finished(), self._position
            try:
                async with aclosing(self._once(query)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            except UnavailableError:
                if not query.follow:
                    raise
                done = False
            if done or not query.follow:
                return
            delay = _STEP_S if self._position != before else min(delay * 2, _LONGEST_S)
            await asyncio.sleep(delay)

    async def _begin(self, query: LogQuery) -> AsyncGenerator[LogChunk]:
        """Return what is there now."""
        nothing, there = True, msgspec.structs.replace(query, follow=False)
        while True:
            try:
                if there.tail_lines == 0:
                    self._position = await self._end(there)
                    break
                async with aclosing(self._once(there)) as chunks:
                    async for chunk in chunks:
                        nothing = False
                        yield chunk
            except UnavailableError:
                if nothing:
                    await asyncio.sleep(_STEP_S)
                    continue
            break
        if nothing:
            yield make_chunk([], str(self._position))

    async def _end(self, query: LogQuery) -> Position:
        """Return where the log ends now: the time of its last line, and how many have that."""
        last = PodLog(self._kube, self._name, self._namespace, self._finished)
        for part in (msgspec.structs.replace(query, tail_lines=1), query):
            last._position = Position(last._position.time_ns)
            async with aclosing(last._once(part)) as chunks:
                async for _ in chunks:
                    pass
        return last._position

    async def _once(self, query: LogQuery) -> AsyncGenerator[LogChunk]:
        """Return what comes of one request; nothing before the container starts, nor of a pod that
        was taken away.
        """
        lines = Lines(self._position, query.since_ns)
        start_ns = max(lines.position.time_ns, query.since_ns)
        wanted = LogWanted(
            container=query.container,
            follow=query.follow,
            tail_lines=None if lines.position.time_ns else query.tail_lines,
            since_time=since_time(start_ns) if start_ns else "",
            previous=query.previous,
        )
        try:
            async with aclosing(self._kube.logs(self._name, self._namespace, wanted)) as pieces:
                async for piece in pieces:
                    if (chunk := lines.feed(piece)) is not None:
                        self._position = lines.position
                        yield chunk
            if (chunk := lines.end()) is not None:
                self._position = lines.position
                yield chunk
        except (NotReadyError, NotFoundError):
            return
